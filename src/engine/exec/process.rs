//! One child process that computes stages: starts it, sends it requests, notices its end.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use super::{Computed, Listener, launched, libtorch, talk::Talk, watcher::Watching};
use crate::{
    offspring, place,
    protocol::{
        Answer, EpochEnd, FOLDER, Failure, FailureClass, Level, Progress, Question, Reply, Request, Task,
        VERSION,
    },
    stages::Launcher,
};

/// How many lines of a lost process its failure repeats. The stage's log has all of them.
const LAST_LINES: usize = 5;

/// What a process says of itself when it is ready.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    /// Versions of what computes in it, by name.
    pub(super) versions: BTreeMap<String, String>,
    /// The name of its machine.
    pub(super) host: String,
}

/// Listens where there is no stage to log to.
pub(super) struct Unheard;

impl Listener for Unheard {
    fn progress(&self, _: Progress) {}

    fn epoch(&self, _: EpochEnd, _: Vec<f32>) {}

    fn log(&self, _: Level, text: &str) {
        tracing::debug!("{text}");
    }
}

/// A running child.
pub(super) struct Process {
    child: Child,
    talk: Talk,
    /// `None` before it is ready, and again once it is lost.
    ready: Option<Ready>,
    /// The last lines that it printed.
    last: VecDeque<String>,
    program: String,
    /// Whether it is a launcher, which has started the process elsewhere.
    is_launcher: bool,
}

impl Process {
    /// Starts a program. It is ready after [`Process::greet`].
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(mut command: Command) -> Result<Self, Failure> {
        // Until it is ready it would not notice the end of its socket.
        offspring::dies_with_this_thread(&mut command, || ());
        let program = command.get_program().to_string_lossy().into_owned();
        Self::begin(command, program, Talk::with, false)
    }

    /// Starts a launcher. What it starts ends with its standard input, which ends with the engine. (The kernel could
    /// only end the launcher, and with the thread that started it, which does not live as long.)
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn launch(command: Command, launcher: &Launcher) -> Result<Self, Failure> {
        Self::begin(command, format!("the launcher `{launcher}`"), Talk::with_launcher, true)
    }

    fn begin(
        mut command: Command,
        program: String,
        connect: fn(&mut Command) -> io::Result<Talk>,
        is_launcher: bool,
    ) -> Result<Self, Failure> {
        // With a group of its own, Ctrl-C reaches only the engine, which decides what ends.
        command.process_group(0);
        let started = connect(&mut command).and_then(|talk| Ok((talk, command.spawn()?)));
        let (talk, child) =
            started.map_err(|error| Failure::environment(format!("cannot start {program}: {error}")))?;
        Ok(Self { child, talk, ready: None, last: VecDeque::new(), program, is_launcher })
    }

    /// Its process id.
    #[must_use]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is ready for a task.
    #[must_use]
    pub(super) fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Waits until it is ready; returns what it says of itself.
    ///
    /// # Errors
    /// It does not start, or speaks another version of the protocol.
    pub(super) fn greet(&mut self, listener: &dyn Listener, watching: &Watching) -> Result<Ready, Failure> {
        if let Some(ready) = &self.ready {
            return Ok(ready.clone());
        }
        let hello = serde_json::to_vec(&Request::Hello { protocol: VERSION }).unwrap_or_default();
        // An error means that it has ended, which `receive` notices.
        let _ = self.talk.send(hello);
        match self.receive(listener, watching) {
            Ok(Reply::Ready { protocol: VERSION, versions, host }) => {
                libtorch::check(&versions).map_err(Failure::environment)?;
                Ok(self.ready.insert(Ready { versions, host }).clone())
            }
            Ok(Reply::Ready { protocol, .. }) => Err(Failure::environment(format!(
                "{} speaks version {protocol} of the protocol, this pcamflow version {VERSION}: build both together",
                self.program
            ))),
            Ok(_) => Err(Failure::environment(format!("{} did not say that it is ready", self.program))),
            Err(lost) => Err(self.not_started(&lost, listener)),
        }
    }

    /// A process that was killed may start the next time; one that ended by itself cannot run here.
    fn not_started(&mut self, lost: &str, listener: &dyn Listener) -> Failure {
        let was_killed = self.child.wait().is_ok_and(|status| status.signal().is_some());
        let lines = self.last_lines(listener);
        match was_killed {
            _ if self.is_launcher => Failure::environment(format!(
                "{} started no worker: {lost}{lines}\n  it has to pass standard input on (`docker run -i`), and the \
                 worker must have the version of this pcamflow and the path that `worker` says",
                self.program
            )),
            true => Failure::process(format!("{lost} while it started: run again to go on{lines}")),
            false => Failure::environment(
                libtorch::missing(Path::new(&self.program), &lines)
                    .unwrap_or_else(|| format!("{} did not start: {lost}{lines}", self.program)),
            ),
        }
    }

