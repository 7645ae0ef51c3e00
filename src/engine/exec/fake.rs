//! A scripted executor, on which the whole engine is tested without processes, HDF5 or libtorch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Capacity, Computed, Executor, Listener};
use crate::{
    protocol::{Answer, Failure, Question, Task},
    stages::Runner,
};

/// Computes a task: writes its artifacts, or fails.
type Script = dyn Fn(&Task, &dyn Listener) -> Result<Computed, Failure> + Send + Sync;

/// Answers questions about source files.
type Answers = dyn Fn(&[Question]) -> Result<Vec<Answer>, Failure> + Send + Sync;

/// Runs a script for each task, and remembers what it was asked.
pub struct Fake {
    script: Box<Script>,
    answers: Box<Answers>,
    asked: Mutex<Vec<Question>>,
    ran: Mutex<Vec<String>>,
    capacity: Capacity,
    cancelled: Mutex<Vec<String>>,
}

impl Fake {
    /// An executor that runs this script, on this machine's cores, and finds all source files correct.
    pub fn new(
        script: impl Fn(&Task, &dyn Listener) -> Result<Computed, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Box::new(script),
            answers: Box::new(|questions| Ok(vec![Answer::default(); questions.len()])),
            asked: Mutex::default(),
            ran: Mutex::default(),
            capacity: Capacity::of_this_machine(),
            cancelled: Mutex::default(),
        }
    }

    /// The same executor, with these answers to questions about source files.
    #[must_use]
    pub fn answering(
        self,
        answers: impl Fn(&[Question]) -> Result<Vec<Answer>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { answers: Box::new(answers), ..self }
    }

    /// The questions about source files since the last call.
    pub fn take_asked(&self) -> Vec<Question> {
        std::mem::take(&mut lock(&self.asked))
    }

    /// The same executor, with this capacity.
    #[must_use]
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// The tasks that were cancelled so far.
    pub fn cancelled(&self) -> Vec<String> {
        lock(&self.cancelled).clone()
    }

    /// An executor whose artifacts hold the stage's semantic parameters and the digests of its inputs. They are
    /// as deterministic, and as sensitive to changes, as those of the real stages.
    #[must_use]
    pub fn echo() -> Self {
        Self::new(|task, _| echo(task))
    }

    /// The stages that ran since the last call, in the order in which they started.
    pub fn take_ran(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.ran))
    }
}

/// Writes every artifact of a task: its name, the stage's parameters, the digests of its inputs.
///
/// # Errors
/// The error of the file system, as a failure of the stage.
pub fn echo(task: &Task) -> Result<Computed, Failure> {
    let mut text = String::new();
    for (path, value) in task.stage.semantic().iter() {
        text.push_str(&format!("{path} = {value}\n"));
    }
    for (slot, input) in &task.inputs {
        let digest = match input.path.is_dir() {
            true => crate::fsx::packed_digest(&input.path).map_err(Failure::stage)?,
            false => crate::fsx::hash_file(&input.path).map_err(Failure::stage)?.digest,
        };
        text.push_str(&format!("{slot}: {digest}\n"));
    }
    for artifact in task.stage.artifacts() {
        let mut path = task.staging.join(artifact.file.as_ref());
        if artifact.file.ends_with('/') {
            path.push("file");
        }
        std::fs::create_dir_all(crate::fsx::parent(&path)).map_err(Failure::stage)?;
        std::fs::write(path, format!("{}\n{text}", artifact.name)).map_err(Failure::stage)?;
    }
    Ok(Computed::default())
}

impl Executor for Fake {
    fn capacity(&self) -> Capacity {
        self.capacity
    }

    fn run(&self, _: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure> {
        lock(&self.ran).push(task.name.clone());
        (self.script)(task, listener)
    }

    fn check(&self, _: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure> {
        let answers = (self.answers)(&questions);
        lock(&self.asked).extend(questions);
        answers
    }

    fn cancel(&self, task: &str) {
        lock(&self.cancelled).push(task.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
