//! The executor of this machine: a pool of child processes, each of which computes one task at a time.
//!
//! A process is started when it is needed, serves tasks until the run ends, and is replaced when it is lost. It
//! dies with the engine: the kernel sees to that until it is ready, and from then on it ends with its socket. One that a
//! launcher starts elsewhere ends with its socket from the beginning.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Capacity, Computed, Executor, Listener, SOURCES, launched, process::Process, variables::variables,
    watcher::Watching,
};
use crate::{
    offspring,
    protocol::{Answer, Failure, FailureClass, OFFLINE, Question, Task},
    stages::{Launcher, Runner},
};

/// The programs that compute stages.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The engine's own binary.
    pub engine: PathBuf,
    /// The argument that makes it serve.
    pub serve: &'static str,
    /// The worker's binary; `None` if it is not installed.
    pub worker: Option<PathBuf>,
}

/// How long checking the source files may take. After that they are only checked by the stages themselves.
const CHECKED_WITHIN: Duration = Duration::from_secs(60);

/// Which process computes, and what starts it, if it is to be elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) runner: Runner,
    pub(super) launcher: Option<Launcher>,
}

impl Start {
    /// A process of this machine.
    pub(super) fn here(runner: Runner) -> Self {
        Self { runner, launcher: None }
    }
}

/// A pool of processes.
pub struct Processes {
    programs: Programs,
    idle: Mutex<Vec<(Start, Process)>>,
    /// Names of tasks, and the processes that compute them.
    busy: Mutex<Vec<(String, u32)>>,
    offline: bool,
}

impl Processes {
    /// A pool without processes. With `offline`, they keep the programs of stages off the network.
    #[must_use]
    pub fn new(programs: Programs, offline: bool) -> Self {
        Self { programs, idle: Mutex::default(), busy: Mutex::default(), offline }
    }

    /// Gives work to an idle process or to a new one. [`Executor::cancel`] and the timeout can end it at any
    /// moment, also while the process starts.
    pub(super) fn with_process<T>(
        &self,
        start: &Start,
        name: &str,
        timeout: Option<Duration>,
        work: impl FnOnce(&mut Process, &Watching) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut process = match self.idle(start) {
            Some(process) => process,
            None => self.spawn(start)?,
        };
        let id = process.id();
        let watching = Watching::begin(id, timeout);
        lock(&self.busy).push((name.to_owned(), id));
        let result = work(&mut process, &watching);
        lock(&self.busy).retain(|(_, busy)| *busy != id);
        let result = match timeout.filter(|_| watching.is_overdue()) {
            // The process was ended, even if it sent its result in the same moment.
            Some(timeout) => Err(too_long(timeout)),
            None => result,
        };
        let class = result.as_ref().err().map(|failure| failure.class);
        let is_lost = matches!(class, Some(FailureClass::Process | FailureClass::Timeout));
        if !is_lost && process.is_ready() {
            lock(&self.idle).push((start.clone(), process));
        }
        result
    }

    fn idle(&self, start: &Start) -> Option<Process> {
        let mut idle = lock(&self.idle);
        let place = idle.iter().position(|(of, _)| of == start)?;
        Some(idle.swap_remove(place).1)
    }

    fn spawn(&self, start: &Start) -> Result<Process, Failure> {
        let Some(launcher) = &start.launcher else { return Process::spawn(self.command(start.runner)?) };
        let command = launched::command(launcher, self.programs.worker.as_deref());
        Process::launch(command.ok_or_else(no_worker_to_launch)?, launcher)
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
        let start = Start { runner, launcher: task.launcher.clone() };
        let run = |process: &mut Process, watching: &Watching| process.run(task, listener, watching);
        self.with_process(&start, &task.name, task.resources.timeout, run)
    }

    fn check(&self, runner: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure> {
        let check = |process: &mut Process, watching: &Watching| process.check(questions, watching);
        self.with_process(&Start::here(runner), SOURCES, Some(CHECKED_WITHIN), check)
    }

    fn cancel(&self, task: &str) {
        for (_, id) in lock(&self.busy).iter().filter(|(busy, _)| busy == task) {
            offspring::end(*id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn worker(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.envs(variables(Some(program)));
    command
}

fn too_long(timeout: Duration) -> Failure {
    let span = humantime::format_duration(timeout);
    Failure::timeout(format!(
        "it took longer than {span} (`timeout`) and was ended: what it has computed is kept; raise `timeout`, \
         or run again to go on"
    ))
}

fn no_worker() -> Failure {
    Failure::environment(
        "stages that use libtorch need `pcamflow-worker`, which is neither beside `pcamflow` nor on the PATH: \
         build it (`make build`), or name it in PCAMFLOW_WORKER",
    )
}

fn no_worker_to_launch() -> Failure {
    Failure::environment(
        "a launcher is set, but not where the worker is: there is no `pcamflow-worker` here whose path it could have \
         there too; write launcher = { command = [...], worker = \"its path there\" }",
    )
}
