//! Computes stages again beside the results that the store has of them, and keeps nothing: for
//! `pcamflow verify`.
//!
//! The task, its resources and the executor are those of a run. Only the folders are temporary and empty, and
//! nothing is published. The new files exist as long as [`Again`] does. Compares digests and judges nothing.

use std::{
    path::{Path, PathBuf},
    sync::{atomic::AtomicBool, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::engine::{
    exec::{Computed, Executor, Listener},
    plan::{
        engine::{Engine, Refused},
        planner::{Decision, Made, Planner},
        select,
    },
    run::{
        attempt::host,
        resources::Resources,
        task::{Settings, request, sources, task},
    },
    tell::event::{Event, Observer},
};
use crate::{
    digest::Digest,
    fsx,
    pipeline::Source,
    protocol::{Failure, FailureClass, Level, Progress, Task},
    stages::Equality,
    store::{self, ActionRecord, Check, Lookup},
};

/// Under which conditions a result was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conditions {
    /// The machine.
    pub host: String,
    /// Where tensors lived.
    pub device: String,
    /// Threads that computed.
    pub threads: usize,
    /// Versions of what computed.
    pub versions: std::collections::BTreeMap<String, String>,
}

/// One artifact, twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// Its file's name.
    pub file: fsx::Below,
    /// The bytes that the store has.
    pub stored: PathBuf,
    /// The bytes that were computed now.
    pub again: PathBuf,
    /// Whether they are the same.
    pub identical: bool,
}

/// A stage that was computed again.
#[derive(Debug)]
pub struct Again {
    /// The stage.
    pub stage: String,
    /// How equal its kind's results are.
    pub equality: Equality,
    /// How the stored result was made, and how this one.
    pub conditions: [Conditions; 2],
    /// What it took, in seconds: then, and now.
    pub seconds: [f64; 2],
    /// Its artifacts.
    pub artifacts: Vec<Pair>,
    // Removed, with all in them, when this is dropped.
    _folders: [store::Attempt; 2],
}

/// Why a stage was not computed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAgain {
    /// The stage.
    pub stage: String,
    /// What happened.
    pub failure: Failure,
}

/// A stage to be computed again.
struct Candidate {
    stage: usize,
    key: Digest,
    record: ActionRecord,
}

