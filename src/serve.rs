//! The serving side of the protocol, for both binaries: reads tasks, computes them, sends replies.
//!
//! The engine's socket arrives as standard input, and is moved at once to where no library or program finds it.
//! Through a launcher ([`BY_LAUNCHER`]), requests arrive on standard input and replies leave on standard output, which
//! are moved as well. A separate thread reads, so the process ends with the engine, whatever it is computing. Knows no
//! stage kinds.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    sync::mpsc,
};

use crate::{
    fsx, offspring, place,
    protocol::{
        Answer, BY_LAUNCHER, EpochEnd, Failure, Level, Outcome, Progress, Question, Reply, Request, Task,
        VERSION,
    },
};

/// Marks an error as a fault of the machine, not of the stage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EnvironmentFault(pub String);

/// Marks an error as the loss of a program that a job had started: it was killed or crashed. Such a stage may be
/// tried again, as after the loss of a whole process.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProgramLost(pub String);

/// Takes the reports of a job while it computes.
pub trait Reporter: Sync {
    /// How far it is. May be called often: reports that follow too closely are left out.
    fn progress(&self, done: u64, total: u64, unit: &str, at: &str);
    /// An epoch of a training has ended. Each is reported once.
    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>);
    /// A line for the stage's log.
    fn info(&self, text: &str);
    /// A line for the log that the user also sees.
    fn warn(&self, text: &str);
}

/// The message of a process that was not started by an engine.
const NOT_FOR_PEOPLE: &str = "this process computes stages for `pcamflow`, which starts it with a socket as standard \
                              input: run `pcamflow` instead (if `pcamflow` started it, the two are of different \
                              versions: build both together)";

/// Serves the engine's tasks until its socket is closed: `compute` computes a stage, `check` answers questions
/// about source files. Returns only if there is no such socket.
pub fn serve(
    versions: BTreeMap<String, String>,
    mut compute: impl FnMut(&Task, &dyn Reporter) -> anyhow::Result<Outcome>,
    check: impl Fn(&[Question]) -> Vec<Answer>,
) -> ExitCode {
    let is_launched = std::env::args_os().nth(1).is_some_and(|word| word == BY_LAUNCHER);
    let ends = if is_launched { take_standard_streams() } else { take_socket() };
    let Ok((reading, writing)) = ends else {
        eprintln!("{NOT_FOR_PEOPLE}");
        return ExitCode::from(2);
    };
    offspring::volunteer();
    let requests = read_requests(reading);
    // From here on the process ends with its socket, and first ends what its programs left behind.
    offspring::outlive_the_starter();
    if is_launched {
        // The engine's greeting. If the launcher passes nothing on, the process ends here, before it says that it is ready.
        let _ = requests.recv();
    }
    let replies = Replies { to: writing.into(), last: Default::default() };
    replies.send(&Reply::Ready { protocol: VERSION, versions, host: place::host() });
    for request in requests {
        match request {
            Request::Hello { .. } => {}
            Request::Run(task) => {
                let result = || {
                    place::find(&task).map_err(|what| EnvironmentFault(not_the_same(&what)))?;
                    compute(&task, &replies).map(Reply::Done)
                };
                replies.send(&attempt(Some(&task.staging), result));
            }
            Request::Check(questions) => {
                replies.send(&attempt(None, || Ok(Reply::Checked(check(&questions)))));
            }
        }
    }
    ExitCode::SUCCESS
}

/// Takes the engine's socket away from standard input: to read from, and to write to.
fn take_socket() -> io::Result<(File, File)> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Fails if it is not a socket.
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let socket = File::from(OwnedFd::from(socket));
    Ok((socket.try_clone()?, socket))
}

/// Takes standard input and output. What libraries print to standard output goes to standard error, which the launcher
/// passes on.
fn take_standard_streams() -> io::Result<(File, File)> {
    let ends = (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((ends.0.into(), ends.1.into()))
}

fn not_the_same(what: &str) -> String {
    let host = place::host();
    format!(
        "{what} is not there where the launcher has started the worker ({host}): the folders of the store and of the \
         data must have the same paths there; mount them, or choose others (--store, --data)"
    )
}

/// The reply of a job, or its failure. A stage writes to `staging`.
fn attempt(staging: Option<&Path>, answer: impl FnOnce() -> anyhow::Result<Reply>) -> Reply {
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => Reply::Failed(failure(&error, staging)),
        Err(panic) => Reply::Failed(Failure::panicked(&*panic)),
    }
}

/// Classifies an error. Libraries and programs report a full disk in many ways, so as a last resort a file is
/// written to the stage's folder.
fn failure(error: &anyhow::Error, staging: Option<&Path>) -> Failure {
    let message = format!("{error:#}");
    let is = |test: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    if is(|cause| cause.is::<EnvironmentFault>() || is_unwritable(cause)) {
        return Failure::environment(message);
    }
    if is(|cause| cause.is::<ProgramLost>()) {
        return Failure::process(message);
    }
    match staging.map(|folder| fsx::is_writable(&folder.join("probe"))) {
        Some(Err(full)) if is_unwritable(&full) => Failure::environment(format!("{message} ({full})")),
        _ => Failure::stage(message),
    }
}

/// Whether an error says that the disk is full or mounted read-only.
fn is_unwritable(cause: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let of_files = cause.downcast_ref::<fsx::Error>().map(fsx::Error::kind);
    matches!(kind, Some(StorageFull | QuotaExceeded | ReadOnlyFilesystem))
        || matches!(of_files, Some(fsx::Kind::NoSpace | fsx::Kind::ReadOnly))
}

/// Reads requests in a thread, which ends the process with the engine.
fn read_requests(from: File) -> mpsc::Receiver<Request> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
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

/// Ends the process and what its stages started, without unwinding or destructors, because other threads may be
/// inside a library.
fn exit_now(code: i32) -> ! {
    offspring::end_below(std::process::id());
    // SAFETY: `_exit` takes no pointers and touches no memory of ours. Every file that matters is written by
    // rename, so no half-written file is taken for a result.
    unsafe { libc::_exit(code) }
}

/// Sends replies, but progress only as often as eyes can follow.
struct Replies {
    to: std::sync::Mutex<File>,
    last: std::sync::Mutex<Option<std::time::Instant>>,
}

const PROGRESS_INTERVAL: std::time::Duration = std::time::Duration::from_millis(50);

impl Replies {
    /// Whether the last progress was long enough ago.
    fn due(&self) -> bool {
        let Ok(mut last) = self.last.lock() else { return false };
        let due = last.is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL);
        if due {
            *last = Some(std::time::Instant::now());
        }
        due
    }

    fn send(&self, reply: &Reply) {
        let mut line = serde_json::to_vec(reply).expect("replies are plain data");
        line.push(b'\n');
        let mut to = self.to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if to.write_all(&line).is_err() {
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

    fn epoch(&self, end: EpochEnd, losses: Vec<f32>) {
        self.send(&Reply::Epoch { end, losses });
    }

    fn info(&self, text: &str) {
        self.send(&Reply::Log { level: Level::Info, text: text.to_owned() });
    }

    fn warn(&self, text: &str) {
        self.send(&Reply::Log { level: Level::Warning, text: text.to_owned() });
    }
}
