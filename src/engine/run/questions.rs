//! Has the source files of the stages that will run checked before the first stage computes, and whether files can be
//! downloaded.
//!
//! Knows what each kind needs of its files. A process that can open them answers (`Executor::check`). Each
//! question is asked once, even if several stages have it.

use std::{path::Path, sync::atomic::AtomicBool};

use crate::{
    engine::{
        compute::until_stopped,
        exec::{Executor, SOURCES},
        plan::{forecast::Forecast, planner::Planner, remarks::Remarks},
        tell::event::Planned,
    },
    pipeline::{FileOfUser, Source, StageNode},
    protocol::{
        About, Answer, Downloads, Finding, Holds, InputFile, PatchFiles, Question, Severity, Wanted,
        WeightsFile,
    },
    stages::{AnyStage, Runner, SCRIPT_SLOT, fetch::Fetch},
};

/// A question of a stage, and the parts of its table that it is about.
pub(super) struct Asked<'a> {
    node: &'a StageNode,
    question: Question,
    files: Vec<(About, &'a FileOfUser)>,
    /// The parameter that sets the number of patches.
    count: &'static str,
}

/// The questions of all stages that will run, or may run.
pub(super) fn of<'a>(planner: &Planner<'a>, forecast: &Forecast) -> Vec<Asked<'a>> {
    let pipeline = planner.pipeline;
    let runs = |state| matches!(state, Planned::Run | Planned::Maybe);
    let stages = forecast.stages.iter().filter(|outlook| runs(outlook.state));
    stages.flat_map(|outlook| asked(&pipeline.stages[outlook.stage], &pipeline.data)).collect()
}

/// Asks the questions.
pub(super) fn ask(
    planner: &Planner<'_>,
    asked: &[Asked<'_>],
    executor: &dyn Executor,
    stopped: &AtomicBool,
) -> Remarks {
    let mut remarks = Remarks::default();
    for runner in [Runner::Engine, Runner::Worker] {
        // The worker takes a moment to start, so errors are reported without it.
        if remarks.has_errors() {
            break;
        }
        let asked: Vec<&Asked<'_>> = asked.iter().filter(|asked| asked.runner() == runner).collect();
        let mut questions: Vec<Question> = Vec::new();
        for question in asked.iter().map(|asked| &asked.question) {
            if !questions.contains(question) {
                questions.push(question.clone());
            }
        }
        if questions.is_empty() {
            continue;
        }
        match until_stopped(executor, SOURCES, stopped, || executor.check(runner, questions.clone())) {
            Ok(answers) => {
                for (question, answer) in questions.iter().zip(&answers) {
                    let stages = asked.iter().filter(|asked| asked.question == *question);
                    stages.for_each(|asked| asked.add(answer, planner, &mut remarks));
                }
            }
            // What cannot be checked now will be found, or not, by its stage.
            Err(failure) => tracing::debug!("source files were not checked: {}", failure.message),
        }
    }
    remarks
}

impl Asked<'_> {
    fn runner(&self) -> Runner {
        match self.question {
            Question::Patches(_) | Question::Downloads(_) => Runner::Engine,
            Question::Weights(_) => Runner::Worker,
        }
    }

    fn add(&self, answer: &Answer, planner: &Planner<'_>, remarks: &mut Remarks) {
        for Finding { severity, message, about } in &answer.findings {
            match severity {
                Severity::Error => remarks.error(format!("{}: {message}", self.place(*about, planner))),
                Severity::Warning => remarks.warn(self.node.name.written().to_string(), message.clone()),
            }
        }
    }

    /// The line of the pipeline that a finding is about.
    fn place(&self, about: About, planner: &Planner<'_>) -> String {
        // Only `split` has a parameter for the column.
        let (of, parameter) = match about {
            About::Column if self.count != "sizes" => (About::File(Holds::Meta), self.count),
            About::Column => (about, "group-by"),
            About::File(_) | About::Count | About::Weights | About::Downloads => (about, self.count),
        };
        let file = self.files.iter().find(|(known, _)| *known == of);
        file.map(|(_, file)| file.place.clone())
            .or_else(|| planner.written().parameter(&self.node.name, parameter))
            .unwrap_or_else(|| self.node.name.to_string())
    }
}

