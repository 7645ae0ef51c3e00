//! `pcamflow completions`: what completes commands in a shell.

use clap::{Command, CommandFactory};

use super::{
    Exit,
    args::{Arguments, CompletionsArguments},
    say,
};

/// Prints the script of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut for_people(), "pcamflow", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}

/// The commands without the hidden ones, which the scripts would offer.
fn for_people() -> Command {
    let all = Arguments::command();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("pcamflow")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(visible)
}
