//! Runs a program in its sandbox, reads its output, and ends everything that it started.
//!
//! The kernel ends the program with this process. Processes that the program started are adopted and ended here
//! (see [`crate::offspring`]).

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};

use super::{super::offline::is_offline, offline::Offline, sandbox::Sandbox};
use crate::{
    offspring::{self, lines},
    protocol::{FOLDER, OFFLINE, Task},
    serve::EnvironmentFault,
    stages::command::{Command, INPUTS, PASSING, Piece, Port, SHELL, pieces},
};

/// The PATH of programs if this process has none.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How long processes that a program left behind may take to end by themselves (the last of a shell pipeline, for
/// example).
const GRACE: Duration = Duration::from_millis(300);

/// Runs the program of a stage. `line` gets every line of output of the program and its processes.
pub(super) fn run(
    stage: &Command,
    task: &Task,
    sandbox: &Sandbox,
    line: &mut dyn FnMut(&str),
) -> Result<ExitStatus> {
    let words = words(stage);
    let (program, arguments) = words.split_first().context("the stage names no program")?;
    check_line_endings(&sandbox.folder, program)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(&sandbox.folder);
    command.env_clear().envs(environment(stage, task, sandbox));
    let (output, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    command.process_group(0);
    let offline = is_offline().then(|| Offline::new(&passed(stage)));
    offspring::dies_with_this_thread(&mut command, move || {
        // If the kernel refuses, the user was warned before.
        let _ = offline.as_ref().map(Offline::enter);
    });
    offspring::adopt();
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    // Closes our ends of the pipe: reading ends when the last process has closed its own.
    drop(command);
    let waiting = std::thread::spawn(move || {
        let status = child.wait();
        offspring::leave_none(GRACE);
        status
    });
    lines::read(output, line)?;
    let status = waiting.join().map_err(|_| anyhow!("the thread that waits for the program panicked"))?;
    Ok(status?)
}

/// The environment of the program.
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
    for name in stage.inputs.keys() {
        all.push((format!("PCAMFLOW_INPUT_{}", name.variable()), format!("{INPUTS}/{name}").into()));
    }
    for (name, output) in stage.artifacts.iter() {
        all.push((format!("PCAMFLOW_ARTIFACT_{}", name.variable()), output.plain().into()));
    }
    all.extend(passed(stage));
    all.extend(stage.environment.iter().map(|(name, value)| (name.clone(), value.into())));
    all
}

/// The variables that are passed on, with their values.
fn passed(stage: &Command) -> Vec<(String, OsString)> {
    let names = stage.pass_environment.iter();
    names.filter_map(|name| Some((name.clone(), std::env::var_os(name)?))).collect()
}

/// The program and its arguments, with paths in place of placeholders.
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

/// Refuses a script with Windows line endings. The kernel would look for an interpreter with a carriage return in
/// its name.
fn check_line_endings(folder: &Path, program: &str) -> Result<()> {
    let mut line = Vec::new();
    if program.contains('/') {
        // The kernel reports a file that cannot be read.
        let _ = File::open(folder.join(program))
            .and_then(|file| BufReader::new(file.take(4096)).read_until(b'\n', &mut line));
    }
    let first = String::from_utf8_lossy(&line);
    ensure!(
        !(first.starts_with("#!") && first.ends_with("\r\n")),
        "cannot start `{program}`: it has Windows line endings, so its first line, `{}`, names no program; convert \
         it, for example with `sed -i 's/\\r$//' FILE`",
        first.trim_end()
    );
    Ok(())
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
    fn paths_in_a_script_are_quoted() {
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
