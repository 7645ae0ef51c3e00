//! A project in a temporary folder with a clean environment, and helpers that run the binary in it.
//! Every integration test uses [`Sandbox`]. A failure prints the command, its output and the files.

use std::{
    fmt::Write as _,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// The engine binary.
pub(crate) const PCAMFLOW: &str = env!("CARGO_BIN_EXE_pcamflow");

/// The worker binary, which Cargo builds into the same folder.
#[cfg(feature = "torch")]
pub(crate) fn worker() -> PathBuf {
    Path::new(PCAMFLOW).with_file_name("pcamflow-worker")
}

/// All processes of a sandbox inherit this environment variable, so that tests can find them.
const MARK: &str = "PCAMFLOW_SANDBOX";

/// A project folder; the pipeline is `p.toml`.
pub(crate) struct Sandbox {
    _folder: TempDir,
    root: PathBuf,
    environment: Vec<(String, String)>,
}

impl Sandbox {
    /// An empty project in a temporary folder.
    pub(crate) fn new() -> Self {
        Self::in_folder("project")
    }

    /// An empty project on an in-memory file system if there is one, for tests that write a lot.
    pub(crate) fn in_memory() -> Self {
        Self::below(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(), "project")
    }

    /// An empty project in a folder with this name.
    pub(crate) fn in_folder(name: &str) -> Self {
        Self::below(tempfile::tempdir().unwrap(), name)
    }

    fn below(folder: TempDir, name: &str) -> Self {
        // Messages show the canonical path of the current folder.
        let root = folder.path().canonicalize().unwrap().join(name);
        fs::create_dir(&root).unwrap();
        let environment = vec![(MARK.to_owned(), root.display().to_string())];
        Self { _folder: folder, root, environment }
    }

    /// Adds a file, with its parent folders.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.rewrite(name, content);
        self
    }

    /// Adds the pipeline, `p.toml`.
    pub(crate) fn pipeline(self, text: &str) -> Self {
        self.file("p.toml", text)
    }

    /// Sets an environment variable for all commands.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes the project with a closure that receives its root.
    pub(crate) fn with(self, change: impl FnOnce(&Path)) -> Self {
        change(&self.root);
        self
    }

    /// Writes or replaces a file.
    pub(crate) fn rewrite(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A path in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The sorted names in a folder of the project, without hidden ones.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// `pcamflow run p.toml --json ARGUMENTS`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.pcamflow(&[&["run", "p.toml", "--json"], arguments].concat())
    }

    /// `pcamflow ARGUMENTS`.
    pub(crate) fn pcamflow(&self, arguments: &[&str]) -> Output {
        self.finish(self.command(PCAMFLOW).args(arguments))
    }

    /// `pcamflow ARGUMENTS`, with its standard output redirected.
    pub(crate) fn pcamflow_into(&self, arguments: &[&str], stdout: Stdio) -> Output {
        self.finish(self.command(PCAMFLOW).args(arguments).stdout(stdout))
    }

    /// A shell script in which `$PCAMFLOW` is the binary.
    pub(crate) fn shell(&self, script: &str) -> Output {
        self.finish(self.command("bash").args(["-c", script]))
    }

    /// Starts `pcamflow run p.toml --json ARGUMENTS` without waiting for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running<'_> {
        let mut command = self.command(PCAMFLOW);
        command.args(["run", "p.toml", "--json"]).args(arguments);
        let text = format!("{command:?}");
        Running { sandbox: self, child: command.spawn().unwrap(), command: text, started: Instant::now() }
    }

    /// A program with a clean environment in the project's folder.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("NO_COLOR", "1").env("PCAMFLOW", PCAMFLOW);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.root);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn finish(&self, command: &mut Command) -> Output {
        let started = Instant::now();
        let output = command.output().unwrap();
        Output::new(self, format!("{command:?}"), output, started)
    }

    /// The live processes that this sandbox started, directly or indirectly.
    pub(crate) fn alive(&self) -> Vec<i32> {
        // Programs of `command` stages do not inherit the mark; find them by their stage folder.
        let root = self.root.display();
        let marks = [format!("{MARK}={root}\0"), format!("{}={root}/", pcamflow::protocol::FOLDER)];
        let has = |environment: &[u8], mark: &str| {
            environment.windows(mark.len()).any(|window| window == mark.as_bytes())
        };
        let is_ours = |id: &i32| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            marks.iter().any(|mark| has(&environment, mark))
        };
        let entries = fs::read_dir("/proc").unwrap();
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(is_ours).collect()
    }

    /// Waits until no process of this sandbox is alive.
    #[track_caller]
    pub(crate) fn nothing_is_left_running(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.alive().is_empty() {
            assert!(Instant::now() < deadline, "still running: {:?}\n{}", self.alive(), self.listing());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The digests of all shown artifacts, by path relative to `out/`.
    pub(crate) fn digests(&self) -> Vec<(String, String)> {
        let out = self.path("out");
        let shown =
            files(&out).into_iter().filter(|path| !path.to_string_lossy().contains(".pcamflow-shown"));
        let digest = |path: &PathBuf| pcamflow::digest::Digest::of(&fs::read(path).unwrap()).hex();
        shown.map(|path| (path.strip_prefix(&out).unwrap().display().to_string(), digest(&path))).collect()
    }

    /// Every file of the project with its size, one per line.
    pub(crate) fn listing(&self) -> String {
        files(&self.root).iter().fold(String::new(), |mut text, path| {
            let size = path.symlink_metadata().map_or(0, |metadata| metadata.len());
            writeln!(text, "  {size:>9} {}", path.strip_prefix(&self.root).unwrap_or(path).display())
                .unwrap();
            text
        })
    }
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

/// A run in progress.
pub(crate) struct Running<'a> {
    sandbox: &'a Sandbox,
    child: Child,
    command: String,
    started: Instant,
}

impl Running<'_> {
    /// Sends a signal to the engine only.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        // The engine may have ended already.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_raw(self.pid()).unwrap(), signal);
    }

    /// The engine's process id.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Waits for the end of the run.
    pub(crate) fn finish(self) -> Output {
        let output = self.child.wait_with_output().unwrap();
        Output::new(self.sandbox, self.command, output, self.started)
    }
}

