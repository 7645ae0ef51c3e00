//! The serving side of the protocol: reads tasks, computes them, reports; for both binaries.
//!
//! Standard input is read by a thread of its own, so that the end of it, which is the end of the
//! engine, stops the process at once, whatever it is computing. Knows no stage kind.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::mpsc,
};

use crate::{
    fsx, offspring,
    protocol::{Failure, FailureClass, Level, Outcome, Progress, Reply, Request, Task, VERSION},
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

/// Serves tasks from standard input until it ends. `compute` returns what the task says of itself.
pub fn serve(
    versions: BTreeMap<String, String>,
    mut compute: impl FnMut(&Task, &dyn Reporter) -> anyhow::Result<Outcome>,
) {
    offspring::volunteer();
    let requests = read_requests();
    let replies = Replies::default();
    replies.send(&Reply::Ready { protocol: VERSION, versions });
    for Request::Run(task) in requests {
        replies.send(&attempt(&task, &replies, &mut compute));
    }
}

fn attempt(
    task: &Task,
    replies: &Replies,
    compute: &mut impl FnMut(&Task, &dyn Reporter) -> anyhow::Result<Outcome>,
) -> Reply {
    match catch_unwind(AssertUnwindSafe(|| compute(task, replies))) {
        Ok(Ok(outcome)) => Reply::Done(outcome),
        Ok(Err(error)) => Reply::Failed(failure(&error, &task.staging)),
        Err(panic) => {
            Reply::Failed(Failure { class: FailureClass::Process, message: panic_message(&*panic) })
        }
    }
}

/// What a failure is. Libraries and programs do not say that the disk is full in one way: where nothing else is
/// known, the folder that the stage writes to is asked.
fn failure(error: &anyhow::Error, staging: &Path) -> Failure {
    let message = format!("{error:#}");
    let is = |test: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    if is(|cause| cause.is::<EnvironmentFault>() || is_unwritable(cause)) {
        return Failure { class: FailureClass::Environment, message };
    }
    if is(|cause| cause.is::<ProgramLost>()) {
        return Failure { class: FailureClass::Process, message };
    }
    match fsx::is_writable(&staging.join("probe")) {
        Err(full) if is_unwritable(&full) => {
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

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    // libtorch's messages carry a C++ backtrace below their first lines.
    let told: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("Exception raised from")).collect();
    format!("internal error (please report it): {}", told.join(" "))
}

/// Requests as they come; the process ends when the engine does.
fn read_requests() -> mpsc::Receiver<Request> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(request) => drop(send.send(request)),
                Err(error) => {
                    eprintln!("the engine sent what is no request: {error}");
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

/// Standard output as replies, with progress thinned to what eyes can follow.
#[derive(Default)]
struct Replies {
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
        let mut out = std::io::stdout().lock();
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
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
