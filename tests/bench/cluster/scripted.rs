//! The scripted Slurm: a server, and this program under the names of Slurm's commands, which asks it.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tempfile::TempDir;

use crate::nodes::{Jobs, State, compute};

/// The variable with the server's socket.
const SOCKET: &str = "SCRIPTED_SLURM";
/// The commands that the engine starts.
const COMMANDS: [&str; 3] = ["sbatch", "squeue", "scancel"];

/// How often the commands were called. Tests of settings do not count.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Calls {
    pub(crate) sbatch: usize,
    pub(crate) squeue: usize,
}

/// The server.
pub(crate) struct Slurm {
    folder: TempDir,
    calls: Arc<Mutex<Calls>>,
    stopped: Arc<AtomicBool>,
}

impl Drop for Slurm {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

impl Slurm {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let own = std::env::current_exe().expect("this program has a path");
        for command in COMMANDS {
            std::os::unix::fs::symlink(&own, folder.path().join(command)).expect("folder is writable");
        }
        let listener = UnixListener::bind(folder.path().join("socket")).expect("folder is writable");
        let (jobs, calls, stopped) = (Arc::default(), Arc::default(), Arc::default());
        compute(&jobs, &stopped);
        let (of_server, counted) = (Arc::clone(&jobs), Arc::clone(&calls));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer(client, &of_server, &counted).expect("the command is still there");
            }
        });
        Self { folder, calls, stopped }
    }

    /// The variables with which programs find it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.folder.path().display();
        vec![("PATH".to_owned(), format!("{own}:{path}")), (SOCKET.to_owned(), format!("{own}/socket"))]
    }

    /// How often its commands were called.
    pub(crate) fn calls(&self) -> Calls {
        *self.calls.lock().expect("no thread panics")
    }
}

/// Answers one command: its name and words, one a line, an empty line, and its input.
fn answer(mut client: UnixStream, jobs: &Mutex<Jobs>, calls: &Mutex<Calls>) -> io::Result<()> {
    let mut asked = String::new();
    client.read_to_string(&mut asked)?;
    let (words, input) = asked.split_once("\n\n").unwrap_or((&asked, ""));
    let words: Vec<&str> = words.lines().collect();
    let value =
        |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned();
    let (mut jobs, mut calls) =
        (jobs.lock().expect("no thread panics"), calls.lock().expect("no thread panics"));
    let said = match words[0] {
        "sbatch" if words.contains(&"--test-only") => String::new(),
        "sbatch" => {
            calls.sbatch += 1;
            // The last word of the script is the job's folder.
            let folder = input.trim_end().rsplit(' ').next().unwrap_or_default().trim_matches('\'');
            format!("{}\n", jobs.submit(value("--comment="), PathBuf::from(folder)))
        }
        "squeue" => {
            calls.squeue += 1;
            let line = |job: &crate::nodes::Job| {
                let (state, node) = match job.state {
                    State::Pending => ("PENDING", ""),
                    State::Running(_) | State::Ending => ("RUNNING", "node"),
                    State::Completed(_) => ("COMPLETED", "node"),
                };
                format!("{}|{state}|None|{node}|{}\n", job.id, job.comment)
            };
            jobs.listed.iter().map(line).collect()
        }
        _ => String::new(),
    };
    drop((jobs, calls));
    client.write_all(said.as_bytes())
}

/// The whole program, if it was started under the name of one of Slurm's commands.
pub(crate) fn command() -> Option<ExitCode> {
    let mut words = std::env::args();
    let name = words.next()?;
    let name = Path::new(&name).file_name()?.to_str()?.to_owned();
    if !COMMANDS.contains(&name.as_str()) {
        return None;
    }
    let asked = ask(&name, words);
    asked
        .inspect_err(|error| eprintln!("{name}: error: {error}"))
        .err()
        .map_or(Some(ExitCode::SUCCESS), |_| Some(ExitCode::FAILURE))
}

fn ask(name: &str, words: impl Iterator<Item = String>) -> io::Result<()> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let socket = std::env::var(SOCKET).map_err(io::Error::other)?;
    let mut server = UnixStream::connect(socket)?;
    let words: Vec<String> = words.collect();
    server.write_all(format!("{name}\n{}\n\n{input}", words.join("\n")).as_bytes())?;
    server.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    server.read_to_string(&mut said)?;
    io::stdout().write_all(said.as_bytes())?;
    Ok(())
}
