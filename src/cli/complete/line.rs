//! Finds the value that is being typed at the end of a command line, from the commands' declarations.

use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};

use super::super::commands::Arguments;

/// The word to complete, and what the command line says about it.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// The name of the value that the word is: `STAGE`. Empty for an option.
    pub(super) value: String,
    /// The part of the word before the value: `--set=`.
    pub(super) prefix: String,
    /// The part of the value that is typed.
    pub(super) typed: String,
    /// The options of the command, if the word is an option.
    pub(super) options: Vec<String>,
    /// The pipeline file, if it is typed already.
    pub(super) file: Option<PathBuf>,
}

/// Reads the words after the program's name. `None` if the last word is left to the shell.
pub(super) fn read(words: &[String]) -> Option<Line> {
    let mut root = Arguments::command();
    root.build();
    let (last, before) = words.split_last()?;
    // The shell closes an open quote.
    let last = last.trim_start_matches(['"', '\'']);
    let mut here = Here { command: &root, value_of: None, positionals: 0, only_positionals: false };
    let mut file = None;
    for word in before {
        if here.step(word).is_some_and(|arg| arg.get_id() == "file") {
            file = Some(PathBuf::from(word));
        }
    }
    let (value, prefix, typed) = match here.at(last) {
        Some((arg, prefix, typed)) => (value_name(arg)?, prefix, typed),
        None if here.is_option(last) => (String::new(), "", last),
        None => return None,
    };
    let options = if value.is_empty() { here.options() } else { Vec::new() };
    Some(Line { value, prefix: prefix.to_owned(), typed: typed.to_owned(), options, file })
}

/// The name of a value; `None` for the file of an option, which the shell completes.
fn value_name(arg: &Arg) -> Option<String> {
    let name = arg.get_value_names()?.first()?.as_str();
    (name != "FILE" || arg.is_positional()).then(|| name.to_owned())
}

/// A position in a command line.
struct Here<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    value_of: Option<&'a Arg>,
    positionals: usize,
    /// Whether there was a `--`.
    only_positionals: bool,
}

impl<'a> Here<'a> {
    /// Moves past a word, and returns the argument if it is a value.
    fn step(&mut self, word: &str) -> Option<&'a Arg> {
        if let Some(arg) = self.value_of.take() {
            return Some(arg);
        }
        if !self.only_positionals && word.starts_with('-') && word != "-" {
            self.only_positionals = word == "--";
            self.value_of = self.option(word).filter(|arg| {
                let open = !word.contains('=') && (word.starts_with("--") || word.len() == 2);
                open && arg.get_action().takes_values()
            });
            return None;
        }
        if let Some(command) = self.command.find_subcommand(word).filter(|_| self.positionals == 0) {
            self.command = command;
            return None;
        }
        let arg = self.positional();
        self.positionals += 1;
        arg
    }

    fn option(&self, word: &str) -> Option<&'a Arg> {
        let name = word.split('=').next().unwrap_or(word);
        let mut options = self.command.get_arguments();
        match name.strip_prefix("--") {
            Some(long) => options.find(|arg| arg.get_long() == Some(long)),
            None => options.find(|arg| arg.get_short().is_some() && arg.get_short() == name.chars().nth(1)),
        }
    }

    fn is_option(&self, word: &str) -> bool {
        self.value_of.is_none() && !self.only_positionals && word.starts_with('-') && !word.contains('=')
    }

    fn options(&self) -> Vec<String> {
        let visible = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        visible.filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect()
    }

    /// The next positional argument, or the last one if it takes several values.
    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let several = |arg: &&Arg| matches!(arg.get_action(), clap::ArgAction::Append);
        all.get(self.positionals).copied().or_else(|| all.last().copied().filter(several))
    }

    /// The argument whose value the last word is, the part of the word before the value, and the value.
    fn at<'w>(&self, word: &'w str) -> Option<(&'a Arg, &'w str, &'w str)> {
        if let Some(arg) = self.value_of {
            return Some((arg, "", word));
        }
        if !self.only_positionals && word.starts_with('-') {
            let split = word.find('=')? + 1;
            let (prefix, typed) = word.split_at(split);
            return Some((self.option(prefix)?, prefix, typed));
        }
        let named = self.command.has_subcommands() && self.positionals == 0;
        self.positional().filter(|_| !named).map(|arg| (arg, "", word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<Line> {
        read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_value_at_the_end_of_a_line_is_known() {
        for (text, value) in [
            ("run ", "FILE"),
            ("run p.toml ", "STAGE"),
            ("run p.toml --json train.a ev", "STAGE"),
            ("run -j 4 p.toml ev", "STAGE"),
            ("run -j4 p.toml ev", "STAGE"),
            ("run p.toml --set ", "KEY=VALUE"),
            ("run p.toml --force spl", "STAGE"),
            ("run p.toml --force 'spl", "STAGE"),
            ("show p.toml ", "STAGE[/ARTIFACT]"),
            ("cache clear p.toml ", "STAGE"),
            ("guide sw", "TOPIC"),
        ] {
            assert_eq!(line(text).map(|line| line.value).as_deref(), Some(value), "{text}");
        }
        for text in ["", "ru", "run p.toml --summary ", "cache ", "frob x"] {
            assert_eq!(line(text), None, "{text}");
        }
        let options = line("run p.toml --fro").unwrap().options;
        assert!(options.contains(&"--frozen".to_owned()) && options.contains(&"--verbose".to_owned()));
        let set = line("run p.toml --set=train.a.ep").unwrap();
        assert_eq!((set.prefix.as_str(), set.typed.as_str()), ("--set=", "train.a.ep"));
        assert_eq!(set.file, Some("p.toml".into()));
    }
}
