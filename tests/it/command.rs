//! Stages of kind `command` with the real binary: programs run and are cached like other stages.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::sandbox::Sandbox;

/// Two programs: the second reads the output of the first.
const CHAIN: &str = "\
[command.count]
shell = 'wc -l < {words} | tr -d \" \" > {artifacts.count}'
inputs = { words = 'words.txt' }
artifacts = { count = 'count.txt' }
[command.double]
program = ['sh', '{script}', '{count}', '{artifacts.twice}']
inputs = { script = './double.sh', count = 'command.count/count' }
artifacts = { twice = 'twice.txt' }
";

const DOUBLE: &str = "echo \"twice $(($(cat \"$1\") * 2))\" > \"$2\"\n";

fn chain() -> Sandbox {
    let project = Sandbox::in_folder("ein Projekt");
    let project = project.pipeline(CHAIN).file("data/words.txt", "a\nb\nc\n").file("double.sh", DOUBLE);
    project.run(&[]).ran(["command.count", "command.double"]);
    project
}

#[test]
fn the_plan_shows_the_changed_line_of_a_script() {
    let script = "set -e\nfor name in one two three four five; do echo $name; done | sort > made.txt\n\
                  mv made.txt {artifacts.made}\n";
    let project = one(script, "");
    project.run(&[]).exit(0);
    let text = fs::read_to_string(project.path("p.toml")).unwrap();
    let planned = |text: &str| {
        project.rewrite("p.toml", text);
        project.pcamflow(&["plan", "p.toml"]).exit(0).stdout
    };
    let told = planned(&text.replace("sort >", "sort -r >"));
    let expected = "`shell` line 2: …done | sort > made.txt -> …done | sort -r > made.txt (p.toml:2)\n";
    assert!(told.contains(expected), "{told}");
    let told = planned(&text.replace("mv made.txt", "cat made.txt\nmv made.txt"));
    let expected = "`shell` line 3: mv made.txt {artifacts.made} -> cat made.txt (p.toml:2)\n";
    assert!(told.contains(expected), "{told}");
}

/// A pipeline with one script that writes the artifact `made`.
pub(super) fn one(script: &str, more: &str) -> Sandbox {
    let text = format!("[command.one]\nshell = '''{script}'''\nartifacts = {{ made = 'made' }}\n{more}");
    Sandbox::new().pipeline(&text)
}

pub(super) fn shown(project: &Sandbox, path: &str) -> String {
    fs::read_to_string(project.path("out/p").join(path)).unwrap()
}

pub(super) fn log(project: &Sandbox) -> String {
    shown(project, "command.one/log.txt")
}

#[test]
fn commands_are_cached_and_unchanged_outputs_stop_the_rerun() {
    let project = chain();
    assert_eq!(shown(&project, "command.double/twice.txt"), "twice 6\n");
    project.run(&[]).cached_all();
    // Other words, but the same number of words: the input of the second stage is unchanged.
    project.rewrite("data/words.txt", "x\ny\nz\n");
    project.run(&[]).ran(["command.count"]);
    project.rewrite("data/words.txt", "x\n");
    project.run(&[]).ran(["command.count", "command.double"]);
    assert_eq!(shown(&project, "command.double/twice.txt"), "twice 2\n");
}

#[test]
fn a_changed_script_argument_or_variable_reruns_the_stage() {
    let project = chain();
    project.rewrite("double.sh", format!("{DOUBLE}# done\n"));
    project.run(&[]).ran(["command.double"]);
    let edit = |from: &str, to: &str| project.rewrite("p.toml", CHAIN.replace(from, to));
    edit("'{script}',", "'-u', '{script}',");
    project.run(&[]).ran(["command.double"]);
    edit("[command.double]\n", "[command.double]\nenvironment = { TOP = '1' }\n");
    project.run(&[]).ran(["command.double"]);
    edit(
        "[command.double]\n",
        "# a comment\n[command.renamed]\npass-environment = ['TOP']\nrun = { threads = 2 }\n",
    );
    project.rewrite("double.sh", DOUBLE);
    project.run(&[]).cached_all();
}