impl Engine<'_> {
    /// Computes the stages that were asked for again, one after the other, and hands each to `then` together
    /// with what the store has of it. The store stays as it is.
    ///
    /// # Errors
    /// Source files that are missing or not what their pins say.
    pub fn compute_again(
        &self,
        executor: &dyn Executor,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
        then: &mut dyn FnMut(Result<Again, NotAgain>),
    ) -> Result<(), Refused> {
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let named = select::named(self.pipeline, &self.options.targets).map_err(Refused::Wrong)?;
        let lease = self.store.lease();
        let hold = lease.hold();
        let mut made: Vec<Option<Made>> = vec![None; self.pipeline.stages.len()];
        let mut candidates = Vec::new();
        for stage in self.order.iter().copied() {
            let decision =
                planner.fingerprint(stage, &made).map(|fingerprint| planner.decide(stage, fingerprint));
            match decision {
                Some(Decision::Cached(record)) => {
                    lease.claim(&record);
                    made[stage] = Some(record.artifacts.clone());
                    if named[stage] {
                        candidates.push(self.candidate(stage, record.key));
                    }
                }
                Some(Decision::Run(run)) if named[stage] => {
                    candidates.push(Err(self.no_result(stage, &run.why.to_string())))
                }
                None if named[stage] => {
                    candidates.push(Err(self.no_result(stage, "what it reads has no result in the store")));
                }
                _ => {}
            }
        }
        hold.release();
        for candidate in candidates {
            let again = candidate.and_then(|candidate| {
                let stage = candidate.stage;
                let again = self.again(&planner, candidate, &made, executor, stopped, observer);
                again.map_err(|failure| self.not_again(stage, failure))
            });
            then(again);
            if stopped.load(Ordering::SeqCst) {
                break;
            }
        }
        Ok(())
    }

    /// With the whole record: what is remembered of one does not say where it was made, nor of what.
    fn candidate(&self, stage: usize, key: Digest) -> Result<Candidate, NotAgain> {
        match self.store.record(&key) {
            Ok(Lookup::Found(record)) => Ok(Candidate { stage, key, record: *record }),
            Ok(Lookup::Absent | Lookup::Damaged(_)) => Err(self.no_result(stage, "its record is gone")),
            Err(error) => Err(self.not_again(stage, environment(error))),
        }
    }

    fn not_again(&self, stage: usize, failure: Failure) -> NotAgain {
        NotAgain { stage: self.pipeline.stages[stage].name.to_string(), failure }
    }

    fn no_result(&self, stage: usize, why: &str) -> NotAgain {
        let run = self.run_of(&self.pipeline.stages[stage].name.to_string());
        let message =
            format!("the store has no result to compare with ({why}): `{run}` makes one, then verify");
        self.not_again(stage, Failure { class: FailureClass::Stage, message })
    }

    fn again(
        &self,
        planner: &Planner<'_>,
        candidate: Candidate,
        made: &[Option<Made>],
        executor: &dyn Executor,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Again, Failure> {
        let Candidate { stage, key, record } = candidate;
        let node = &self.pipeline.stages[stage];
        self.bytes_are_here(stage, &record)?;
        let settings =
            Settings { command_line: self.options.settings.clone(), pipeline: self.pipeline.run.clone() };
        let grant = Resources::of(executor.capacity(), self.options.jobs).take(request(
            self.pipeline,
            stage,
            &settings,
        ));
        let grant = grant
            .ok_or_else(|| environment("this machine lacks the cores or the GPU that the stage asks for"))?;
        let folders =
            [self.store.attempt(&key).map_err(environment)?, self.store.attempt(&key).map_err(environment)?];
        let mut task = task(node, &settings, &grant, made, planner);
        (task.staging, task.work) = (folders[0].folder().to_owned(), folders[1].folder().to_owned());
        let started = Instant::now();
        observer.event(&Event::Started { stage: node.name.to_string(), why: "verify".to_owned() });
        let computed = computed(executor, node.stage.runner(), &task, stopped, observer)?;
        let seconds = started.elapsed().as_secs_f64();
        if let Some(path) = sources(node).iter().find(|path| !self.store.sources().is_unchanged(path)) {
            return Err(failed(format!("{} changed while it was read: verify again", path.display())));
        }
        let artifacts = self.pairs(&record, &task)?;
        let now = Conditions {
            host: host(),
            device: computed.outcome.device,
            threads: task.resources.threads,
            versions: computed.versions,
        };
        let made = record.made;
        let then = Conditions {
            host: made.host,
            device: made.device,
            threads: made.threads,
            versions: made.versions,
        };
        Ok(Again {
            stage: task.name,
            equality: node.stage.equality(),
            conditions: [then, now],
            seconds: [made.seconds, seconds],
            artifacts,
            _folders: folders,
        })
    }

    /// The bytes of the result, and of all that the stage reads, have to be here.
    fn bytes_are_here(&self, stage: usize, record: &ActionRecord) -> Result<(), Failure> {
        let file = self.pipeline.file.display();
        for (name, artifact) in &record.artifacts {
            let check = self.store.check(record, artifact).map_err(environment)?;
            if !matches!(check, Check::Intact | Check::IntactButTouched(_)) {
                let name = format!("{}/{name}", self.pipeline.stages[stage].name);
                return Err(failed(format!(
                    "the bytes of `{name}` are not in this store: there is nothing to compare with"
                )));
            }
        }
        for input in &self.pipeline.stages[stage].inputs {
            match &input.source {
                Source::File(user) if !user.path.exists() => {
                    return Err(failed(format!("the source file {} is not here", user.path.display())));
                }
                Source::File(_) => {}
                Source::Artifact { stage: maker, artifact } => {
                    let maker = &self.pipeline.stages[*maker].name;
                    let digest = record.lines.get(&format!("input {}", input.slot));
                    let digest = digest.and_then(|digest| digest.parse::<Digest>().ok());
                    if !digest.is_some_and(|digest| self.store.has(&digest)) {
                        return Err(failed(format!(
                            "the bytes of `{maker}/{artifact}`, which it reads, are not in this store: `pcamflow \
                             run {file} '{maker}' --force '{maker}'` makes them"
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether what was written now is what the store has, and where that can be read: a folder is stored
    /// packed.
    fn beside(
        &self,
        artifact: &store::StoredArtifact,
        again: &Path,
        task: &Task,
    ) -> store::Result<(bool, PathBuf)> {
        let stored = self.store.lend(&artifact.digest).path().to_owned();
        if !artifact.is_folder() {
            return Ok((fsx::hash_file(again)?.digest == artifact.digest, stored));
        }
        let identical = fsx::packed_digest(again)? == artifact.digest;
        let unpacked = task.work.join(format!("stored-{}", artifact.digest.short()));
        if !identical && !unpacked.exists() {
            self.store.materialise(artifact, &unpacked, false)?;
        }
        Ok((identical, unpacked))
    }

    /// Every artifact of the record beside the file that was written now.
    fn pairs(&self, record: &ActionRecord, task: &Task) -> Result<Vec<Pair>, Failure> {
        let pair = |(name, artifact): (&String, &store::StoredArtifact)| {
            let declared = task.stage.artifacts().into_iter().find(|declared| declared.name == *name);
            let path =
                declared.map_or_else(|| artifact.file.to_string(), |declared| declared.file.into_owned());
            let again = task.staging.join(path.trim_end_matches('/'));
            if !(if artifact.is_folder() { again.is_dir() } else { again.is_file() }) {
                return Err(failed(format!("it ended without writing its artifact {}", artifact.file)));
            }
            let (identical, stored) = self.beside(artifact, &again, task).map_err(environment)?;
            let file = artifact.file.clone();
            Ok(Pair { name: name.clone(), file, stored, again, identical })
        };
        record.artifacts.iter().map(pair).collect()
    }
}

/// What a task tells, on its way to who listens.
enum Heard {
    Progress(Progress),
    Warning(String),
}

struct Hear(mpsc::Sender<Heard>);

impl Listener for Hear {
    fn progress(&self, progress: Progress) {
        // An error means that nothing listens any more.
        let _ = self.0.send(Heard::Progress(progress));
    }

    fn log(&self, level: Level, text: &str) {
        if level == Level::Warning {
            let _ = self.0.send(Heard::Warning(text.to_owned()));
        }
    }
}

/// How often it is looked whether the user stopped it.
const PATIENCE: Duration = Duration::from_millis(50);

/// Has a task computed in a thread of its own, and tells of it from this one.
fn computed(
    executor: &dyn Executor,
    runner: crate::stages::Runner,
    task: &Task,
    stopped: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Computed, Failure> {
    let (send, receive) = mpsc::channel();
    std::thread::scope(|threads| {
        let computing = threads.spawn(move || executor.run(runner, task, &Hear(send)));
        loop {
            match receive.recv_timeout(PATIENCE) {
                Ok(Heard::Progress(progress)) => {
                    observer.event(&Event::Progress { stage: task.name.clone(), progress });
                }
                Ok(Heard::Warning(text)) => {
                    observer.event(&Event::Warning { stage: Some(task.name.clone()), text });
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // The listener is gone: it is done.
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if stopped.load(Ordering::SeqCst) {
                executor.cancel(&task.name);
            }
        }
        computing.join().unwrap_or_else(|panic| Err(Failure::panicked(&*panic)))
    })
}

fn environment(error: impl std::fmt::Display) -> Failure {
    Failure { class: FailureClass::Environment, message: error.to_string() }
}

fn failed(message: String) -> Failure {
    Failure { class: FailureClass::Stage, message }
}