/// The questions of one stage. `data` is the folder of the source files.
fn asked<'a>(node: &'a StageNode, data: &Path) -> Vec<Asked<'a>> {
    let need = |patches: u64| PatchFiles { patches, ..PatchFiles::default() };
    let take = |take: Option<u32>| need(take.unwrap_or(0).into());
    let one_class = |severity| PatchFiles { one_class: Some(severity), ..need(0) };
    let train = || patches(node, "data.train", "data", one_class(Severity::Error));
    let validation = || patches(node, "data.validation", "data", one_class(Severity::Warning));
    let model = || weights(node, "model", Wanted::Model);
    let script = || weights(node, SCRIPT_SLOT, Wanted::Script);
    let all = match &node.stage {
        AnyStage::Split(split) => {
            let sizes = &split.sizes;
            let total = sizes.train.saturating_add(sizes.validation).saturating_add(sizes.test);
            let wanted =
                PatchFiles { column: split.group_by.clone(), patches: total, ..one_class(Severity::Error) };
            vec![patches(node, "images", "sizes", wanted)]
        }
        AnyStage::Train(stage) => {
            let start =
                Wanted::Start { architecture: stage.architecture.clone(), replace_head: stage.replace_head };
            vec![train(), validation(), weights(node, "weights", start)]
        }
        AnyStage::ResumeTrain(stage) => {
            let checkpoint = Wanted::Checkpoint(stage.architecture.clone());
            vec![train(), validation(), weights(node, "from", checkpoint)]
        }
        AnyStage::Evaluate(stage) => vec![
            patches(node, "images", "take", take(stage.take)),
            patches(node, "validation", "validation", one_class(Severity::Error)),
            model(),
            script(),
        ],
        AnyStage::Explain(stage) => {
            vec![patches(node, "images", "take", take(stage.take)), model(), script()]
        }
        AnyStage::Metrics(_) => {
            let wanted = PatchFiles { column: Some(SLIDES.to_owned()), ..need(0) };
            vec![patches(node, "images", "explanations", wanted), model(), script()]
        }
        AnyStage::Sanity(stage) => vec![patches(node, "images", "take", take(stage.take)), model()],
        AnyStage::Preview(stage) => {
            vec![patches(node, "images", "rows", need(u64::from(stage.rows) * u64::from(stage.columns)))]
        }
        AnyStage::Fetch(stage) => vec![Some(downloads(node, stage, data))],
        AnyStage::Synthesize(_) | AnyStage::Unpack(_) | AnyStage::Import(_) | AnyStage::Command(_) => {
            Vec::new()
        }
    };
    all.into_iter().flatten().collect()
}

/// The column of the meta table that holds the slide.
const SLIDES: &str = "wsi";

/// The question about the files of a slot, if it has any.
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
    let files: Vec<(Holds, &FileOfUser)> =
        files.into_iter().filter_map(|(holds, file)| Some((holds, file?))).collect();
    let inputs = files.iter().map(|(holds, file)| (*holds, input(file))).collect();
    let question = Question::Patches(PatchFiles { files: inputs, ..wanted });
    let files: Vec<_> = files.into_iter().map(|(holds, file)| (About::File(holds), file)).collect();
    (!files.is_empty()).then_some(Asked { node, question, files, count })
}

/// The question about the file of weights in a slot, if it has one.
fn weights<'a>(node: &'a StageNode, slot: &str, wanted: Wanted) -> Option<Asked<'a>> {
    let weights = file(node, slot)?;
    let question = Question::Weights(WeightsFile { file: input(weights), wanted });
    Some(Asked { node, question, files: vec![(About::Weights, weights)], count: "" })
}

/// The question whether the files of a stage can be downloaded.
fn downloads<'a>(node: &'a StageNode, stage: &Fetch, data: &Path) -> Asked<'a> {
    let question = Question::Downloads(Downloads { stage: stage.clone(), data: data.to_owned() });
    let count = if stage.dataset.is_some() { "dataset" } else { "files" };
    Asked { node, question, files: Vec::new(), count }
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
