//! How the project folder is found and trusted, and which file owns the name of a pipeline.

use std::{fs, os::unix::fs::chown};

use crate::sandbox::Sandbox;

/// A pipeline with this name. The seed gives its only stage a key of its own.
fn named(name: &str, seed: u32) -> String {
    format!("[pipeline]\nname = '{name}'\n[synthesize.s]\npatches = 12\nslides = 2\nseed = {seed}\n")
}

fn pair() -> Sandbox {
    Sandbox::new().file("a.toml", named("x", 1)).file("b/b.toml", named("x", 2))
}

#[test]
fn two_files_with_one_name_keep_separate_results_histories_and_folders() {
    let project = pair();
    let run = |file: &str| project.pcamflow(&["run", file, "--json"]);
    run("a.toml").ran(["synthesize.s"]).never_says("belongs to");
    let second = run("b/b.toml").ran(["synthesize.s"]).complains("belongs to a.toml");
    let other = second.events_of("planned")[0]["pipeline"].as_str().unwrap().to_owned();
    assert!(other.starts_with("x-") && other.len() == 10, "{other}");
    assert_eq!(project.names("out"), ["x".to_owned(), other.clone()]);
    project.pcamflow(&["cache", "gc", "--keep-latest"]).exit(0);
    run("a.toml").cached_all().never_says("belongs to");
    run("b/b.toml").cached_all().complains("belongs to a.toml");
    // Every command uses the same distinct name.
    let shown = project.pcamflow(&["show", "b/b.toml", "synthesize.s"]).exit(0).complains("belongs to");
    assert!(!shown.stderr.contains("older result"), "{}", shown.stderr);
    let runs = project.pcamflow(&["runs", "b/b.toml", "--json"]).exit(0);
    assert!(runs.stdout.contains(&other) && !runs.stdout.contains("\"x\""), "{}", runs.stdout);
}

#[test]
fn a_name_is_free_once_its_file_is_removed_or_has_another_name() {
    let project = pair();
    let run = |file: &str| project.pcamflow(&["run", file, "--json"]);
    run("a.toml").ran(["synthesize.s"]);
    project.rewrite("a.toml", named("y", 1));
    run("b/b.toml").ran(["synthesize.s"]).never_says("belongs to");
    run("a.toml").cached_all().never_says("belongs to");
    fs::rename(project.path("b/b.toml"), project.path("c.toml")).unwrap();
    run("c.toml").cached_all().never_says("belongs to");
    // A copy of the project is independent.
    let copy = "mkdir ../copy && cp -a . ../copy && cd ../copy && $PCAMFLOW run c.toml --json; exit $?";
    project.shell(copy).cached_all().never_says("belongs to");
}

#[test]
fn a_project_in_a_parent_folder_is_reported_once_with_the_reason() {
    let project = Sandbox::new().with(|root| fs::create_dir(root.join(".git")).unwrap());
    let project = project.file("deep/p.toml", named("p", 1));
    let run = || project.shell("cd deep && $PCAMFLOW run p.toml; exit $?");
    let root = project.path("").display().to_string();
    let note = format!(
        "the project is {}, the nearest folder above the pipeline that has `.git`",
        root.trim_end_matches('/')
    );
    run().exit(0).complains(&note);
    run().exit(0).never_says("the project is");
    let project = Sandbox::new().file("deep/p.toml", named("p", 1));
    project.pcamflow(&["run", "deep/p.toml"]).exit(0).never_says("the project is");
}

#[test]
fn data_beside_the_pipeline_is_suggested() {
    let text = "[command.c]\nprogram = ['cp', '{x}', '{artifacts.o}']\ninputs = { x = 'x' }\nartifacts = { o = 'o' }\n";
    let project = Sandbox::new().with(|root| fs::create_dir(root.join(".git")).unwrap());
    let project = project.file("deep/p.toml", text).file("deep/data/x", "x");
    let output = project.shell("cd deep && $PCAMFLOW run p.toml; exit $?");
    if output.status.success() {
        output.fail("the data is not where it is looked for");
    }
    output.complains("there is also data: `--data data` takes that");
    project.shell("cd deep && $PCAMFLOW run p.toml --data data; exit $?").exit(0).never_says("there is also");
}

#[test]
fn a_folder_of_another_user_is_not_a_project() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can give files away");
    }
    let commands = [
        "run p.toml",
        "plan p.toml",
        "show p.toml synthesize.s",
        "check p.toml",
        "graph p.toml",
        "cache du",
        "cache gc",
        "runs",
        "compare",
        "init new.toml",
    ];
    for mark in [".pcamflow", ".git"] {
        let project = Sandbox::new().file("p.toml", named("p", 1));
        fs::create_dir(project.path(mark)).unwrap();
        project.run(&[]).ran(["synthesize.s"]);
        chown(project.path(mark), Some(12345), None).unwrap();
        for command in commands {
            let output = project.pcamflow(&command.split(' ').collect::<Vec<_>>());
            if output.status.success() {
                output.fail(command);
            }
            output.complains("belongs to another user (uid 12345)").complains("PCAMFLOW_SAFE_DIRECTORY=");
        }
        let doctor = project.pcamflow(&["doctor"]).exit(3);
        assert!(doctor.stdout.contains("belongs to another user"), "{}", doctor.stdout);
        // Exceptions: the user who became root, and explicitly trusted folders.
        let root = project.path("").display().to_string();
        for (name, value) in [
            ("SUDO_UID", "12345"),
            ("PCAMFLOW_SAFE_DIRECTORY", root.as_str()),
            ("PCAMFLOW_SAFE_DIRECTORY", "/nowhere:*"),
        ] {
            project.shell(&format!("{name}='{value}' $PCAMFLOW run p.toml --json; exit $?")).cached_all();
        }
        project.shell("PCAMFLOW_SAFE_DIRECTORY=/nowhere $PCAMFLOW run p.toml; exit $?").exit(2);
    }
}