#[test]
fn missing_and_undeclared_artifacts_are_named() {
    let failure = |script: &str| one(script, "").run(&[]).exit(1).failure();
    assert_eq!(failure("true"), "the program ended without writing its artifact made");
    assert!(failure("touch made; mkdir -p a/b; touch a/b/c x").starts_with(
        "the program wrote `a/`, `x`, which is not declared: name it in `artifacts`, or write it to $TMPDIR"
    ));
    assert!(failure("touch mad").ends_with("its artifact made, but wrote `mad`"));
    assert!(failure("mkdir made").contains("declare it with a slash at its end, \"made/\""));
    assert!(failure("ln -s /etc/passwd made").contains("it is a link or not a file"));
    assert!(failure("mkfifo made").contains("it is a link or not a file"));
    one("touch made $TMPDIR/x $HOME/y inputs-of-mine 2>/dev/null; rm inputs-of-mine", "").run(&[]).exit(0);
}

#[test]
fn a_failure_shows_the_last_lines_and_keeps_the_log() {
    let project = one("for i in $(seq 40); do echo line $i; done; echo why it failed >&2; exit 7", "");
    let output = project.run(&[]).exit(1);
    let message = output.failure();
    assert!(message.starts_with("the script failed: exit code 7\n  line 32\n"), "{message}");
    assert!(message.ends_with("\n  line 40\n  why it failed"), "{message}");
    let log = output.events_of("failed")[0]["log"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("line 1\nline 2\n") && text.ends_with("line 40\nwhy it failed\n"), "{text}");
    let told = project.pcamflow(&["log", "p.toml", "command.one"]).exit(0).stdout;
    assert!(told.contains("why it failed"));
    assert!(one("kill -9 $$", "").run(&[]).exit(1).failure().contains("was killed (SIGKILL)"));
    assert!(one("kill -11 $$", "").run(&[]).exit(1).failure().contains("signal 11"));
}

#[test]
fn a_missing_program_is_a_machine_error() {
    let project = |program: &str| {
        let text = format!(
            "[command.one]\nprogram = [{program}]\nartifacts = {{ made = 'made' }}\ninputs = {{ x = 'x' }}"
        );
        Sandbox::new().pipeline(&text).file("data/x", "no program\n").file("data/y", "y")
    };
    let message = project("'no-such-program'").run(&[]).exit(3).failure();
    assert!(
        message.starts_with("cannot start `no-such-program`: there is no such program on the PATH"),
        "{message}"
    );
    let message = project("'cat', 'data/y'").run(&[]).exit(1).failure();
    assert!(
        message.contains("No such file") && message.contains("help: `data/y` is a file here"),
        "{message}"
    );
}

#[test]
fn an_input_can_be_the_program() {
    let text = "[command.one]\nprogram = ['{tool}', 'a b']\ninputs = { tool = './my tool' }\nartifacts = { made = 'made' }";
    let project = Sandbox::new().pipeline(text).file("my tool", "#!/bin/sh\necho \"$0 $1\" > made\n");
    project.run(&[]).ran(["command.one"]);
    assert_eq!(shown(&project, "command.one/made"), "inputs/tool a b\n");
}

#[test]
fn the_environment_contains_only_declared_variables() {
    let more = "inputs = { 'x-1.csv' = 'x' }\nenvironment = { TOP = '10', LANG = 'C' }\npass-environment = ['PASSED', 'UNSET']";
    let project = one("env | sort | sed \"s|$PCAMFLOW_FOLDER|FOLDER|\" > made; echo $PWD", more);
    let project = project.file("data/x", "").env("PASSED", "on").env("SECRET", "s").env("LC_ALL", "C");
    project.run(&[]).ran(["command.one"]);
    let found = shown(&project, "command.one/made");
    let found: Vec<&str> = found.lines().filter(|line| !line.starts_with("PATH=")).collect();
    let expected = [
        "HOME=FOLDER/tmp",
        "LANG=C",
        "PASSED=on",
        "PCAMFLOW_ARTIFACT_MADE=made",
        "PCAMFLOW_FOLDER=FOLDER",
        "PCAMFLOW_INPUT_X_1_CSV=inputs/x-1.csv",
        "PCAMFLOW_THREADS=1",
        "PWD=FOLDER",
        "TMPDIR=FOLDER/tmp",
        "TOP=10",
        "TZ=UTC",
    ];
    // Ignore the variables that the shell sets itself.
    let found: Vec<&str> = found
        .into_iter()
        .filter(|line| !line.starts_with("_=") && !line.starts_with("OLDPWD=") && !line.starts_with("SHLVL="))
        .collect();
    assert_eq!(found, expected);
    let record = project.pcamflow(&["show", "p.toml", "command.one", "--json"]).exit(0);
    record.never_says("SECRET");
}

