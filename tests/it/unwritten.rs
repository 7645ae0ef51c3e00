//! Output that cannot be written: a full disk is an error in every command, a closed pipe is not.

use std::{collections::BTreeSet, fs, fs::File, process::Stdio};

use crate::{sandbox::Sandbox, wrong_inputs::mounted};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[command.c]
program = ['sh', '-c', 'echo words; echo x > {artifacts.o}']
artifacts = { o = 'o.txt' }
[sweep.set]
synthesize.s.slides = [2, 3]
";

/// Each printing command at least once. Each line leaves the project as the next line needs it.
const PRINTING: &[&str] = &[
    "--help",
    "--version",
    "run --help",
    "run p.toml",
    "run p.toml --force command.c",
    "run p.toml --json",
    "run p.toml --json --force command.c",
    "run p.toml --dry-run",
    "run p.toml --frozen",
    "sweep p.toml",
    "sweep p.toml --json",
    "sweep p.toml --dry-run",
    "plan p.toml",
    "plan p.toml -v",
    "plan p.toml --json",
    "status p.toml",
    "status p.toml --json",
    "show p.toml synthesize.s",
    "show p.toml synthesize.s/images",
    "show p.toml synthesize.s --json",
    "log p.toml command.c",
    "path p.toml synthesize.s/images",
    "export p.toml command.c/o copies",
    "verify p.toml command.c",
    "verify p.toml command.c --json",
    "check p.toml",
    "pin p.toml",
    "init new.toml",
    "doctor",
    "doctor --json",
    "report p.toml",
    "explain",
    "explain roc-auc",
    "guide",
    "guide report",
    "graph p.toml",
    "graph p.toml --status",
    "graph p.toml --format json",
    "schema",
    "schema --events",
    "schema --project",
    "push p.toml --remote REMOTE",
    "pull p.toml --remote REMOTE",
    "completions bash",
    "runs",
    "runs --json",
    "runs show latest",
    "compare p.toml",
    "compare p.toml --csv",
    "compare p.toml --json",
    "cache du",
    "cache du --json",
    "cache verify",
    "cache gc",
    "cache clear p.toml synthesize.s",
    "__complete run p.toml --force syn",
];

/// Commands that print nothing, or that run until they are stopped.
const OTHERS: [&str; 2] = ["watch", "help"];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// A line whose remote store is a folder of the project.
fn with_remote(line: &str, project: &Sandbox) -> String {
    line.replace("REMOTE", &format!("file://{}", project.path("remote").display()))
}

#[test]
fn every_command_reports_that_standard_output_could_not_be_written() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    for line in PRINTING.iter().map(|line| with_remote(line, &project)) {
        let _ = fs::remove_file(project.path("new.toml"));
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = project.pcamflow_into(&words(&line), Stdio::from(full));
        let told = output.stderr.matches("standard output could not be written: no storage space").count();
        if told != 1 || !matches!(output.status.code(), Some(1..=5)) {
            output.fail(&format!("`{line}` on a full disk"));
        }
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    for line in PRINTING.iter().map(|line| with_remote(line, &project)) {
        let _ = fs::remove_file(project.path("new.toml"));
        let _ = fs::remove_dir_all(project.path("copies"));
        let whole = project.pcamflow(&words(&line)).status.code();
        let _ = fs::remove_file(project.path("new.toml"));
        if line.starts_with("cache clear") {
            project.run(&[]).exit(0);
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = project.pcamflow_into(&words(&line), Stdio::from(writer));
        if output.status.code() != whole || output.stderr.contains("could not be written") {
            output.fail(&format!("`{line}` into a closed pipe; without one: {whole:?}"));
        }
    }
}

#[test]
fn every_command_is_listed_here() {
    let help = Sandbox::new().pcamflow(&["--help"]).exit(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: BTreeSet<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .collect();
    let commands: BTreeSet<&str> = commands.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(commands.len() > 15, "{commands:?}");
    let known: BTreeSet<&str> = PRINTING.iter().map(|line| words(line)[0]).chain(OTHERS).collect();
    assert!(commands.is_subset(&known), "not in the list: {:?}", commands.difference(&known));
}

#[test]
fn a_summary_that_cannot_be_written_is_refused_before_the_run_or_is_an_error_after_it() {
    let project = Sandbox::new().pipeline(PIPELINE).with(|root| fs::create_dir(root.join("full")).unwrap());
    // First the disk is full before the run. Then the probe fits, and the run itself fills the disk.
    let script = "mount -t tmpfs -o size=128k tmpfs full; run=\"$PCAMFLOW run p.toml --quiet --summary\"
        head -c 1M /dev/zero >full/filler; $run full/page.md; echo before $?; ls .pcamflow; rm full/filler
        $run full/page.md --set \"command.c.program=[\\\"sh\\\", \\\"-c\\\", \\\"echo x > {artifacts.o}; \
            head -c 1M /dev/zero > $PWD/full/filler; true\\\"]\"; echo after $?; ls full
        $run /dev/full; echo device $?; test -c /dev/full && echo kept";
    let Some(output) = mounted(&project, script) else { return };
    let lines: Vec<&str> = output.stdout.lines().collect();
    if lines != ["before 3", "after 3", "filler", "device 3", "kept"] {
        output.fail("a summary on a full disk");
    }
    output.complains("the summary cannot be written").complains("the summary was not written");
}
