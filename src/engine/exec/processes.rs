//! The executor of this machine: a pool of child processes that speak the protocol, one task at a time each.
//!
//! A process starts lazily, serves tasks until the run ends, and is replaced when it is lost. It is watched
//! from its start, and dies with the engine: the kernel sees to that until it is ready, and then the end of
//! its socket.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Capacity, Computed, Executor, Listener, SOURCES,
    process::Process,
    watcher::{Watch, Watching},
};
use crate::{
    protocol::{Answer, Failure, FailureClass, OFFLINE, Question, Task},
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

/// How long opening source files may take. After that, the stages find out for themselves.
const CHECKED_WITHIN: Duration = Duration::from_secs(60);

/// A pool of processes.
pub struct Processes {
    programs: Programs,
    idle: Mutex<Vec<(Runner, Process)>>,
    /// Names of tasks, and the processes that compute them.
    busy: Mutex<Vec<(String, u32)>>,
    watch: Watch,
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
            offline: false,
        }
    }

    /// The same pool, whose processes keep what they start off the network, or not.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// Has an idle process, or a new one, do something, which [`Executor::cancel`] and the end of its time can
    /// end from its start on.
    pub(super) fn with_process<T>(
        &self,
        runner: Runner,
        name: &str,
        timeout: Option<Duration>,
        work: impl FnOnce(&mut Process, &Watching<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut process = match self.idle(runner) {
            Some(process) => process,
            None => Process::spawn(self.command(runner)?)?,
        };
        let id = process.id();
        let watching = self.watch.begin(id, timeout);
        lock(&self.busy).push((name.to_owned(), id));
        let result = work(&mut process, &watching);
        lock(&self.busy).retain(|(_, busy)| *busy != id);
        let result = match timeout.filter(|_| watching.is_overdue()) {
            // Also where it was done in the very moment in which its time was up: it is ended now.
            Some(timeout) => Err(too_long(timeout)),
            None => result.map_err(|failure| watching.explained(failure)),
        };
        let ended = [FailureClass::Process, FailureClass::Timeout];
        let lost = matches!(&result, Err(failure) if ended.contains(&failure.class));
        if !lost && process.is_ready() {
            lock(&self.idle).push((runner, process));
        }
        result
    }

    fn idle(&self, runner: Runner) -> Option<Process> {
        let mut idle = lock(&self.idle);
        let place = idle.iter().position(|(of, _)| *of == runner)?;
        Some(idle.swap_remove(place).1)
    }

    fn command(&self, runner: Runner) -> Result<Command, Failure> {
        let mut command = match runner {
            Runner::Engine => {
                let mut command = Command::new(&self.programs.engine);
                command.arg(self.programs.serve);
                command
            }
            Runner::Worker => worker(self.programs.worker.as_ref().ok_or_else(no_worker)?),
        };
        if self.offline {
            command.env(OFFLINE, "1");
        }
        Ok(command)
    }
}

impl Executor for Processes {
    fn capacity(&self) -> Capacity {
        Capacity::of_this_machine()
    }

    fn run(&self, runner: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure> {
        let work = |process: &mut Process, watching: &Watching<'_>| process.run(task, listener, watching);
        self.with_process(runner, &task.name, task.resources.timeout, work)
    }

    fn check(&self, runner: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure> {
        let work = |process: &mut Process, watching: &Watching<'_>| process.check(questions, watching);
        self.with_process(runner, SOURCES, Some(CHECKED_WITHIN), work)
    }

    fn cancel(&self, task: &str) {
        for (_, id) in lock(&self.busy).iter().filter(|(busy, _)| busy == task) {
            super::kill::kill(*id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// libtorch's threads sleep while they wait for each other, unless the user wants otherwise. By default they
/// spin, each for milliseconds: where other programs want the cores, two threads were up to four times
/// slower than so.
fn worker(program: &Path) -> Command {
    let mut command = Command::new(program);
    if ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"].iter().all(|name| std::env::var_os(name).is_none()) {
        command.env("OMP_WAIT_POLICY", "PASSIVE");
    }
    command
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
