//! Computes `command`: runs a program in a folder that holds what was declared, and takes what it made.

mod meaning;
mod offline;
mod program;
mod sandbox;
mod whole;

use std::{os::unix::process::ExitStatusExt, path::Path, process::ExitStatus};

use anyhow::{Result, bail};

use crate::{
    protocol::{Number, Outcome, Task},
    serve::{EnvironmentFault, ProgramLost, Reporter},
    stages::command::Command,
};
use meaning::{Meaning, meaning};
use sandbox::Sandbox;

/// Lines of a program that failed which its failure repeats.
const LAST_WORDS: usize = 10;

/// The most numbers that a program may name.
const MOST_NUMBERS: usize = 100;

pub(super) fn run(stage: &Command, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let sandbox = Sandbox::new(stage, task)?;
    if let Some(gap) = offline::is_wanted().then(offline::gap).flatten() {
        reporter.warn(&format!("this machine cannot keep a program off {gap}: this one could reach it"));
    }
    let mut told = Told { reporter, numbers: Vec::new(), last: Vec::new() };
    let status = program::run(stage, task, &sandbox, &mut |line| told.line(line))?;
    sandbox.inputs_are_unharmed()?;
    if !status.success() {
        let failure = format!("{}{}{}", ending(stage, status), told.last_words(), hints(stage));
        // Ended by a signal, it was lost, whatever it was to do; with an exit code it decided so.
        match status.signal() {
            Some(_) => bail!(ProgramLost(failure)),
            None if told.says_that_the_disk_is_full() => bail!(EnvironmentFault(failure)),
            None => bail!(failure),
        }
    }
    sandbox.holds_what_was_declared(stage)?;
    Ok(Outcome { numbers: told.numbers, device: "cpu".to_owned(), resumed: None })
}

/// What a program has said.
struct Told<'a> {
    reporter: &'a dyn Reporter,
    numbers: Vec<Number>,
    last: Vec<String>,
}

impl Told<'_> {
    fn line(&mut self, line: &str) {
        match meaning(line) {
            Meaning::Progress { done, total, unit, at } => {
                return self.reporter.progress(done, total, unit, at);
            }
            Meaning::Number { name, value } => self.number(name, value),
            Meaning::NoNumber => {
                let line: String = line.chars().take(100).collect();
                self.reporter.warn(&format!(
                    "`{line}` says no number: one is written pcamflow:number NAME=VALUE, as in accuracy=0.93"
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

    /// A number that is said again is the newer one.
    fn number(&mut self, name: &str, value: f64) {
        let room = self.numbers.len() < MOST_NUMBERS;
        match self.numbers.iter_mut().find(|number| number.name == name) {
            Some(number) => number.value = value,
            None if !room => {}
            None => self.numbers.push(Number { name: name.to_owned(), value }),
        }
    }

    /// Whether the system's words for a full disk are among the last lines. What a program in another language says
    /// is not known; then the disk is asked (see `serve`).
    fn says_that_the_disk_is_full(&self) -> bool {
        let said = ["No space left on device", "Disk quota exceeded"];
        self.last.iter().any(|line| said.iter().any(|words| line.contains(words)))
    }

    fn last_words(&self) -> String {
        self.last.iter().map(|line| format!("\n  {line}")).collect()
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

/// Words that name files here, which the sandbox does not hold.
fn hints(stage: &Command) -> String {
    let words = stage.program.iter().skip(1);
    let undeclared = words.filter(|word| {
        let path = Path::new(word);
        path.is_relative() && !word.starts_with('-') && path.is_file()
    });
    let hint = |word: &String| {
        format!(
            "\n  help: `{word}` is a file here, but not in the folder in which the program ran, which holds \
             only what is declared: name it in `inputs`, and write its name in braces"
        )
    };
    undeclared.map(hint).collect()
}
