//! The command of a worker that a launcher starts elsewhere: in a container, or on another machine.
//!
//! Starts nothing; knows neither tasks nor the protocol.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, ExitStatus},
};

use super::variables::variables;
use crate::{protocol::BY_LAUNCHER, stages::Launcher};

/// The launcher's words, and then the worker's command. `here` is the worker of this machine: its path is that of the
/// other place, unless the launcher names one. `None` if there is neither.
///
/// Environment variables go along as words, because not every launcher passes them on.
pub(super) fn command(launcher: &Launcher, here: Option<&Path>) -> Option<Command> {
    let (program, words) = launcher.command.split_first()?;
    let worker = launcher.worker.as_deref().or(here)?;
    let mut command = Command::new(program);
    command.args(words).arg("env");
    let of = here.filter(|_| launcher.worker.is_none());
    command.args(variables(of).iter().map(|(name, value)| assignment(name, value)));
    command.arg(worker).arg(BY_LAUNCHER);
    Some(command)
}

fn assignment(name: &str, value: &OsString) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value);
    word
}

/// How a launcher ended, in words. Shells and container runtimes report a signal as 128 and its number.
pub(super) fn ended(status: ExitStatus) -> String {
    let signal =
        status.code().and_then(|code| code.checked_sub(128)).filter(|signal| (1..=31).contains(signal));
    match signal {
        Some(9) => {
            format!("the launcher ended with {status}: what it started was killed, perhaps for its memory")
        }
        Some(signal) => {
            format!("the launcher ended with {status}: what it started was ended by signal {signal}")
        }
        None => format!("the launcher ended with {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, path::PathBuf};

    use super::*;

    fn words(launcher: &Launcher, here: Option<&Path>) -> Option<Vec<String>> {
        let command = command(launcher, here)?;
        let all = std::iter::once(command.get_program()).chain(command.get_args());
        Some(all.map(|word| word.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn the_workers_command_follows_the_words() {
        let launcher = |worker: Option<&str>| Launcher {
            command: vec!["ssh".to_owned(), "host".to_owned()],
            worker: worker.map(PathBuf::from),
        };
        let here = Path::new("/here/pcamflow-worker");
        let of = |worker: &str| {
            ["ssh", "host", "env", "OMP_WAIT_POLICY=PASSIVE", worker, BY_LAUNCHER].map(str::to_owned)
        };
        assert_eq!(words(&launcher(None), Some(here)).unwrap(), of("/here/pcamflow-worker"));
        assert_eq!(words(&launcher(Some("/there/w")), Some(here)).unwrap(), of("/there/w"));
        assert_eq!(words(&launcher(Some("/there/w")), None).unwrap(), of("/there/w"));
        assert_eq!(words(&launcher(None), None), None);
    }

    #[test]
    fn a_signal_is_recognised_in_an_exit_code() {
        let ended = |code: i32| ended(ExitStatus::from_raw(code << 8));
        assert!(ended(137).contains("killed") && ended(143).contains("signal 15"));
        assert_eq!(ended(255), "the launcher ended with exit status: 255");
    }
}
