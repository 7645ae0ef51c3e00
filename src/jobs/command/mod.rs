//! Computes `command`: runs a program in a folder with its declared inputs, and checks what it wrote.

mod meaning;
mod offline;
mod program;
mod sandbox;
mod self_contained;

use std::{os::unix::process::ExitStatusExt, path::Path, process::ExitStatus};

use anyhow::{Result, bail};

use super::offline::is_offline;
use crate::{
    protocol::{Number, Outcome, Task},
    serve::{EnvironmentFault, ProgramLost, Reporter},
    stages::command::Command,
};
use meaning::{Meaning, meaning};
use sandbox::Sandbox;

/// How many lines of output the message of a failure repeats.
const LAST_WORDS: usize = 10;

/// The most numbers that a program may report.
const MOST_NUMBERS: usize = 100;

pub(super) fn run(stage: &Command, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let sandbox = Sandbox::new(stage, task)?;
    if is_offline() && !offline::is_possible() {
        reporter.warn(
            "this machine cannot keep a program off the network and the Unix sockets of services: this program \
             could reach them",
        );
    }
    let mut output = Output { reporter, numbers: Vec::new(), last: Vec::new() };
    let status = program::run(stage, task, &sandbox, &mut |line| output.line(line))?;
    sandbox.check_inputs()?;
    if !status.success() {
        let lines: String = output.last.iter().map(|line| format!("\n  {line}")).collect();
        let failure = format!("{}{lines}{}", ending(stage, status), hints(stage));
        // A program that was ended by a signal is worth another attempt.
        match status.signal() {
            Some(_) => bail!(ProgramLost(failure)),
            None if output.reports_a_full_disk() => bail!(EnvironmentFault(failure)),
            None => bail!(failure),
        }
    }
    sandbox.check_artifacts(stage)?;
    Ok(Outcome { numbers: output.numbers, device: "cpu".to_owned(), resumed: None })
}

/// The output of a program.
struct Output<'a> {
    reporter: &'a dyn Reporter,
    numbers: Vec<Number>,
    /// The last lines, for the message of a failure.
    last: Vec<String>,
}

impl Output<'_> {
    fn line(&mut self, line: &str) {
        match meaning(line) {
            Meaning::Progress { done, total, unit, at } => {
                return self.reporter.progress(done, total, unit, at);
            }
            Meaning::Number { name, value } => self.number(name, value),
            Meaning::NoNumber => {
                let line: String = line.chars().take(100).collect();
                self.reporter.warn(&format!(
                    "`{line}` is not a number: write pcamflow:number NAME=VALUE, as in accuracy=0.93"
                ));
            }
            Meaning::Text => {}
        }
        self.reporter.info(line);
        if !line.trim().is_empty() {
            self.last.push(line.chars().take(300).collect());
        }
        if self.last.len() > LAST_WORDS {
            self.last.remove(0);
        }
    }

    /// Adds a number, or replaces an earlier one of the same name.
    fn number(&mut self, name: &str, value: f64) {
        let room = self.numbers.len() < MOST_NUMBERS;
        match self.numbers.iter_mut().find(|number| number.name == name) {
            Some(number) => number.value = value,
            None if room => self.numbers.push(Number { name: name.to_owned(), value }),
            None => {}
        }
    }

    /// Whether the last lines contain the system's messages for a full disk. Programs may use other words; then
    /// `serve` looks at the disk itself.
    fn reports_a_full_disk(&self) -> bool {
        let messages = ["No space left on device", "Disk quota exceeded"];
        self.last.iter().any(|line| messages.iter().any(|message| line.contains(message)))
    }
}

fn ending(stage: &Command, status: ExitStatus) -> String {
    let program = match &stage.shell {
        Some(_) => "the script".to_owned(),
        None => stage.program.first().map_or("the program".to_owned(), |program| format!("`{program}`")),
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("{program} failed: exit code {code}"),
        (None, Some(9)) => {
            format!("{program} was killed (SIGKILL): by hand, or by the kernel because memory ran out")
        }
        (None, signal) => format!("{program} was ended by signal {}", signal.unwrap_or_default()),
    }
}

/// Hints about arguments that name files outside the sandbox.
fn hints(stage: &Command) -> String {
    let words = stage.program.iter().skip(1);
    let undeclared = words.filter(|word| {
        let path = Path::new(word);
        path.is_relative() && !word.starts_with('-') && path.is_file()
    });
    let hint = |word: &String| {
        format!(
            "\n  help: `{word}` is a file here, but it is not declared, so it is not in the program's folder: add it \
             to `inputs`, and write its name in braces"
        )
    };
    undeclared.map(hint).collect()
}
