//! How the worker is started elsewhere: in a container, on another machine.
//!
//! Knows how it is written. What it means for a process is decided where processes are started.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// The words of a program that starts the worker, as `["ssh", "host"]` or `{ command = ["ssh", "host"], worker = "..." }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Launcher {
    /// The words before the worker's command. Without any, the worker is started directly.
    pub command: Vec<String>,
    /// The path of the worker where it is started; `None`: that of the worker here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<PathBuf>,
}

/// The two ways to write a launcher.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a launcher is a list of words, or { command = [\"...\"], worker = \"the path of pcamflow-worker there\" }"
)]
enum Written {
    Words(Vec<String>),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    command: Vec<String>,
    worker: Option<PathBuf>,
}

impl TryFrom<Written> for Launcher {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        let (command, worker) = match written {
            Written::Words(command) => (command, None),
            Written::Table(Table { command, worker }) => (command, worker),
        };
        let no_program = command.first().is_some_and(String::is_empty);
        let no_worker = worker.as_ref().is_some_and(|path| path.as_os_str().is_empty());
        match no_program || no_worker {
            true => Err("a launcher begins with the name of a program, and a worker has a path".to_owned()),
            false => Ok(Self { command, worker }),
        }
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Settings {
        launcher: Launcher,
    }

    fn read(text: &str) -> Result<Launcher, String> {
        let settings: Result<Settings, _> = toml::from_str(&format!("launcher = {text}"));
        settings.map(|settings| settings.launcher).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn both_forms_are_read_and_what_is_sent_is_read_again() {
        let command = vec!["ssh".to_owned(), "host".to_owned()];
        for (text, worker) in [
            ("['ssh', 'host']", None),
            ("{ command = ['ssh', 'host'], worker = '/opt/worker' }", Some(PathBuf::from("/opt/worker"))),
        ] {
            let launcher = Launcher { command: command.clone(), worker };
            assert_eq!(read(text).as_ref(), Ok(&launcher));
            let json = serde_json::to_string(&launcher).unwrap();
            assert_eq!(serde_json::from_str::<Launcher>(&json).unwrap(), launcher);
        }
        assert_eq!(read("[]").unwrap().to_string(), "");
    }

    #[test]
    fn anything_else_is_an_error_that_lists_the_forms() {
        for text in ["'ssh host'", "7", "{ worker = '/opt/worker' }", "{ command = [], place = '' }", "[1]"] {
            assert!(read(text).unwrap_err().starts_with("a launcher is a list of words, or {"), "{text}");
        }
        for text in ["['']", "{ command = ['ssh'], worker = '' }"] {
            assert!(read(text).unwrap_err().starts_with("a launcher begins with"), "{text}");
        }
        assert!(read("['docker', 'run', '--entrypoint', '']").is_ok(), "a word may be empty");
    }
}
