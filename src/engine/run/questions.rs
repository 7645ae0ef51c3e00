//! What the stages that will run need of their source files, asked before the first of them computes.
//!
//! Knows what each kind needs; a process that can open the files answers (`Executor::check`). Each question is
//! asked once, however many stages have it.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use crate::{
    engine::{
        exec::{Executor, SOURCES},
        plan::{forecast::Forecast, planner::Planner},
        tell::event::Planned,
    },
    pipeline::{FileOfUser, Source, StageNode},
    protocol::{
        About, Answer, Failure, Finding, Holds, InputFile, PatchFiles, Question, Severity, Wanted,
        WeightsFile,
    },
    stages::{AnyStage, Runner},
};

/// How often a check looks whether the run was stopped.
const PATIENCE: Duration = Duration::from_millis(50);

/// What was found: errors with their places, and warnings with their stages; each once.
#[derive(Default)]
pub(in crate::engine) struct Findings {
    pub(in crate::engine) errors: Vec<String>,
    pub(in crate::engine) warnings: Vec<(String, String)>,
}

/// A question of a stage, and which parts of its table it is about.
struct Asked<'a> {
    node: &'a StageNode,
    question: Question,
    slots: BTreeMap<Holds, &'a FileOfUser>,
    weights: Option<&'a FileOfUser>,
    /// The parameter that says how many patches there have to be.
    count: &'static str,
}

/// Has the source files of all stages that will run, or may, opened and checked.
pub(in crate::engine) fn ask(
    planner: &Planner<'_>,
    forecast: &Forecast,
    executor: &dyn Executor,
    stopped: &AtomicBool,
) -> Findings {
    let runs = |state| matches!(state, Planned::Run | Planned::Maybe);
    let stages = forecast.stages.iter().filter(|outlook| runs(outlook.state));
    let asked: Vec<Asked<'_>> =
        stages.flat_map(|outlook| asked(&planner.pipeline.stages[outlook.stage])).collect();
    let mut findings = Findings::default();
    for runner in [Runner::Engine, Runner::Worker] {
        // The worker takes a moment to start: what is wrong already is told without it.
        if findings.errors.is_empty() {
            let watched = |questions| until_stopped(executor, runner, questions, stopped);
            ask_one(planner, &asked, runner, &watched, &mut findings);
        }
    }
    findings
}

