//! Which value the end of a command line asks for, according to the command's own declarations.

use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};

use super::super::commands::Arguments;

/// A command line that is being typed.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// What belongs here, by the name of the value: `STAGE`.
    pub(super) wanted: String,
    /// What stands before the value in the same word: `--set=`.
    pub(super) prefix: String,
    /// As much of the value as is typed.
    pub(super) typed: String,
    /// What belongs here where that is an option.
    pub(super) options: Vec<String>,
    /// The pipeline file, where it is named already.
    pub(super) file: Option<PathBuf>,
    /// The folder of the store, where it is named.
    pub(super) store: Option<PathBuf>,
}

/// Reads the words behind the program's name; `None` where neither a value nor an option is typed, or one of
/// which the shell knows more.
pub(super) fn read(words: &[String]) -> Option<Line> {
    let mut root = Arguments::command();
    root.build();
    let (last, before) = words.split_last()?;
    // A quote that is still open is the shell's.
    let last = last.trim_start_matches(['"', '\'']);
    let mut here = Here { command: &root, value_of: None, positionals: 0, only_positionals: false };
    let (mut file, mut store) = (None, None);
    for word in before {
        match here.step(word) {
            Some(arg) if arg.get_id() == "file" => file = Some(PathBuf::from(word)),
            Some(arg) if arg.get_id() == "store" => store = Some(PathBuf::from(word)),
            _ => {}
        }
    }
    let (wanted, prefix, typed) = match here.at(last) {
        Some((arg, prefix, typed)) => (wanted(arg)?, prefix, typed),
        None if here.is_option(last) => (String::new(), "", last),
        None => return None,
    };
    let options = if wanted.is_empty() { here.options() } else { Vec::new() };
    Some(Line { wanted, prefix: prefix.to_owned(), typed: typed.to_owned(), options, file, store })
}

/// The name of a value; `None` for the file of an option, of which only the shell knows what may follow.
fn wanted(arg: &Arg) -> Option<String> {
    let name = arg.get_value_names()?.first()?.as_str();
    (name != "FILE" || arg.is_positional()).then(|| name.to_owned())
}

/// A place in a command line.
struct Here<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    value_of: Option<&'a Arg>,
    positionals: usize,
    /// Whether `--` has been passed.
    only_positionals: bool,
}

impl<'a> Here<'a> {
    /// Passes a word; returns whose value it is.
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

    /// The positional argument that comes next; the last one, where it takes several.
    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let several = |arg: &&Arg| matches!(arg.get_action(), clap::ArgAction::Append);
        all.get(self.positionals).copied().or_else(|| all.last().copied().filter(several))
    }

    /// Whose value the last word is, what stands before it, and what is typed of it.
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
    fn what_belongs_at_a_place_is_known() {
        for (text, wanted) in [
            ("run ", "FILE"),
            ("run p.toml ", "STAGE"),
            ("run p.toml --json train.a ev", "STAGE"),
            ("run -j 4 p.toml ev", "STAGE"),
            ("run -j4 p.toml ev", "STAGE"),
            ("run p.toml --set ", "KEY=VALUE"),
            ("run p.toml --force spl", "STAGE"),
            ("run p.toml --require 'eval", "REQUIREMENT"),
            ("show p.toml ", "STAGE[/ARTIFACT]"),
            ("cache clear p.toml ", "STAGE"),
        ] {
            assert_eq!(line(text).map(|line| line.wanted).as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "ru", "run p.toml --summary ", "cache ", "frob x"] {
            assert_eq!(line(text), None, "{text}");
        }
        let options = line("run p.toml --fro").unwrap().options;
        assert!(options.contains(&"--frozen".to_owned()) && options.contains(&"--verbose".to_owned()));
        let set = line("run p.toml --store s --set=train.a.ep").unwrap();
        assert_eq!((set.prefix.as_str(), set.typed.as_str()), ("--set=", "train.a.ep"));
        assert_eq!((set.file, set.store), (Some("p.toml".into()), Some("s".into())));
    }
}