    /// Computes one task.
    pub(super) fn run(
        &mut self,
        task: &Task,
        listener: &dyn Listener,
        watching: &Watching,
    ) -> Result<Computed, Failure> {
        let ready = self.greet(listener, watching)?;
        let done = |reply| if let Reply::Done(outcome) = reply { Some(outcome) } else { None };
        let token = self.token(task)?;
        let request = Request::Run(Box::new(Task { token, ..task.clone() }));
        let result = self.ask(&request, listener, watching, done);
        if matches!(&result, Err(failure) if failure.class == FailureClass::Process) {
            // A lost process could not end what it had started.
            offspring::end_marked(FOLDER, task.staging.as_os_str().as_encoded_bytes());
        }
        // The memory of a launcher is not that of what it has started.
        let peak_memory = watching.peak().filter(|_| !self.is_launcher);
        let Ready { versions, host } = ready;
        result.map(|outcome| Computed { outcome, versions, host: Some(host), peak_memory })
    }

    /// Leaves a file by which a process elsewhere knows the folder of the task.
    fn token(&self, task: &Task) -> Result<Option<String>, Failure> {
        let token = self.is_launcher.then(|| place::leave(&task.staging)).transpose();
        token.map_err(|error| {
            Failure::environment(format!("{} is not writable: {error}", task.staging.display()))
        })
    }

    /// Lets it answer questions about source files.
    pub(super) fn check(
        &mut self,
        questions: Vec<Question>,
        watching: &Watching,
    ) -> Result<Vec<Answer>, Failure> {
        self.greet(&Unheard, watching)?;
        let checked = |reply| if let Reply::Checked(answers) = reply { Some(answers) } else { None };
        self.ask(&Request::Check(questions), &Unheard, watching, checked)
    }

    /// Sends a request, and waits for the reply from which `result` takes a result.
    fn ask<T>(
        &mut self,
        request: &Request,
        listener: &dyn Listener,
        watching: &Watching,
        result: impl Fn(Reply) -> Option<T>,
    ) -> Result<T, Failure> {
        self.last.clear();
        let line = serde_json::to_vec(request).map_err(|error| {
            // JSON is text, but a path need not be.
            Failure::environment(format!(
                "the stage cannot be sent to a process: {error}: rename the folder, or choose another one \
                 (--store, --data)"
            ))
        })?;
        if self.talk.send(line).is_err() {
            let lost = self.lost(watching);
            return Err(self.process_failure(&lost, listener));
        }
        loop {
            match self.receive(listener, watching) {
                Ok(Reply::Progress(progress)) => listener.progress(progress),
                Ok(Reply::Epoch { end, losses }) => listener.epoch(end, losses),
                Ok(Reply::Log { level, text }) => listener.log(level, &text),
                Ok(Reply::Failed(failure)) => return Err(failure),
                Ok(reply) => {
                    if let Some(result) = result(reply) {
                        return Ok(result);
                    }
                }
                Err(lost) => return Err(self.process_failure(&lost, listener)),
            }
        }
    }

    /// The next reply, or how the process was lost. What it prints goes to the log.
    fn receive(&mut self, listener: &dyn Listener, watching: &Watching) -> Result<Reply, String> {
        let line = self.talk.receive(|| watching.look(), &mut printed(&mut self.last, listener));
        let Some(line) = line else { return Err(self.lost(watching)) };
        serde_json::from_slice(&line).map_err(|_| {
            self.end();
            let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(120).collect();
            match self.is_launcher {
                true => format!(
                    "{} wrote {text:?} to standard output, which belongs to the worker: make it silent",
                    self.program
                ),
                false => format!("the process sent something that is not a reply: {text:?}"),
            }
        })
    }

    /// How the process ended; if it was killed, also by what and how much memory it used.
    fn lost(&mut self, watching: &Watching) -> String {
        self.close();
        let peak = watching.peak_of_the_dead();
        match self.child.wait() {
            Ok(status) if self.is_launcher => launched::ended(status),
            Ok(status) if status.signal() == Some(9) => watching.killed(peak),
            Ok(status) => format!("the process ended unexpectedly with {status}"),
            Err(error) => format!("the process was lost: {error}"),
        }
    }

    fn close(&mut self) {
        self.ready = None;
        self.talk.close();
    }

    fn end(&mut self) {
        self.close();
        offspring::end(self.child.id());
        drop(self.child.wait());
    }

    fn process_failure(&mut self, lost: &str, listener: &dyn Listener) -> Failure {
        let lines = self.last_lines(listener);
        listener.log(Level::Info, lost);
        Failure::process(format!("{lost}{lines}"))
    }

    /// The last lines that a lost process printed.
    fn last_lines(&mut self, listener: &dyn Listener) -> String {
        self.talk.rest(&mut printed(&mut self.last, listener));
        self.last.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Passes on what a process prints, and remembers its last lines.
fn printed<'a>(last: &'a mut VecDeque<String>, listener: &'a dyn Listener) -> impl FnMut(&str) + 'a {
    move |line| {
        listener.log(Level::Info, line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends with its socket. If it has not ended after a moment, it is killed.
        self.close();
        for _ in 0..100 {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                _ => return,
            }
        }
        self.end();
    }
}
