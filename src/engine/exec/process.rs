//! One child process that computes stages: start, talk, notice its end.

use std::{
    collections::{BTreeMap, VecDeque},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use super::{Computed, GO_ON, Listener, kill::kill, talk::Talk, watcher::Watching};
use crate::{
    offspring,
    protocol::{
        Answer, FOLDER, Failure, FailureClass, Level, Outcome, Progress, Question, Reply, Request, Task,
        VERSION,
    },
};

/// Lines of a lost process that its failure repeats. The stage's log has all of them.
const LAST_WORDS: usize = 5;

/// For what no stage's log takes.
struct Unheard;

impl Listener for Unheard {
    fn progress(&self, _: Progress) {}

    fn log(&self, _: Level, text: &str) {
        tracing::debug!("{text}");
    }
}

/// A running child.
pub(super) struct Process {
    child: Child,
    talk: Talk,
    /// Versions of what computes in it, once it is ready; `None` again once it is lost.
    versions: Option<BTreeMap<String, String>>,
    /// The last lines that it printed.
    last: VecDeque<String>,
    program: String,
}

impl Process {
    /// Starts a program. It is ready after [`Process::greet`].
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(mut command: Command) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Until it is ready it would not notice the end of its socket.
        offspring::dies_with_this_thread(&mut command, || ());
        // A group of its own: Ctrl-C reaches the engine alone, which decides what ends.
        command.process_group(0);
        let started = Talk::with(&mut command).and_then(|talk| Ok((talk, command.spawn()?)));
        match started {
            Ok((talk, child)) => Ok(Self { child, talk, versions: None, last: VecDeque::new(), program }),
            Err(error) => Err(environment(format!("cannot start {program}: {error}"))),
        }
    }

    /// Its process id.
    #[must_use]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is ready for a task.
    #[must_use]
    pub(super) fn is_ready(&self) -> bool {
        self.versions.is_some()
    }

    /// Waits until it is ready, and says versions of what computes in it.
    ///
    /// # Errors
    /// It does not start, or speaks another version of the protocol.
    pub(super) fn greet(
        &mut self,
        listener: &dyn Listener,
        watching: &Watching<'_>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        if let Some(versions) = &self.versions {
            return Ok(versions.clone());
        }
        let hello = serde_json::to_vec(&Request::Hello { protocol: VERSION }).unwrap_or_default();
        // An error says that it has ended: then it says nothing either.
        let _ = self.talk.send(hello);
        match self.receive(listener, watching) {
            Ok(Reply::Ready { protocol: VERSION, versions }) => {
                self.versions = Some(versions.clone());
                Ok(versions)
            }
            Ok(Reply::Ready { protocol, .. }) => Err(environment(format!(
                "{} speaks version {protocol} of the protocol, this pcamflow version {VERSION}: build both together",
                self.program
            ))),
            Ok(_) => Err(environment(format!("{} did not say that it is ready", self.program))),
            Err(lost) => Err(self.not_started(&lost, listener)),
        }
    }

    /// Killed while starting is an accident; ending by itself means that it cannot run here.
    fn not_started(&mut self, lost: &str, listener: &dyn Listener) -> Failure {
        let killed = self.child.wait().is_ok_and(|status| status.signal().is_some());
        let words = self.last_words(listener);
        match killed {
            true => Failure {
                class: FailureClass::Process,
                message: format!("{lost} while it started: run again to go on{words}"),
            },
            false => environment(format!("{} did not start: {lost}{words}", self.program)),
        }
    }

    /// Computes one task, while it is watched.
    pub(super) fn run(
        &mut self,
        task: &Task,
        listener: &dyn Listener,
        watching: &Watching<'_>,
    ) -> Result<Computed, Failure> {
        self.last.clear();
        let versions = self.greet(listener, watching)?;
        let request = Request::Run(Box::new(task.clone()));
        let line = serde_json::to_vec(&request).map_err(|error| unspeakable(task, &error))?;
        if self.talk.send(line).is_err() {
            let lost = self.lost(watching);
            return Err(self.process_failure(&lost, listener));
        }
        let result = self.listen(listener, watching);
        if matches!(&result, Err(failure) if failure.class == FailureClass::Process) {
            // What it had started it could not end.
            offspring::end_marked(FOLDER, task.staging.as_os_str().as_encoded_bytes());
        }
        result.map(|outcome| Computed { outcome, versions, peak_memory: watching.peak() })
    }

    /// Lets it answer questions about source files.
    pub(super) fn check(
        &mut self,
        questions: Vec<Question>,
        watching: &Watching<'_>,
    ) -> Result<Vec<Answer>, Failure> {
        self.last.clear();
        let listener = &Unheard;
        self.greet(listener, watching)?;
        let sent = serde_json::to_vec(&Request::Check(questions)).map_err(std::io::Error::from);
        let lost = match sent.and_then(|line| self.talk.send(line)) {
            Ok(()) => match self.receive(listener, watching) {
                Ok(Reply::Checked(answers)) => return Ok(answers),
                Ok(Reply::Failed(failure)) => return Err(failure),
                Ok(other) => format!("expected answers, got {other:?}"),
                Err(lost) => lost,
            },
            Err(error) => error.to_string(),
        };
        self.end();
        Err(self.process_failure(&lost, listener))
    }

    fn listen(&mut self, listener: &dyn Listener, watching: &Watching<'_>) -> Result<Outcome, Failure> {
        loop {
            match self.receive(listener, watching) {
                Ok(Reply::Progress(progress)) => listener.progress(progress),
                Ok(Reply::Log { level, text }) => listener.log(level, &text),
                Ok(Reply::Done(outcome)) => return Ok(outcome),
                Ok(Reply::Failed(failure)) => return Err(failure),
                Ok(Reply::Ready { .. } | Reply::Checked(_)) => {}
                Err(lost) => return Err(self.process_failure(&lost, listener)),
            }
        }
    }

    /// The next reply, or how the process was lost. Whatever it prints goes to the log.
    fn receive(&mut self, listener: &dyn Listener, watching: &Watching<'_>) -> Result<Reply, String> {
        let line = self.talk.receive(&mut printed(&mut self.last, listener));
        let Some(line) = line else { return Err(self.lost(watching)) };
        serde_json::from_slice(&line).map_err(|_| {
            self.end();
            let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(120).collect();
            format!("the process sent something that is not a reply: {text:?}")
        })
    }

    /// How the process ended; of one that was killed also by whom, and what it held.
    fn lost(&mut self, watching: &Watching<'_>) -> String {
        self.close();
        let peak = watching.peak_of_the_dead();
        match self.child.wait() {
            Ok(status) if status.signal() == Some(9) => watching.was_killed(peak),
            Ok(status) => told(status),
            Err(error) => format!("the process was lost: {error}"),
        }
    }

    fn close(&mut self) {
        self.versions = None;
        self.talk.close();
    }

    fn end(&mut self) {
        self.close();
        kill(self.child.id());
        drop(self.child.wait());
    }

    fn process_failure(&mut self, lost: &str, listener: &dyn Listener) -> Failure {
        let words = self.last_words(listener);
        listener.log(Level::Info, lost);
        let message = format!("{lost}{GO_ON}{words}");
        Failure { class: FailureClass::Process, message }
    }

    /// The last lines that a lost process printed.
    fn last_words(&mut self, listener: &dyn Listener) -> String {
        self.talk.rest(&mut printed(&mut self.last, listener));
        self.last.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Passes on what a process prints, and remembers the last of it.
fn printed<'a>(last: &'a mut VecDeque<String>, listener: &'a dyn Listener) -> impl FnMut(&str) + 'a {
    move |line| {
        listener.log(Level::Info, line);
        if last.len() == LAST_WORDS {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A closed socket ends it; whatever does not end within a moment is killed.
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

fn told(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => {
            "the process was killed (SIGKILL): by hand, or by the kernel because memory ran out".to_owned()
        }
        (Some(signal @ (4 | 6 | 7 | 8 | 11)), _) => format!("the process crashed ({})", signal_name(signal)),
        (Some(signal), _) => format!("the process was ended by {}", signal_name(signal)),
        (None, Some(code)) => format!("the process ended by itself (exit code {code})"),
        (None, None) => "the process was lost".to_owned(),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

fn environment(message: String) -> Failure {
    Failure { class: FailureClass::Environment, message }
}

/// A task that cannot be sent to a process: JSON is text, and a path may be something else.
fn unspeakable(task: &Task, error: &serde_json::Error) -> Failure {
    let mut paths = task.inputs.values().map(|input| &input.path).chain([&task.staging, &task.work]);
    environment(match paths.find(|path| path.to_str().is_none()) {
        Some(path) => format!(
            "the path {} is not UTF-8, and stages cannot be given such paths: rename the folder, or choose \
             another one (--store, --data)",
            path.display()
        ),
        None => format!("the stage cannot be sent to a process: {error}"),
    })
}
