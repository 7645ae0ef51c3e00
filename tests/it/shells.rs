//! Shell completion: what each shell offers with the script that `pcamflow completions` prints.
//! A shell that is not installed is skipped with a message.

use std::path::Path;

use crate::sandbox::{PCAMFLOW, Sandbox};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
seeds = [1, 2]
";

/// Typed text and the expected offers. A shell inserts a single offer directly.
const LINES: [(&str, &[&str]); 10] = [
    ("gr", &["graph"]),
    ("guide comp", &["compare", "completion"]),
    ("run ", &["p.toml", "sub/"]),
    ("run sub/", &["sub/other.toml"]),
    ("run p.toml spl", &["split.d", "split.d@1", "split.d@2"]),
    ("show p.toml split.d/t", &["split.d/test", "split.d/train"]),
    ("path p.toml split.d/t", &["split.d/test", "split.d/train"]),
    ("run p.toml --set split.d.sizes.t", &["split.d.sizes.test=", "split.d.sizes.train="]),
    ("run p.toml --force synth", &["synthesize.s"]),
    ("run p.toml --froz", &["--frozen"]),
];

/// A project with `pcamflow` on the path.
fn project() -> Sandbox {
    let bin = Path::new(PCAMFLOW).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let project = Sandbox::new().pipeline(PIPELINE).file("sub/other.toml", "").file("notes.txt", "");
    project.env("PATH", &path)
}

fn is_here(project: &Sandbox, shell: &str) -> bool {
    let here = project.shell(&format!("command -v {shell}")).status.success();
    if !here {
        eprintln!("skipped: there is no {shell} here");
    }
    here
}

#[test]
fn fish_offers_commands_files_stages_and_keys() {
    let project = project();
    if !is_here(&project, "fish") {
        return;
    }
    for (line, expected) in LINES {
        project.rewrite(
            "ask.fish",
            format!("pcamflow completions fish | source\ncomplete -C 'pcamflow {line}'\n"),
        );
        let output = project.shell("HOME=$PWD fish --no-config ask.fish").exit(0);
        // Each line is an offer, a tab and a description.
        let offered: Vec<&str> = output.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(offered, expected, "{line}\n{}", output.stderr);
    }
}

/// Runs an interactive shell in a pseudo-terminal, types one line, presses Tab twice and prints the output.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell 'TERM=dumb zsh -f -i'
zpty -w shell "unset zle_bracketed_paste; stty -echo; PS1=; fpath=($PWD/completions \$fpath)"
zpty -w shell "autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; LISTMAX=9999; print READ''Y"
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
zpty -w -n shell "$1"$'\t\t'
for turn in {1..40}; do
    sleep 0.05
    while zpty -rt shell line; do print -rn -- $line; done
done
"#;

#[test]
fn zsh_offers_commands_files_stages_and_keys() {
    let project = project().file("ask.zsh", ZSH);
    if !is_here(&project, "zsh") {
        return;
    }
    project.shell("mkdir completions && pcamflow completions zsh > completions/_pcamflow").exit(0);
    let asked =
        |line: &str| project.shell(&format!("timeout 30 zsh -f ask.zsh 'pcamflow {line}' 2>&1")).stdout;
    let shown: Vec<String> = std::thread::scope(|threads| {
        let asked = &asked;
        let all = LINES.map(|(line, _)| threads.spawn(move || asked(line)));
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for ((line, expected), shown) in LINES.iter().zip(shown) {
        // If one offer is a prefix of the others, zsh inserts the common prefix instead.
        let goes_on = |word: &str| expected.iter().any(|longer| *longer != word && longer.starts_with(word));
        let typed = if expected.iter().any(|word| goes_on(word)) { &expected[..1] } else { expected };
        for word in typed {
            assert!(shown.contains(word), "{line}: no {word} in\n{shown}");
        }
        // A single offer is inserted, and the second Tab completes the next word.
        assert!(expected.len() == 1 || !shown.contains("notes.txt"), "{line}\n{shown}");
    }
}

#[test]
fn bash_offers_commands_files_stages_and_keys() {
    let project = project();
    for (line, expected) in LINES {
        // As readline does: with the words, and the line up to the cursor.
        let script = format!(
            "source <(pcamflow completions bash); COMP_LINE='pcamflow {line}'; COMP_POINT=${{#COMP_LINE}}
             read -ra COMP_WORDS <<<\"$COMP_LINE\"; [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); last=${{COMP_WORDS[COMP_CWORD]}}
             _pcamflow_asks pcamflow \"$last\" ''; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = project.shell(&script).exit(0);
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), expected, "{line}\n{}", output.stderr);
    }
}