#[test]
fn progress_and_numbers_are_shown_and_the_rest_is_the_log() {
    let script = "echo pcamflow:progress 1/4 files reading; echo pcamflow:number accuracy=0.5; echo said; \
                  echo pcamflow:number accuracy=0.75 >&2; echo pcamflow:number area = 2; sleep 0.1; \
                  echo pcamflow:progress 4/4 files; printf \"10%%\\r20%%\\rdone\\n\\377\\n\"; touch made";
    let project = one(script, "");
    let output = project.run(&[]).ran(["command.one"]);
    let progress = output.events_of("progress");
    assert_eq!(progress[0]["progress"]["unit"], "files");
    assert_eq!(
        (&progress[0]["progress"]["done"], &progress[0]["progress"]["at"]),
        (&1.into(), &"reading".into())
    );
    let numbers = &output.events_of("finished")[0]["numbers"];
    assert_eq!((&numbers[0]["name"], &numbers[0]["value"]), (&"accuracy".into(), &0.75.into()));
    assert_eq!((&numbers[1]["name"], &numbers[1]["value"]), (&"area".into(), &2.0.into()));
    let log = log(&project);
    assert!(
        log.contains("said\n") && log.ends_with("done\n\u{fffd}\n") && !log.contains("progress"),
        "{log}"
    );
}

#[test]
fn a_very_long_output_fills_neither_memory_nor_disk() {
    let project = one("head -c 200000000 /dev/zero | tr '\\0' 'x'; touch made", "");
    let output = project.shell("ulimit -v 1500000; $PCAMFLOW run p.toml --quiet");
    output.exit(0);
    let log = log(&project);
    assert!((2_000_000..4_000_000).contains(&log.len()), "{} bytes", log.len());
    assert!(log.starts_with("xxx") && log.ends_with("xxx\n") && log.contains("left out here"));
}

#[test]
fn inputs_of_every_kind_are_provided_and_protected() {
    let text = "\
[synthesize.s]
patches = 4
slides = 2
seed = 7
[command.one]
shell = '''cat {meta.csv} > made; ls inputs; cat {folder}/a/b >> made
test -e inputs/folder/c; (echo x >> {meta.csv}) 2>/dev/null || true; (echo x >> {file}) 2>/dev/null || true'''
inputs = { 'meta.csv' = 'synthesize.s/meta', file = 'einé datei', folder = 'bilder/' }
artifacts = { made = 'made' }
";
    let project = Sandbox::in_folder("Stränge Näme").pipeline(text);
    let project =
        project.file("data/einé datei", "x").file("data/bilder/a/b", "inner\n").file("data/bilder/c", "");
    project.run(&[]).ran(["command.one", "synthesize.s"]);
    assert!(log(&project).starts_with("file\nfolder\nmeta.csv\n"));
    assert!(shown(&project, "command.one/made").ends_with("inner\n"));
    assert_eq!(fs::read(project.path("data/einé datei")).unwrap(), b"x");
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.run(&[]).cached_all();
    project.rewrite("data/bilder/a/b", "other\n");
    project.run(&[]).ran(["command.one"]);
    project.rewrite("data/bilder/new", "");
    project.run(&[]).ran(["command.one"]);
}

#[test]
fn a_program_that_writes_to_a_large_input_fails_and_the_store_recovers() {
    // An input that is too large to be copied: the program gets the store object itself, which only root
    // can write.
    let text = "\
[command.make]
shell = 'head -c 20000000 /dev/zero > {artifacts.large}'
artifacts = { large = 'large' }
[command.harm]
shell = 'printf x >> {large}; touch made'
inputs = { large = 'command.make/large' }
artifacts = { made = 'made' }
";
    let project = Sandbox::new().pipeline(text);
    let output = project.run(&[]).exit(1);
    let message = output.failure();
    let root = rustix::process::geteuid().is_root();
    let expected = if root { "its input `command.make/large`" } else { "ermission denied" };
    // On a file system with copy-on-write clones, the program has its own read-only copy.
    assert!(message.contains(expected) || message.contains("made"), "{message}");
    project.rewrite("p.toml", text.replace("printf x >> {large}; ", ""));
    project.run(&[]).exit(0);
    project.pcamflow(&["cache", "verify"]).exit(0);
}

