//! The serving side of the protocol: reads tasks, computes them, reports; for both binaries.
//!
//! The engine's socket comes as standard input. It is moved away from there at once, where neither a
//! library nor a program finds it. A thread of its own reads it, so that its end, which is the end of the
//! engine, stops the process at once, whatever it is computing. Knows no stage kind.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    sync::mpsc,
};

use crate::{
    fsx, offspring,
    protocol::{
        Answer, Failure, FailureClass, Level, Outcome, Progress, Question, Reply, Request, Task, VERSION,
    },
};

/// A failure whose fault is the machine's, not the stage's: attach it to an error to say so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EnvironmentFault(pub String);

/// The loss of a program that a job had started: it was killed, or crashed, whatever it was asked to do.
/// Attach it to an error to say so: then it is worth another attempt as that of a whole process is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProgramLost(pub String);

/// What a job tells while it computes.
pub trait Reporter: Sync {
    /// How far it is. Called as often as the job likes: what is too frequent is left out here.
    fn progress(&self, done: u64, total: u64, unit: &str, at: &str);
    /// A line for the stage's log.
    fn info(&self, text: &str);
    /// A line for the log that the user sees, too.
    fn warn(&self, text: &str);
}

/// What a process says that was not started by an engine.
const NOT_FOR_PEOPLE: &str = "this process computes stages for `pcamflow`, which starts it with a socket as standard \
                              input: run `pcamflow` instead (if `pcamflow` started it, the two are of different \
                              versions: build both together)";

/// Serves the engine's tasks until its socket is closed. `compute` returns what the task says of itself,
/// `check` answers questions about source files.
/// Returns where there is no such socket.
pub fn serve(
    versions: BTreeMap<String, String>,
    mut compute: impl FnMut(&Task, &dyn Reporter) -> anyhow::Result<Outcome>,
    check: impl Fn(&[Question]) -> Vec<Answer>,
) -> ExitCode {
    let socket = take_socket().and_then(|socket| Ok((socket.try_clone()?, socket)));
    let Ok((reading, writing)) = socket else {
        eprintln!("{NOT_FOR_PEOPLE}");
        return ExitCode::from(2);
    };
    offspring::volunteer();
    let requests = read_requests(reading);
    // From here on the end of the socket ends the process, after whatever its programs left behind.
    offspring::outlive_the_starter();
    let replies = Replies { socket: writing.into(), last: Default::default() };
    replies.send(&Reply::Ready { protocol: VERSION, versions });
    for request in requests {
        match request {
            Request::Hello { .. } => {}
            Request::Run(task) => {
                let result = || compute(&task, &replies).map(Reply::Done);
                replies.send(&attempt(Some(&task.staging), result));
            }
            Request::Check(questions) => {
                replies.send(&attempt(None, || Ok(Reply::Checked(check(&questions)))));
            }
        }
    }
    ExitCode::SUCCESS
}

/// The engine's socket, which was standard input; nothing is there afterwards.
fn take_socket() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Fails for whatever is not a socket.
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

/// An answer, or how it failed. A stage writes to `staging`.
fn attempt(staging: Option<&Path>, answer: impl FnOnce() -> anyhow::Result<Reply>) -> Reply {
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => Reply::Failed(failure(&error, staging)),
        Err(panic) => Reply::Failed(Failure::panicked(&*panic)),
    }
}

/// What a failure is. Libraries and programs do not say that the disk is full in one way: where nothing else is
/// known, the folder that the stage writes to is asked.
fn failure(error: &anyhow::Error, staging: Option<&Path>) -> Failure {
    let message = format!("{error:#}");
    let is = |test: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    if is(|cause| cause.is::<EnvironmentFault>() || is_unwritable(cause)) {
        return Failure { class: FailureClass::Environment, message };
    }
    if is(|cause| cause.is::<ProgramLost>()) {
        return Failure { class: FailureClass::Process, message };
    }
    match staging.map(|folder| fsx::is_writable(&folder.join("probe"))) {
        Some(Err(full)) if is_unwritable(&full) => {
            Failure { class: FailureClass::Environment, message: format!("{message} ({full})") }
        }
        _ => Failure { class: FailureClass::Stage, message },
    }
}

/// Whether the place that a stage writes to takes no files: full, or mounted read-only.
fn is_unwritable(cause: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let of_files = cause.downcast_ref::<fsx::Error>().map(fsx::Error::kind);
    matches!(kind, Some(StorageFull | QuotaExceeded | ReadOnlyFilesystem))
        || matches!(of_files, Some(fsx::Kind::NoSpace | fsx::Kind::ReadOnly))
}

/// Requests as they come; the process ends when the engine does.
fn read_requests(socket: UnixStream) -> mpsc::Receiver<Request> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(socket).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(request) => drop(send.send(request)),
                Err(error) => {
                    eprintln!("the engine sent something that is not a request: {error}");
                    exit_now(70);
                }
            }
        }
        exit_now(0);
    });
    receive
}

/// Ends the process, and what its stages started, without unwinding or destructors: other threads may be
/// deep in a library.
fn exit_now(code: i32) -> ! {
    offspring::end_below(std::process::id());
    // SAFETY: `_exit` takes no pointers and touches no memory of ours; every file that matters is
    // written by rename, so nothing half-written is mistaken for a result.
    unsafe { libc::_exit(code) }
}

/// Sends replies, with progress thinned to what eyes can follow.
struct Replies {
    socket: std::sync::Mutex<UnixStream>,
    last: std::sync::Mutex<Option<std::time::Instant>>,
}

const PROGRESS_INTERVAL: std::time::Duration = std::time::Duration::from_millis(50);

impl Replies {
    /// Whether the last progress was long enough ago.
    fn due(&self) -> bool {
        let now = std::time::Instant::now();
        let Ok(mut last) = self.last.lock() else { return false };
        let due = last.is_none_or(|last| now.duration_since(last) >= PROGRESS_INTERVAL);
        if due {
            *last = Some(now);
        }
        due
    }

    fn send(&self, reply: &Reply) {
        let mut line = serde_json::to_vec(reply).expect("replies are plain data");
        line.push(b'\n');
        let mut socket = self.socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if socket.write_all(&line).is_err() {
            exit_now(0); // The engine is gone.
        }
    }
}

impl Reporter for Replies {
    fn progress(&self, done: u64, total: u64, unit: &str, at: &str) {
        if self.due() || done == total {
            self.send(&Reply::Progress(Progress { done, total, unit: unit.to_owned(), at: at.to_owned() }));
        }
    }

    fn info(&self, text: &str) {
        self.send(&Reply::Log { level: Level::Info, text: text.to_owned() });
    }

    fn warn(&self, text: &str) {
        self.send(&Reply::Log { level: Level::Warning, text: text.to_owned() });
    }
}
