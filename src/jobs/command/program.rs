//! Starts a program in its sandbox, listens to it, and sees it and all that it started to their end.
//!
//! The program dies with this process (the kernel sees to that), and what it started is taken in and
//! ended here: see [`crate::offspring`].

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};

use super::{output, sandbox::Sandbox};
use crate::{
    offspring,
    protocol::{FOLDER, OFFLINE, Task},
    serve::EnvironmentFault,
    stages::command::{Command, INPUTS, PASSING, Piece, Port, PortName, SHELL, pieces},
};

/// Where programs are looked for where nobody says.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How long what a program left behind may take to end by itself: the last of a pipeline of a shell, say.
const GRACE: Duration = Duration::from_millis(300);

/// Runs the program of a stage; `tell` gets every line that it, or what it started, says.
pub(super) fn run(
    stage: &Command,
    task: &Task,
    sandbox: &Sandbox,
    tell: &mut dyn FnMut(&str),
) -> Result<ExitStatus> {
    let words = words(stage);
    let (program, arguments) = words.split_first().context("the stage names no program")?;
    // A path is one in the sandbox: the program starts there. A bare name is looked for on the PATH.
    has_unix_lines(&sandbox.folder.join(program), program)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(&sandbox.folder);
    command.env_clear().envs(environment(stage, task, sandbox));
    let (said, says) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(says.try_clone()?).stderr(says);
    command.process_group(0);
    prepare(&mut command, is_offline());
    offspring::adopt();
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    // Its ends of the pipe: the end comes when the last of the programs has closed them.
    drop(command);
    let waiting = std::thread::spawn(move || {
        let status = child.wait();
        offspring::leave_none(GRACE);
        status
    });
    output::read(said, tell)?;
    let status = waiting.join().map_err(|_| anyhow!("the thread that waits for the program panicked"))?;
    Ok(status?)
}

/// What happens between fork and exec.
fn prepare(command: &mut std::process::Command, offline: bool) {
    let parent = std::process::id();
    let before = move || {
        if offline {
            // Where the kernel refuses, the user was warned.
            let _ = without_network();
        }
        // SAFETY: plain system calls with plain arguments.
        unsafe {
            // After what changes credentials, which clears it.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            if libc::getppid().cast_unsigned() != parent {
                libc::_exit(1); // The parent died before it could be noticed.
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(before) };
}

/// Whether nothing of the run shall reach the network.
pub(super) fn is_offline() -> bool {
    std::env::var_os(OFFLINE).is_some_and(|value| value == "1")
}

/// Whether this process may give a program a network of its own, with nothing in it: tried out.
pub(super) fn can_be_offline() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(try_offline)
}

fn try_offline() -> bool {
    let mut probe = std::process::Command::new("/bin/true");
    probe.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only system calls are made.
    unsafe { probe.pre_exec(without_network) };
    match probe.status() {
        Ok(_) => true,
        // Then it was exec that failed, after the network was gone.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Leaves the network for an empty one: as root, or in a user namespace of its own, in which the user stays who he is.
fn without_network() -> io::Result<()> {
    // SAFETY: system calls with plain arguments, on a process that has one thread since it was forked.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        // SAFETY: as above.
        if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } != 0 {
            return Err(io::Error::last_os_error());
        }
        put(c"/proc/self/setgroups", b"deny")?;
        put_identity(c"/proc/self/uid_map", user)?;
        put_identity(c"/proc/self/gid_map", group)?;
    }
    loopback_up();
    Ok(())
}

/// `ID ID 1`, put together without allocating.
fn put_identity(path: &std::ffi::CStr, id: u32) -> io::Result<()> {
    let mut text = [0_u8; 32];
    let length = {
        use std::io::Write;
        let mut rest = &mut text[..];
        write!(rest, "{id} {id} 1")?;
        32 - rest.len()
    };
    put(path, &text[..length])
}

fn put(path: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: `path` ends with NUL, `text` is as long as it says, and the descriptor is closed once.
    let written = unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = libc::write(file, text.as_ptr().cast(), text.len());
        libc::close(file);
        written
    };
    if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Programs talk to themselves over 127.0.0.1; that is no network. Where it fails they cannot.
fn loopback_up() {
    // SAFETY: `request` is a whole `ifreq`, zero where not set; the descriptor is closed once.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket >= 0 {
            let mut request: libc::ifreq = std::mem::zeroed();
            (request.ifr_name[0], request.ifr_name[1]) = (b'l'.cast_signed(), b'o'.cast_signed());
            let up = libc::IFF_UP | libc::IFF_RUNNING;
            request.ifr_ifru.ifru_flags = i16::try_from(up).unwrap_or_default();
            libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request);
            libc::close(socket);
        }
    }
}