#[test]
fn an_artifact_can_declare_its_content() {
    let text = "\
[synthesize.s]
patches = 12
slides = 2
seed = 7
[command.copy]
shell = 'cat {x} > x.h5'
inputs = { x = 'synthesize.s/images' }
artifacts = { x = { path = 'x.h5', holds = 'images' } }
[split.d]
images = 'command.copy/x'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
";
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran(["command.copy", "split.d", "synthesize.s"]);
    project.rewrite("p.toml", text.replace("{ path = 'x.h5', holds = 'images' }", "'x.h5'"));
    project
        .run(&[])
        .exit(2)
        .complains("`command.copy/x` is a file of any kind, but images are expected here");
}

#[test]
fn mistakes_are_reported_with_their_position() {
    let project = Sandbox::new().pipeline("[command.one]\nprogram = ['cat', '{wrods}']\ninputs = { words = 'w' }\nartifacts = { a = '../a', b = 'x/y', c = 'x/' }");
    let output = project.pcamflow(&["check", "p.toml"]).exit(2);
    let output = output.complains("p.toml:2:11").complains("this stage has no input `wrods`");
    let output = output.complains("p.toml:4:19").complains("`../a` is not a plain path");
    output.complains("`x/` and `x/y` are the same path, or one contains the other");
}

#[test]
fn offline_programs_reach_only_the_loopback_interface() {
    let script = "cat /proc/net/dev | grep -c : > made; echo offline $PCAMFLOW_OFFLINE";
    let project = one(script, "pass-environment = ['X']");
    let output = project.run(&["--offline"]).ran(["command.one"]);
    assert_eq!(log(&project), "offline 1\n");
    let alone = shown(&project, "command.one/made").trim() == "1";
    assert!(alone || output.warnings().contains("could reach them"), "{}", output.warnings());
    project.run(&[]).cached_all();
}

#[test]
fn an_unterminated_escape_sequence_does_not_hide_later_output() {
    let project = one("printf 'begin\\n\\033]0;title\\nmore\\n\\033P1\\nerror: the end\\n'; exit 3", "");
    let output = project.pcamflow(&["run", "p.toml"]).exit(1);
    output.complains("more").complains("error: the end");
    let log = project.pcamflow(&["log", "p.toml", "command.one"]).exit(0);
    assert!(log.stdout.contains("\nmore\n") && log.stdout.contains("\nerror: the end\n"), "{}", log.stdout);
    assert!(!log.stdout.contains('\u{1b}'), "{:?}", log.stdout);
}

#[test]
fn the_example_counts_predictions() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/command");
    let project = Sandbox::new().with(|root| {
        // As in a checkout, the project root is above the folder of the example.
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("examples/command")).unwrap();
        for name in ["command.toml", "errors.awk", "predictions.csv"] {
            fs::copy(example.join(name), root.join("examples/command").join(name)).unwrap();
        }
    });
    let text = fs::read_to_string(example.join("command.toml")).unwrap();
    let said = text.lines().find_map(|line| line.strip_prefix("#   ")).unwrap();
    assert_eq!(said, "cd examples/command && pcamflow run command.toml --data .");
    let run = || project.shell(&format!("{} --json", said.replace("pcamflow", "$PCAMFLOW")));
    let output = run().ran(["command.errors", "command.report"]);
    let numbers = output.events_of("finished")[0]["numbers"].clone();
    assert_eq!((&numbers[0]["name"], &numbers[0]["value"]), (&"errors".into(), &3.0.into()));
    let report = fs::read_to_string(project.path("out/command/command.report/report.md")).unwrap();
    assert!(report.contains("| 17 | 1 | 0.0312 |"), "{report}");
    run().cached_all();
}

#[test]
fn an_unreadable_input_is_a_usage_error() {
    if rustix::process::geteuid().is_root() {
        return eprintln!("skipped: root may read everything");
    }
    let project = one("cat {x} > made", "inputs = { x = 'x' }").file("data/x", "x");
    project.run(&[]).ran(["command.one"]);
    fs::set_permissions(project.path("data/x"), fs::Permissions::from_mode(0o000)).unwrap();
    project.run(&["--force", "command.one"]).exit(2);
}
