//! The real executor: a pool of child processes that speak the protocol, one task at a time each.
//!
//! A process starts lazily, serves tasks until the run ends, and is replaced when it is lost. It dies
//! with the engine, because its standard input ends then.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Computed, Executor, Listener, process::Process, watcher::Watch};
use crate::{
    protocol::{Failure, FailureClass, OFFLINE, Task},
    stages::Runner,
};

/// The programs that compute stages.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The engine's own binary, with the argument that makes it serve.
    pub engine: PathBuf,
    /// The argument.
    pub serve: &'static str,
    /// The worker's binary; `None` where it is not installed.
    pub worker: Option<PathBuf>,
}

/// A pool of processes.
pub struct Processes {
    programs: Programs,
    idle: Mutex<Vec<(Runner, Process)>>,
    busy: Mutex<Vec<u32>>,
    watch: Watch,
    cancelled: AtomicBool,
    offline: bool,
}

impl Processes {
    /// A pool that has started nothing yet.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        Self {
            programs,
            idle: Mutex::default(),
            busy: Mutex::default(),
            watch: Watch::default(),
            cancelled: AtomicBool::new(false),
            offline: false,
        }
    }

    /// The same pool, whose processes keep what they start off the network, or not.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// An idle process, or a new one.
    pub(super) fn take(&self, runner: Runner) -> Result<Process, Failure> {
        let mut idle = lock(&self.idle);
        if let Some(place) = idle.iter().position(|(of, _)| *of == runner) {
            return Ok(idle.swap_remove(place).1);
        }
        drop(idle);
        Process::start(self.command(runner)?)
    }

    fn command(&self, runner: Runner) -> Result<Command, Failure> {
        let mut command = match runner {
            Runner::Engine => {
                let mut command = Command::new(&self.programs.engine);
                command.arg(self.programs.serve);
                command
            }
            Runner::Worker => Command::new(self.programs.worker.as_ref().ok_or_else(no_worker)?),
        };
        if self.offline {
            command.env(OFFLINE, "1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs one task in one process, which `cancel` and the end of its time can end meanwhile.
    fn serve(
        &self,
        process: &mut Process,
        task: &Task,
        listener: &dyn Listener,
    ) -> Result<Computed, Failure> {
        let watching = self.watch.begin(process.id(), task.resources.timeout);
        lock(&self.busy).push(process.id());
        // After the push: a cancel that came before it saw nothing to end.
        let result = if self.cancelled.load(Ordering::SeqCst) {
            Err(cancelled())
        } else {
            process.run(task, listener, &watching)
        };
        lock(&self.busy).retain(|id| *id != process.id());
        match task.resources.timeout.filter(|_| watching.is_overdue()) {
            // Also where it was done in the very moment in which its time was up: it is ended now.
            Some(timeout) => Err(too_long(timeout)),
            None => result.map_err(|failure| watching.explained(failure)),
        }
    }
}

impl Executor for Processes {
    fn run(&self, runner: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure> {
        let mut process = self.take(runner)?;
        let result = self.serve(&mut process, task, listener);
        let ended = [FailureClass::Process, FailureClass::Timeout];
        let lost = matches!(&result, Err(failure) if ended.contains(&failure.class));
        if !lost {
            lock(&self.idle).push((runner, process));
        }
        result
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        for id in lock(&self.busy).iter() {
            super::kill::kill(*id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cancelled() -> Failure {
    Failure { class: FailureClass::Process, message: "the run was stopped".to_owned() }
}

fn too_long(timeout: Duration) -> Failure {
    let span = humantime::format_duration(timeout);
    let message = format!(
        "it took longer than {span} (`timeout`) and was ended: what it has computed is kept; raise `timeout`, \
         or run again to go on"
    );
    Failure { class: FailureClass::Timeout, message }
}

fn no_worker() -> Failure {
    let message =
        "this stage needs libtorch, and `pcamflow-worker` is neither beside `pcamflow` nor on the PATH: \
                   build it (`make build`), or name it in PCAMFLOW_WORKER"
            .to_owned();
    Failure { class: FailureClass::Environment, message }
}