fn ask_one(
    planner: &Planner<'_>,
    asked: &[Asked<'_>],
    runner: Runner,
    check: &dyn Fn(Vec<Question>) -> Result<Vec<Answer>, Failure>,
    findings: &mut Findings,
) {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut questions = Vec::new();
    let mut about = Vec::new();
    for asked in asked.iter().filter(|asked| asked.runner() == runner) {
        let text = serde_json::to_string(&asked.question).unwrap_or_default();
        let place = *places.entry(text).or_insert_with(|| {
            questions.push(asked.question.clone());
            questions.len() - 1
        });
        about.push((asked, place));
    }
    if questions.is_empty() {
        return;
    }
    match check(questions) {
        Ok(answers) => {
            let answered = about.iter().filter_map(|(asked, place)| Some((asked, answers.get(*place)?)));
            answered.for_each(|(asked, answer)| findings.add(asked, answer, planner));
        }
        // What cannot be checked beforehand fails, or not, in its stage.
        Err(failure) => tracing::debug!("source files were not checked: {}", failure.message),
    }
}

/// Checks, and cancels that when the run is stopped.
fn until_stopped(
    executor: &dyn Executor,
    runner: Runner,
    questions: Vec<Question>,
    stopped: &AtomicBool,
) -> Result<Vec<Answer>, Failure> {
    let (send, receive) = mpsc::channel();
    std::thread::scope(|threads| {
        let checking = threads.spawn(move || {
            let _ = send.send(executor.check(runner, questions));
        });
        loop {
            match receive.recv_timeout(PATIENCE) {
                Ok(answers) => return answers,
                Err(RecvTimeoutError::Timeout) if stopped.load(Ordering::SeqCst) => executor.cancel(SOURCES),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // It has sent nothing, so it panicked.
        let panic = checking.join().err().unwrap_or_else(|| Box::new("the check was lost"));
        Err(Failure::panicked(&*panic))
    })
}

impl Findings {
    fn add(&mut self, asked: &Asked<'_>, answer: &Answer, planner: &Planner<'_>) {
        for finding in &answer.findings {
            let Finding { severity, message, about } = finding;
            match severity {
                Severity::Error => {
                    once(&mut self.errors, format!("{}: {message}", asked.place(*about, planner)));
                }
                Severity::Warning => {
                    once(&mut self.warnings, (asked.node.name.written().to_string(), message.clone()));
                }
            }
        }
    }
}

fn once<T: PartialEq>(all: &mut Vec<T>, new: T) {
    if !all.contains(&new) {
        all.push(new);
    }
}

impl Asked<'_> {
    fn runner(&self) -> Runner {
        match self.question {
            Question::Patches(_) => Runner::Engine,
            Question::Weights(_) => Runner::Worker,
        }
    }

    /// The line of the pipeline that a finding is about.
    fn place(&self, about: About, planner: &Planner<'_>) -> String {
        let file = match about {
            About::File(holds) => self.slots.get(&holds).copied(),
            About::Weights => self.weights,
            About::Column if self.count != "sizes" => self.slots.get(&Holds::Meta).copied(),
            About::Column | About::Count => None,
        };
        let parameter = if about == About::Column { "group-by" } else { self.count };
        file.map(|file| file.place.clone())
            .or_else(|| planner.written().parameter(&self.node.name, parameter))
            .unwrap_or_else(|| self.node.name.to_string())
    }
}

/// The questions of one stage.
fn asked(node: &StageNode) -> Vec<Asked<'_>> {
    let need = |patches: u64| PatchFiles { patches, ..PatchFiles::default() };
    let take = |take: Option<u32>| need(take.unwrap_or(0).into());
    let one_class = |severity| PatchFiles { one_class: Some(severity), ..need(0) };
    let training = || {
        [
            patches(node, "data.train", "data", one_class(Severity::Error)),
            patches(node, "data.validation", "data", one_class(Severity::Warning)),
        ]
    };
    let model = || weights(node, "model", Wanted::Model);
    let all = match &node.stage {
        AnyStage::Split(split) => {
            let sizes = &split.sizes;
            let total = sizes.train.saturating_add(sizes.validation).saturating_add(sizes.test);
            let wanted =
                PatchFiles { column: split.group_by.clone(), patches: total, ..one_class(Severity::Error) };
            vec![patches(node, "images", "sizes", wanted)]
        }
        AnyStage::Train(train) => {
            let start = weights(node, "weights", Wanted::Network(train.architecture.clone()));
            training().into_iter().chain([start]).collect()
        }
        AnyStage::ResumeTrain(stage) => {
            let start = weights(node, "from", Wanted::Checkpoint(stage.architecture.clone()));
            training().into_iter().chain([start]).collect()
        }
        AnyStage::Evaluate(stage) => vec![
            patches(node, "images", "take", take(stage.take)),
            patches(node, "validation", "validation", one_class(Severity::Error)),
            model(),
        ],
        AnyStage::Explain(stage) => vec![patches(node, "images", "take", take(stage.take)), model()],
        AnyStage::Metrics(_) => {
            let wanted = PatchFiles { column: Some(SLIDES.to_owned()), ..need(0) };
            vec![patches(node, "images", "explanations", wanted), model()]
        }
        AnyStage::Sanity(stage) => vec![patches(node, "images", "take", take(stage.take)), model()],
        AnyStage::Preview(stage) => {
            vec![patches(node, "images", "rows", need(u64::from(stage.rows) * u64::from(stage.columns)))]
        }
        AnyStage::Synthesize(_) | AnyStage::Command(_) => Vec::new(),
    };
    all.into_iter().flatten().collect()
}

/// The column of the meta table that holds the slide.
const SLIDES: &str = "wsi";

/// The question about the files below a slot, where there are any.
fn patches<'a>(
    node: &'a StageNode,
    slot: &str,
    count: &'static str,
    wanted: PatchFiles,
) -> Option<Asked<'a>> {
    let beside = |name| file(node, name).filter(|_| slot == "images");
    let files = [
        (Holds::Images, file(node, &format!("{slot}.x")).or_else(|| file(node, slot))),
        (Holds::Labels, file(node, &format!("{slot}.y")).or_else(|| beside("labels"))),
        (Holds::Masks, beside("masks")),
        (Holds::Meta, beside("meta")),
    ];
    let slots: BTreeMap<Holds, &FileOfUser> =
        files.into_iter().filter_map(|(holds, file)| Some((holds, file?))).collect();
    let files = slots.iter().map(|(holds, file)| (*holds, input(file))).collect();
    let question = Question::Patches(PatchFiles { files, ..wanted });
    (!slots.is_empty()).then_some(Asked { node, question, slots, weights: None, count })
}

/// The question about a file of weights, where the slot has one.
fn weights<'a>(node: &'a StageNode, slot: &str, wanted: Wanted) -> Option<Asked<'a>> {
    let weights = file(node, slot)?;
    let question = Question::Weights(WeightsFile { file: input(weights), wanted });
    Some(Asked { node, question, slots: BTreeMap::new(), weights: Some(weights), count: "" })
}

fn file<'a>(node: &'a StageNode, slot: &str) -> Option<&'a FileOfUser> {
    node.inputs.iter().find(|input| input.slot == slot).and_then(|input| match &input.source {
        Source::File(file) => Some(&**file),
        Source::Artifact { .. } => None,
    })
}

fn input(file: &FileOfUser) -> InputFile {
    InputFile { path: file.path.clone(), name: file.file.path.clone() }
}