/// Everything that the program finds in its environment.
fn environment(stage: &Command, task: &Task, sandbox: &Sandbox) -> Vec<(String, OsString)> {
    let passing = || sandbox.folder.join(PASSING).into_os_string();
    let mut all: Vec<(String, OsString)> = vec![
        ("PATH".to_owned(), std::env::var_os("PATH").unwrap_or_else(|| PATH.into())),
        ("HOME".to_owned(), passing()),
        ("TMPDIR".to_owned(), passing()),
        ("LANG".to_owned(), "C.UTF-8".into()),
        ("TZ".to_owned(), "UTC".into()),
        (FOLDER.to_owned(), sandbox.folder.clone().into_os_string()),
        ("PCAMFLOW_THREADS".to_owned(), task.resources.threads.to_string().into()),
    ];
    all.extend(is_offline().then(|| (OFFLINE.to_owned(), "1".into())));
    let input = |name: &PortName| (format!("PCAMFLOW_INPUT_{}", name.variable()), path_of_input(name).into());
    all.extend(stage.inputs.keys().map(input));
    let artifacts = stage.artifacts.iter();
    let artifact = |(name, output): (&PortName, &crate::stages::command::Output)| {
        (format!("PCAMFLOW_ARTIFACT_{}", name.variable()), output.plain().into())
    };
    all.extend(artifacts.map(artifact));
    let passed = stage.pass_environment.iter();
    all.extend(passed.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))));
    all.extend(stage.environment.iter().map(|(name, value)| (name.clone(), value.into())));
    all
}

fn path_of_input(name: &PortName) -> String {
    format!("{INPUTS}/{name}")
}

/// The program and its arguments, with paths for placeholders.
fn words(stage: &Command) -> Vec<String> {
    let script = stage.shell.is_some();
    let filled = |(place, word): (usize, &str)| fill(word, stage, script && place == SHELL.len());
    stage.words().into_iter().enumerate().map(filled).collect()
}

fn fill(word: &str, stage: &Command, quote: bool) -> String {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Port(port) => {
            let path = path_of(&port, stage);
            if quote { quoted(path) } else { path }
        }
    };
    pieces(word).into_iter().map(piece).collect()
}

fn path_of(port: &Port<'_>, stage: &Command) -> String {
    match port {
        Port::Input(name) => format!("{INPUTS}/{name}"),
        Port::Artifact(name) => {
            let output = stage.artifacts.iter().find(|(known, _)| known.as_str() == *name);
            output.map_or_else(String::new, |(_, output)| output.plain().to_owned())
        }
    }
}

/// A path as one word of a shell.
fn quoted(path: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) && !path.starts_with('-') {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// Refuses a script whose first line ends as Windows ends lines: the kernel, or `env`, would look for a program
/// with a carriage return in its name, and say only that there is none.
fn has_unix_lines(file: &Path, program: &str) -> Result<()> {
    if !program.contains('/') || !file.is_file() {
        return Ok(());
    }
    let mut start = Vec::new();
    // What cannot be read is for the kernel to refuse.
    let _ = std::fs::File::open(file).and_then(|file| file.take(4096).read_to_end(&mut start));
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !(line.starts_with(b"#!") && line.ends_with(b"\r")) {
        return Ok(());
    }
    let line = String::from_utf8_lossy(line);
    bail!(
        "cannot start `{program}`: its lines end as on Windows, and so its first line, `{}`, names no program here; \
         convert it, as `sed -i 's/\\r$//' FILE` does",
        line.trim_end()
    )
}

fn not_started(program: &str, error: &io::Error) -> anyhow::Error {
    let what = match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such program on the PATH, or the interpreter in its first line does not exist"
        }
        io::ErrorKind::PermissionDenied => "it is not executable",
        _ => return anyhow!(EnvironmentFault(format!("cannot start `{program}`: {error}"))),
    };
    anyhow!(EnvironmentFault(format!("cannot start `{program}`: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_script_are_single_words() {
        let text = "shell = 'cat {x.csv} > {artifacts.y}; echo {{x}} ${y}'\nartifacts = { y = \"my 'file'.txt\" }\n\
                    inputs = { 'x.csv' = 'x' }";
        let stage: Command = toml::from_str(&format!(
            "{text}\nprogram = []\nenvironment = {{}}\npass-environment = []\nrun = {{}}"
        ))
        .unwrap();
        let script = words(&stage).pop().unwrap();
        assert_eq!(script, r"cat inputs/x.csv > 'my '\''file'\''.txt'; echo {x} ${y}");
        let plain = Command { shell: None, program: vec!["a{artifacts.y}".to_owned()], ..stage };
        assert_eq!(words(&plain), ["amy 'file'.txt"]);
    }
}
