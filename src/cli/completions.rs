//! `pcamflow completions`: prints the completion script of a shell.
//!
//! The scripts contain commands and options. For files, stages and keys, those of bash, zsh and fish call the program
//! (`complete`).

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use super::{Exit, args::CompletionsArguments, commands::Arguments, complete::COMPLETED, say};

/// Calls the program first, and the generated script if it has no candidates. readline replaces only the part after
/// the last word break (`=`, `@`), so the part before it is removed from the candidates.
const BASH: &str = r#"
_pcamflow_asks() {
    local line=${COMP_LINE:0:COMP_POINT} found word IFS=$' \t\n'
    local -a words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    found=$("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
    if [[ -z $found ]]; then
        _pcamflow "$@"
        return
    fi
    word=${words[${#words[@]}-1]}
    word=${word%"$2"}
    IFS=$'\n'
    COMPREPLY=($found)
    COMPREPLY=("${COMPREPLY[@]#"$word"}")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=./] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _pcamflow_asks -o bashdefault -o default pcamflow
"#;

/// Inserted before the last lines of the script, under the name that they call. The generated function completes no
/// options after a file.
const ZSH: &str = r#"
_pcamflow() {
    local -a found open whole
    if [[ $PREFIX == -* ]] && _pcamflow_knows "$@"; then
        return 0
    fi
    found=("${(@f)$("${words[1]}" __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    found=(${found:#})
    if (( ! $#found )); then
        _pcamflow_knows "$@"
        return
    fi
    open=(${(M)found:#*[=./]})
    whole=(${found:#*[=./]})
    (( $#open )) && compadd -S '' -a open
    (( $#whole )) && compadd -a whole
    return 0
}
"#;

/// Turns off the completion of files, and calls the program. For options with candidates, fish needs further lines.
const FISH: &str = r#"
function __fish_pcamflow_asks
    set -l words (commandline -opc)
    $words[1] __complete -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c pcamflow -f -n 'count (__fish_pcamflow_asks) >/dev/null' -a '(__fish_pcamflow_asks)'
"#;

/// Prints the script of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut visible_commands(), "pcamflow", &mut script);
    say(with_calls(arguments.shell, &String::from_utf8_lossy(&script)).trim_end());
    Exit::Done
}

/// Adds the calls of the program to a script.
fn with_calls(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Fish => format!("{script}{FISH}{}", fish_options(&visible_commands())),
        Shell::Zsh => {
            let script = script.replacen("_pcamflow() {", "_pcamflow_knows() {", 1);
            let end = script.rfind("\nif [ \"$funcstack[1]\"").unwrap_or(script.len());
            format!("{}{ZSH}{}", &script[..end], &script[end..])
        }
        _ => script.to_owned(),
    }
}

/// A line for each option that has candidates.
fn fish_options(commands: &Command) -> String {
    let options = commands.get_subcommands().flat_map(Command::get_arguments);
    let is_completed =
        |arg: &&Arg| arg.get_value_names().is_some_and(|names| COMPLETED.contains(&names[0].as_str()));
    let names: BTreeSet<&str> = options.filter(is_completed).filter_map(Arg::get_long).collect();
    let line = |name: &&str| format!("complete -c pcamflow -l {name} -x -a '(__fish_pcamflow_asks)'\n");
    names.iter().map(line).collect()
}

/// The commands without the hidden ones.
fn visible_commands() -> Command {
    let all = Arguments::command();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("pcamflow")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(visible)
}
