//! Stage kind `command`: any program, with declared inputs and artifacts.

mod output;
mod placeholder;
mod ports;

use std::{collections::BTreeMap, path::Path};

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, FileOrArtifact, Input, RunSettings, Runner, Stage,
    declare::parameters, file_input,
};

pub(super) use output::TAKEN;
pub use output::{Holds, INPUTS, Output, PASSING, PortName};
pub use placeholder::{Piece, Port, pieces};
pub use ports::Ports;

/// The command line before a script of `shell`.
pub const SHELL: [&str; 3] = ["/bin/sh", "-e", "-c"];

/// Extensions of scripts. A plain word that ends with one is an input that is not declared.
const SCRIPTS: [&str; 12] =
    [".py", ".sh", ".bash", ".R", ".r", ".jl", ".pl", ".rb", ".js", ".lua", ".awk", ".sql"];

parameters! {
    /// Any program. It runs in a folder with only the inputs declared here, and is cached like every other stage. In
    /// `program` and `shell`, `{name}` is replaced by the path of an input and `{artifacts.name}` by that of an
    /// artifact; `{{name}}` becomes the text `{name}`.
    pub struct Command {
        /// The program and its arguments, without a shell; looked up on the PATH.
        semantic program: Vec<String> = Vec::new();
        /// A script for `/bin/sh -e`, instead of `program`.
        semantic shell: Option<String> = None;
        /// Its inputs by name: artifacts of any kind, source files, and source folders (with a slash at the end). A
        /// path that begins with `./` is relative to the project's folder, any other to the folder of the source
        /// files. The program finds each as `inputs/NAME`.
        input inputs: Ports<FileOrArtifact> = Ports::default();
        /// Its artifacts by name: paths in the folder in which it runs. A folder has a slash at the end.
        semantic artifacts: Ports<Output>;
        /// Variables of its environment. Apart from these it has only PATH, HOME, TMPDIR, LANG, TZ and PCAMFLOW_....
        semantic environment: BTreeMap<String, String> = BTreeMap::new();
        /// Names of variables that are passed on unchanged. They must not change results: they are no part of the
        /// key.
        execution pass_environment: Vec<String> = Vec::new();
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Stage for Command {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    // A program may compute anything.
    const EQUALITY: Equality = Equality::Realisation;

    /// The slots `inputs.NAME`.
    fn inputs(&self) -> Vec<Input> {
        let inputs = self.inputs.iter();
        let input =
            |(name, from)| Input { slot: slot(name), ..file_input(INPUTS, from, ArtifactType::Anything) };
        inputs.map(input).collect()
    }

    fn artifacts(&self) -> Vec<Artifact> {
        let artifacts = self.artifacts.iter();
        let artifact = |(name, output): (&PortName, &Output)| Artifact {
            name: name.to_string().into(),
            file: output.path.clone().into(),
            holds: output.artifact_type(),
        };
        artifacts.map(artifact).collect()
    }

    fn check(&self, check: &mut Check<'_>) {
        self.check_program(check);
        self.check_words(check);
        self.check_artifacts(check);
        self.check_environment(check);
        let taken = self.inputs.keys().any(|name| name.as_str() == "artifacts");
        let message = "`{artifacts...}` names artifacts: give the input another name";
        check.require(!taken, "inputs.artifacts", message);
    }
}

impl Command {
    /// The program with its arguments, or the shell with the script.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        match &self.shell {
            Some(script) => SHELL.into_iter().chain([script.as_str()]).collect(),
            None => self.program.iter().map(String::as_str).collect(),
        }
    }

    fn check_program(&self, check: &mut Check<'_>) {
        let given = usize::from(!self.program.is_empty()) + usize::from(self.shell.is_some());
        let message = match given {
            0 => "nothing to run: write `program = [\"python3\", \"{script}\"]`, or `shell = \"...\"`",
            _ => "`program` and `shell` cannot both be given",
        };
        check.require(given == 1, if given == 0 { "program" } else { "shell" }, message);
        if let Some(program) = self.program.first() {
            check.require(!program.is_empty(), "program", "the first word of `program` must name a program");
            let undeclared = program.contains('/') && !program.starts_with('/') && !program.contains('{');
            check.require_else(!undeclared, "program", || declare_it(program));
        }
    }

    /// Checks for unknown placeholders, and for scripts that are not declared as inputs.
    fn check_words(&self, check: &mut Check<'_>) {
        let field = if self.shell.is_some() { "shell" } else { "program" };
        for word in self.words() {
            let script = field == "program" && SCRIPTS.iter().any(|ending| word.ends_with(ending));
            let path = !word.starts_with(['/', '-']) && !word.contains(['{', ' ', '*', '=']);
            check.require_else(!(script && path && !self.is_artifact(word)), field, || declare_it(word));
            check.require(!word.contains('\0'), field, "an argument cannot contain a NUL character");
            for piece in pieces(word) {
                if let Piece::Port(port) = piece {
                    check.require_else(self.has(&port), field, || self.unknown(&port));
                }
            }
        }
    }

    fn is_artifact(&self, word: &str) -> bool {
        self.artifacts.values().any(|output| output.path == word)
    }

    fn has(&self, port: &Port<'_>) -> bool {
        match port {
            Port::Input(name) => self.inputs.keys().any(|known| known.as_str() == *name),
            Port::Artifact(name) => self.artifacts.keys().any(|known| known.as_str() == *name),
        }
    }

    fn unknown(&self, port: &Port<'_>) -> String {
        let (what, name, prefix) = match port {
            Port::Input(name) => ("input", name, ""),
            Port::Artifact(name) => ("artifact", name, "artifacts."),
        };
        let known = self.inputs.keys().map(|name| format!("{{{name}}}"));
        let known = known.chain(self.artifacts.keys().map(|name| format!("{{artifacts.{name}}}")));
        let known: Vec<String> = known.collect();
        format!(
            "this stage has no {what} `{name}` for `{{{prefix}{name}}}`; it has {}. To get the text itself, write \
             {{{{{prefix}{name}}}}}",
            known.join(", ")
        )
    }

    fn check_artifacts(&self, check: &mut Check<'_>) {
        let none = "a command needs at least one artifact: name the files it writes, as in { table = \"table.csv\" }";
        check.require(!self.artifacts.is_empty(), "artifacts", none);
        let all: Vec<(&PortName, &Output)> = self.artifacts.iter().collect();
        for (place, (name, output)) in all.iter().enumerate() {
            let others = all[..place].iter().filter_map(|(_, other)| clash(output, other));
            for why in output.check().err().into_iter().chain(others) {
                check.require(false, &format!("artifacts.{name}"), why);
            }
        }
    }

    fn check_environment(&self, check: &mut Check<'_>) {
        for (name, value) in &self.environment {
            let at = format!("environment.{name}");
            check.require_else(is_variable(name), &at, || no_variable(name));
            check.require(
                !value.contains('\0'),
                &at,
                "the value of a variable cannot contain a NUL character",
            );
        }
        for name in &self.pass_environment {
            check.require_else(is_variable(name), "pass-environment", || no_variable(name));
            let twice = || format!("`{name}` is set in `environment` already");
            check.require_else(!self.environment.contains_key(name), "pass-environment", twice);
        }
    }
}