/// The result of a command.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
    pub(crate) duration: Duration,
    command: String,
    listing: String,
}

impl Output {
    fn new(sandbox: &Sandbox, command: String, output: std::process::Output, started: Instant) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status,
            duration: started.elapsed(),
            command,
            listing: sandbox.listing(),
        }
    }

    /// Fails, and prints the command, its output and the files of the project.
    #[track_caller]
    pub(crate) fn fail(&self, what: &str) -> ! {
        let Self { stdout, stderr, status, duration, command, listing } = self;
        panic!(
            "{what}\n--- command\n{command}\n--- {status} after {duration:?}\n--- stdout\n{stdout}\
             --- stderr\n{stderr}--- files\n{listing}"
        )
    }

    #[track_caller]
    fn require(self, right: bool, what: impl FnOnce() -> String) -> Self {
        if !right {
            self.fail(&what());
        }
        self
    }

    /// Requires this exit code.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Self {
        let right = self.status.code() == Some(code);
        let got = (self.status.code(), self.status.signal());
        self.require(right, || format!("expected exit code {code}, got (code, signal) {got:?}"))
    }

    /// Requires success, and that exactly these stages were computed.
    #[track_caller]
    pub(crate) fn ran<const N: usize>(self, stages: [&str; N]) -> Self {
        let output = self.exit(0);
        let mut expected: Vec<String> = stages.map(str::to_owned).to_vec();
        expected.sort();
        let computed = output.computed();
        output.require(computed == expected, || format!("expected {expected:?} to run, got {computed:?}"))
    }

    /// Requires success, and that nothing was computed.
    #[track_caller]
    pub(crate) fn cached_all(self) -> Self {
        self.ran([])
    }

    /// Requires that standard error contains this text.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        let right = self.stderr.contains(text);
        self.require(right, || format!("standard error does not say {text:?}"))
    }

    /// Requires that neither stream contains this text.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        let right = !self.stdout.contains(text) && !self.stderr.contains(text);
        self.require(right, || format!("{text:?} is said"))
    }

    /// The events of a run with `--json`.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => self.fail(&format!("no JSON ({error}): {line}")),
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The events with this name.
    #[track_caller]
    pub(crate) fn events_of(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// The sorted names of the computed stages.
    #[track_caller]
    pub(crate) fn computed(&self) -> Vec<String> {
        let finished = self.events_of("finished").into_iter().filter(|stage| stage["cached"] == false);
        let mut names: Vec<String> = finished.map(|stage| text(&stage["stage"])).collect();
        names.sort();
        names
    }

    /// The texts of all warnings.
    #[track_caller]
    pub(crate) fn warnings(&self) -> String {
        self.events_of("warning").iter().map(|event| text(&event["text"]) + "\n").collect()
    }

    /// The message of the only stage that failed.
    #[track_caller]
    pub(crate) fn failure(&self) -> String {
        match self.events_of("failed").as_slice() {
            [failed] => text(&failed["message"]),
            other => self.fail(&format!("expected one failed stage, got {}", other.len())),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
