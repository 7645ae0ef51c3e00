//! How a command ends: with an exit code, or with an error and its message.

use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr},
};

use crate::{engine::Refused, fsx, pipeline, store};

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Success.
    Done,
    /// A stage failed or has no result, or a check found something wrong.
    Failed,
    /// The command line or the pipeline is wrong.
    Usage,
    /// Something is wrong with the machine: no libtorch, no such GPU, the store cannot be written.
    Environment,
    /// Interrupted by the user.
    Interrupted,
    /// The code of a run's summary: one of the above, 4 or 5.
    Run(u8),
}

impl Exit {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Interrupted => 130,
            Self::Run(code) => code,
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) exit: Exit,
    /// The text for standard error, complete.
    text: String,
}

/// What a command returns.
pub(super) type Outcome = Result<Exit, Error>;

impl Error {
    /// An error whose lines each begin with `error: `.
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        let lines: Vec<String> = message.to_string().lines().map(|line| format!("error: {line}")).collect();
        Self { exit, text: lines.join("\n") }
    }

    pub(super) fn failed(message: impl Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(super) fn environment(message: impl Display) -> Self {
        Self::new(Exit::Environment, message)
    }

    /// The rendered problems of a pipeline or a sweep, and their number.
    pub(super) fn problems((text, count): (String, usize)) -> Self {
        let problems = crate::ui::format::plural(count, "problem");
        Self { exit: Exit::Usage, text: format!("{text}\n\n{problems}; nothing was run") }
    }

    /// The message, to be part of another one.
    pub(super) fn message(&self) -> &str {
        self.text.strip_prefix("error: ").unwrap_or(&self.text)
    }

    /// Writes the message to standard error and returns the exit code.
    pub(super) fn report(self) -> Exit {
        complain(&self.text);
        self.exit
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong(_) => Self::usage(refused),
            Refused::Store(_) | Refused::Cluster(_) | Refused::Out(_) => Self::environment(refused),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::environment(error)
    }
}

impl From<fsx::Error> for Error {
    fn from(error: fsx::Error) -> Self {
        Self::environment(error)
    }
}

impl From<&pipeline::Invalid> for Error {
    fn from(invalid: &pipeline::Invalid) -> Self {
        Self::problems((invalid.render(colour()), invalid.count()))
    }
}

/// Writes a line to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Whether standard error takes colours.
pub(super) fn colour() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