/// The slot of an input.
#[must_use]
pub fn slot(name: &PortName) -> String {
    format!("{INPUTS}.{name}")
}

fn declare_it(word: &str) -> String {
    let path = word.trim_start_matches("./");
    format!(
        "the program cannot see `{word}`: it runs in a folder with only the declared inputs. Write \
         inputs = {{ script = \"./{path}\" }}, and \"{{script}}\" here"
    )
}

/// Why two artifacts cannot both be written.
fn clash(one: &Output, other: &Output) -> Option<String> {
    let (a, b) = (one.plain(), other.plain());
    let inside = |inner: &str, outer: &str| Path::new(inner).starts_with(outer);
    if inside(a, b) || inside(b, a) {
        return Some(format!(
            "`{}` and `{}` are the same path, or one contains the other",
            one.path, other.path
        ));
    }
    (Path::new(a).file_name() == Path::new(b).file_name()).then(|| {
        format!(
            "`{}` and `{}` have the same file name, under which artifacts are shown",
            one.path, other.path
        )
    })
}

fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(letter)
        && !name.starts_with("PCAMFLOW_")
}

fn no_variable(name: &str) -> String {
    format!(
        "`{name}` cannot name a variable: use ASCII letters, digits and `_`; names that begin with PCAMFLOW_ are reserved"
    )
}

#[cfg(test)]
mod tests;
