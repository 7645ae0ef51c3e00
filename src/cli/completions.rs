//! `pcamflow completions`: what completes commands in a shell.
//!
//! Commands and options stand in the script; for stages, keys and files those of bash, zsh and fish ask the
//! program (`complete`).

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use super::{Exit, args::CompletionsArguments, commands::Arguments, complete::KNOWN, say};

/// Asks the program first; what it does not know is left to the script above. readline replaces only what
/// stands behind the last of its word breaks (`=`, `@`), so the rest is taken off.
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

/// Stands before the last lines of the script, under the name that they call. (What stands above describes
/// options, but knows none any more behind a file.)
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

/// Files are offered only where the program knows nothing: of a pipeline's place it knows files itself. (Lines for
/// the options of which it knows the values follow; fish asks those of an option nowhere else.)
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
    clap_complete::generate(arguments.shell, &mut for_people(), "pcamflow", &mut script);
    say(asking(arguments.shell, &String::from_utf8_lossy(&script)).trim_end());
    Exit::Done
}

/// A script that also asks the program.
fn asking(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Fish => format!("{script}{FISH}{}", fish_options(&for_people())),
        Shell::Zsh => {
            let script = script.replacen("_pcamflow() {", "_pcamflow_knows() {", 1);
            let end = script.rfind("\nif [ \"$funcstack[1]\"").unwrap_or(script.len());
            format!("{}{ZSH}{}", &script[..end], &script[end..])
        }
        _ => script.to_owned(),
    }
}

/// A line for each option of which the program knows the values.
fn fish_options(commands: &Command) -> String {
    let options = commands.get_subcommands().flat_map(Command::get_arguments);
    let is_known = |arg: &&Arg| arg.get_value_names().is_some_and(|names| KNOWN.contains(&names[0].as_str()));
    let names: BTreeSet<&str> = options.filter(is_known).filter_map(Arg::get_long).collect();
    let line = |name: &&str| format!("complete -c pcamflow -l {name} -x -a '(__fish_pcamflow_asks)'\n");
    names.iter().map(line).collect()
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
