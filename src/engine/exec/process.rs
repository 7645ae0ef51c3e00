//! One child process that computes stages: start, talk, notice its end.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus},
    sync::mpsc,
    time::Duration,
};

use super::{Computed, GO_ON, Listener, kill::kill, watcher::Watching};
use crate::{
    offspring,
    protocol::{FOLDER, Failure, FailureClass, Level, Reply, Request, Task, VERSION},
};

/// A running child.
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    /// What it writes to standard error, line by line.
    errors: mpsc::Receiver<String>,
    versions: BTreeMap<String, String>,
    program: String,
}

impl Process {
    /// Starts a program and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or speaks another version of the protocol.
    pub(super) fn start(mut command: Command) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        // A group of its own: Ctrl-C reaches the engine alone, which decides what ends.
        let started = command.process_group(0).spawn();
        let mut child = started.map_err(|error| environment(format!("cannot start {program}: {error}")))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(environment(format!("{program} was started without pipes")));
        };
        let errors = lines_of(stderr);
        let replies = BufReader::new(stdout);
        let mut process =
            Self { child, stdin: Some(stdin), replies, errors, versions: BTreeMap::new(), program };
        process.handshake()?;
        Ok(process)
    }

    /// Its process id.
    #[must_use]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Versions of what computes in it.
    #[must_use]
    pub(super) fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    fn handshake(&mut self) -> Result<(), Failure> {
        match self.receive() {
            Ok(Reply::Ready { protocol: VERSION, versions }) => {
                self.versions = versions;
                Ok(())
            }
            Ok(Reply::Ready { protocol, .. }) => Err(environment(format!(
                "{} speaks version {protocol} of the protocol, this pcamflow version {VERSION}: build both together",
                self.program
            ))),
            Ok(_) => Err(environment(format!("{} did not say that it is ready", self.program))),
            Err(lost) => Err(self.not_started(&lost)),
        }
    }

    /// Killed while starting is an accident; ending by itself means that it cannot run here.
    fn not_started(&mut self, lost: &str) -> Failure {
        let killed = self.child.wait().is_ok_and(|status| status.signal().is_some());
        let words = self.last_words();
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
        let request = Request::Run(Box::new(task.clone()));
        let line = serde_json::to_vec(&request).map_err(|error| unspeakable(task, &error))?;
        if self.send(line).is_err() {
            let lost = self.lost_while(watching);
            return Err(self.process_failure(&lost, listener));
        }
        let result = self.listen(listener, watching);
        if matches!(&result, Err(failure) if failure.class == FailureClass::Process) {
            // What it had started it could not end.
            offspring::end_marked(FOLDER, task.staging.as_os_str().as_encoded_bytes());
        }
        result
    }

    fn listen(&mut self, listener: &dyn Listener, watching: &Watching<'_>) -> Result<Computed, Failure> {
        loop {
            match self.receive_while(watching) {
                Ok(Reply::Progress(progress)) => listener.progress(progress),
                Ok(Reply::Log { level, text }) => listener.log(level, &text),
                Ok(Reply::Done(outcome)) => {
                    self.tell_errors(listener);
                    let (versions, peak_memory) = (self.versions.clone(), watching.peak());
                    return Ok(Computed { outcome, versions, peak_memory });
                }
                Ok(Reply::Failed(failure)) => {
                    self.tell_errors(listener);
                    return Err(failure);
                }
                Ok(Reply::Ready { .. }) => {}
                Err(lost) => return Err(self.process_failure(&lost, listener)),
            }
        }
    }

    fn send(&mut self, mut line: Vec<u8>) -> std::io::Result<()> {
        line.push(b'\n');
        let Some(stdin) = &mut self.stdin else { return Err(std::io::ErrorKind::BrokenPipe.into()) };
        stdin.write_all(&line).and_then(|()| stdin.flush())
    }

    /// The next reply, or how the process was lost.
    fn receive(&mut self) -> Result<Reply, String> {
        match self.read() {
            Some(reply) => reply,
            None => Err(self.lost()),
        }
    }

    /// As `receive`, of a process that is watched.
    fn receive_while(&mut self, watching: &Watching<'_>) -> Result<Reply, String> {
        match self.read() {
            Some(reply) => reply,
            None => Err(self.lost_while(watching)),
        }
    }

    /// The next reply, or what is said in its place; `None` where the process says nothing more.
    fn read(&mut self) -> Option<Result<Reply, String>> {
        let mut line = Vec::new();
        match self.replies.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_slice(&line).map_err(|_| {
                let text = String::from_utf8_lossy(&line);
                let text: String = text.trim_end().chars().take(120).collect();
                self.end();
                format!("the process said what is no reply: {text:?}")
            })),
        }
    }

    /// How the process ended.
    fn lost(&mut self) -> String {
        self.stdin = None;
        match self.child.wait() {
            Ok(status) => told(status),
            Err(error) => format!("the process was lost: {error}"),
        }
    }

    /// As `lost`; of a process that was killed also by whom, and what it held.
    fn lost_while(&mut self, watching: &Watching<'_>) -> String {
        self.stdin = None;
        let peak = watching.peak_of_the_dead();
        match self.child.wait() {
            Ok(status) if status.signal() == Some(9) => watching.was_killed(peak),
            Ok(status) => told(status),
            Err(error) => format!("the process was lost: {error}"),
        }
    }

    fn end(&mut self) {
        self.stdin = None;
        kill(self.child.id());
        drop(self.child.wait());
    }

    fn process_failure(&mut self, lost: &str, listener: &dyn Listener) -> Failure {
        let words = self.last_words();
        listener.log(Level::Info, &format!("{lost}{words}"));
        let message = format!("{lost}{GO_ON}{words}");
        Failure { class: FailureClass::Process, message }
    }

    /// What it wrote to standard error and nobody has seen.
    fn last_words(&self) -> String {
        let mut words = Vec::new();
        // The pipe is closed by now: this waits only for the thread that drains it.
        while let Ok(line) = self.errors.recv_timeout(Duration::from_millis(200)) {
            words.push(line);
        }
        let tail = words.len().saturating_sub(5);
        words[tail..].iter().map(|line| format!("\n  {line}")).collect()
    }

    fn tell_errors(&self, listener: &dyn Listener) {
        for line in self.errors.try_iter() {
            listener.log(Level::Info, &line);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A closed standard input ends it; whatever does not end within a moment is killed.
        self.stdin = None;
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
            "the process was killed (SIGKILL): by hand, or by the kernel for want of memory".to_owned()
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

/// A task that cannot be told to a process: JSON is text, and a path may be none.
fn unspeakable(task: &Task, error: &serde_json::Error) -> Failure {
    let mut paths = task.inputs.values().map(|input| &input.path).chain([&task.staging, &task.work]);
    environment(match paths.find(|path| path.to_str().is_none()) {
        Some(path) => format!(
            "the path {} is not UTF-8, and stages cannot be given such paths: rename the folder, or choose \
             another one (--store, --data)",
            path.display()
        ),
        None => format!("the stage cannot be told to a process: {error}"),
    })
}

fn lines_of(stderr: std::process::ChildStderr) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if send.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receive
}
