//! A scripted executor: the engine is tested whole on it, without processes, HDF5 or libtorch.

use std::sync::{Mutex, PoisonError};

use super::{Capacity, Computed, Executor, Listener};
use crate::{
    protocol::{Answer, Failure, FailureClass, Question, Task},
    stages::Runner,
};

/// What a script does for a task: writes its artifacts, or fails.
pub type Script = dyn Fn(&Task, &dyn Listener) -> Result<Computed, Failure> + Send + Sync;

/// What a script answers to questions about source files.
pub type Answers = dyn Fn(&[Question]) -> Result<Vec<Answer>, Failure> + Send + Sync;

/// Runs a script instead of computing, and remembers which stages ran.
pub struct Fake {
    script: Box<Script>,
    answers: Box<Answers>,
    asked: Mutex<Vec<Question>>,
    ran: Mutex<Vec<String>>,
    capacity: Capacity,
    cancelled: Mutex<Vec<String>>,
}

impl Fake {
    /// An executor that does as the script says.
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

    /// The same executor, with these answers to questions about source files. Without them, all files are right.
    #[must_use]
    pub fn answering(
        self,
        answers: impl Fn(&[Question]) -> Result<Vec<Answer>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { answers: Box::new(answers), ..self }
    }

    /// The questions about source files since the last call.
    pub fn take_asked(&self) -> Vec<Question> {
        self.asked.lock().map(|mut asked| std::mem::take(&mut *asked)).unwrap_or_default()
    }

    /// The same executor, with so much room.
    #[must_use]
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// The tasks that were cancelled so far.
    pub fn cancelled(&self) -> Vec<String> {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An executor whose artifacts hold the stage's semantic parameters and its inputs' bytes: as
    /// deterministic, and as sensitive to changes, as the real stages.
    #[must_use]
    pub fn echo() -> Self {
        Self::new(|task, _| echo(task))
    }

    /// The stages that ran since the last call, in the order in which they started.
    pub fn take_ran(&self) -> Vec<String> {
        self.ran.lock().map(|mut ran| std::mem::take(&mut *ran)).unwrap_or_default()
    }
}

/// Writes every artifact of a task: its name, the stage's parameters, the digests of its inputs.
///
/// # Errors
/// What the file system refuses, as a failure of the stage.
pub fn echo(task: &Task) -> Result<Computed, Failure> {
    let failed = |error: std::io::Error| Failure { class: FailureClass::Stage, message: error.to_string() };
    let mut told = String::new();
    for (path, value) in task.stage.semantic().iter() {
        told.push_str(&format!("{path} = {value}\n"));
    }
    for (slot, input) in &task.inputs {
        let digest = match input.path.is_dir() {
            true => crate::fsx::packed_digest(&input.path)
                .map_err(|error| failed(std::io::Error::other(error)))?,
            false => crate::digest::Digest::of(&std::fs::read(&input.path).map_err(failed)?),
        };
        told.push_str(&format!("{slot}: {digest}\n"));
    }
    for artifact in task.stage.artifacts() {
        let mut path = task.staging.join(artifact.file.as_ref());
        if artifact.file.ends_with('/') {
            path.push("file");
        }
        std::fs::create_dir_all(crate::fsx::parent(&path)).map_err(failed)?;
        std::fs::write(path, format!("{}\n{told}", artifact.name)).map_err(failed)?;
    }
    Ok(Computed::default())
}

impl Executor for Fake {
    fn capacity(&self) -> Capacity {
        self.capacity
    }

    fn run(&self, _: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure> {
        if let Ok(mut ran) = self.ran.lock() {
            ran.push(task.name.clone());
        }
        (self.script)(task, listener)
    }

    fn check(&self, _: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure> {
        let answers = (self.answers)(&questions);
        if let Ok(mut asked) = self.asked.lock() {
            asked.extend(questions);
        }
        answers
    }

    fn cancel(&self, task: &str) {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).push(task.to_owned());
    }
}
