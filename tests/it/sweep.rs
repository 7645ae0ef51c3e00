//! `pcamflow sweep` through the binary: what runs, what is shown and reported, and errors.

use std::{fs, thread::sleep, time::Duration};

use rustix::process::Signal;

use crate::sandbox::{Output, Sandbox};

const PIPELINE: &str = "\
[pipeline]
name = 'swept'
[synthesize.s]
patches = 24
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 8, validation = 4, test = 4 }
[preview.p]
images = 'split.d/train'
rows = 1
columns = 3
";

fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn sweep(project: &Sandbox, arguments: &[&str]) -> Output {
    project.pcamflow(&[&["sweep", "p.toml", "--json"], arguments].concat())
}

fn trials(output: &Output) -> Vec<String> {
    let sweep = &output.events_of("sweep")[0];
    let names =
        sweep["trials"].as_array().unwrap().iter().map(|trial| trial["trial"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn shared_stages_run_once_and_a_second_sweep_is_cached() {
    let project = project();
    let values = ["--set", "split.d.seed=1,2", "--set", "preview.p.columns=2,3"];
    let output = sweep(&project, &values).exit(0);
    assert_eq!(
        trials(&output),
        ["seed=1,columns=2", "seed=1,columns=3", "seed=2,columns=2", "seed=2,columns=3"]
    );
    assert_eq!(output.events_of("started").len(), 1 + 2 + 4);
    let first = output.events().into_iter().take(2).map(|event| event["event"].clone());
    assert_eq!(first.collect::<Vec<_>>(), ["began", "sweep"]);
    let ended = &output.events_of("ended")[0];
    assert_eq!(ended["trials"][2]["values"]["split.d.seed"], "2");
    assert_eq!(ended["trials"][2]["numbers"][0]["stage"], "split.d");
    let shown = project.names("out/swept/trials/seed=2,columns=3");
    assert_eq!(shown, ["preview.p", "split.d", "synthesize.s"]);
    assert_eq!(project.names("out/swept"), ["trials"]);
    sweep(&project, &values).cached_all();
    // A run with the values of a trial finds the same results.
    project.run(&["--set", "split.d.seed=2", "--set", "preview.p.columns=2"]).cached_all();
}

#[test]
fn trials_can_be_paired_drawn_or_listed() {
    let project = project();
    let two = ["--set", "split.d.seed=1,2", "--set", "preview.p.columns=2,3"];
    let dry = |more: &[&str]| trials(&sweep(&project, &[&["--dry-run"], more].concat()).exit(0));
    assert_eq!(dry(&[&two[..], &["--zip"]].concat()), ["seed=1,columns=2", "seed=2,columns=3"]);
    let random = ["--set", "split.d.seed=1..1000", "--set", "synthesize.s.positive-share=log:0.1..0.5"];
    let five = dry(&[&random[..], &["--random", "5", "--seed", "7"]].concat());
    assert_eq!(five.len(), 5);
    assert_eq!(five[..3], dry(&[&random[..], &["--random", "3", "--seed", "7"]].concat()));
    assert_ne!(five[..3], dry(&[&random[..], &["--random", "3", "--seed", "8"]].concat()));
    project.rewrite(
        "t.csv",
        "name,split.d.seed,split.d.sizes\nfew,1,\"{ train = 4, validation = 2, test = 2 }\"\n,2,\n",
    );
    assert_eq!(dry(&["--from", "t.csv"]), ["few", "seed=2"]);
    project.rewrite("p.toml", format!("{PIPELINE}[sweep.set]\nsplit.d.seed = [3, 4, 5]\n"));
    assert_eq!(dry(&[]), ["seed=3", "seed=4", "seed=5"]);
    assert_eq!(dry(&["--random", "2"]).len(), 2);
    assert_eq!(dry(&["--set", "preview.p.columns=1,2"]), ["columns=1", "columns=2"]);
    assert_eq!(project.names("."), ["p.toml", "t.csv"], "a dry run writes nothing");
}

#[test]
fn the_plan_and_the_report_are_tables() {
    let project = project();
    let values = ["sweep", "p.toml", "--set", "preview.p.columns=2,3"];
    let plan = project.pcamflow(&[&values[..], &["--dry-run"]].concat()).exit(0);
    assert!(
        plan.stdout.contains("2 trials with 6 stages; what they share runs once: 4 stages"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains("\npreview.p[columns=3]  run"), "{}", plan.stdout);
    let one = project.pcamflow(&[&values[..], &["--dry-run", "preview.p"]].concat()).exit(0);
    assert!(one.stdout.contains("2 trials with 6 stages; what they share runs once: 4"), "{}", one.stdout);
    let apart = project.pcamflow(&[&values[..], &["--dry-run", "synthesize.s"]].concat()).exit(0);
    assert!(
        apart.stdout.contains("2 trials with 2 stages; what they share runs once: 1 stage"),
        "{}",
        apart.stdout
    );
    let single =
        project.pcamflow(&["sweep", "p.toml", "--set", "preview.p.columns=2", "--random", "3"]).exit(2);
    single.complains("there is nothing to try: `preview.p.columns` has one value");
    let end = project.pcamflow(&[&values[..], &["--summary", "page.md"]].concat()).exit(0);
    let page = fs::read_to_string(project.path("page.md")).unwrap();
    assert!(page.contains("| trial | result | time |"), "{page}");
    assert!(page.contains("| `columns=3` | done |"), "{page}");
    let lines: Vec<&str> = end.stdout.lines().collect();
    assert!(lines[0].starts_with("columns  result"), "{}", end.stdout);
    assert!(lines[2].starts_with("3        done"), "{}", end.stdout);
    assert!(end.stdout.contains("2 trials: 2 done; 4 stages ran, 0 cached"), "{}", end.stdout);
    assert!(end.stdout.contains("results in out/swept/trials"), "{}", end.stdout);
    let again = project.pcamflow(&values).exit(0);
    assert!(again.stdout.contains("2 trials, all cached") && again.stderr.is_empty(), "{}", again.stdout);
}

/// A pipeline whose program fails in two of the four trials.
fn with_a_failing_program() -> Sandbox {
    Sandbox::new().pipeline(
        "[pipeline]\nname = 'swept'\n[command.p]\nshell = 'test $word = good; echo $size > made'\n\
         artifacts = { made = 'made' }\nenvironment = { word = 'good', size = 'one' }\n",
    )
}

const TRIALS: [&str; 4] =
    ["--set", "command.p.environment.word=good,bad", "--set", "command.p.environment.size=two,three"];

#[test]
fn a_failing_trial_does_not_stop_the_others() {
    let project = with_a_failing_program();
    let output = sweep(&project, &TRIALS).exit(1);
    let ended = &output.events_of("ended")[0];
    let outcomes: Vec<&str> =
        ended["trials"].as_array().unwrap().iter().map(|trial| trial["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["done", "done", "failed", "failed"]);
    assert_eq!(ended["trials"][2]["failed"][0], "command.p[word=bad,size=two]");
    let text = project.pcamflow(&[&["sweep", "p.toml"], &TRIALS[..]].concat()).exit(1);
    assert!(text.stdout.contains("4 trials: 2 done, 2 failed"), "{}", text.stdout);
    assert!(text.stdout.contains("command.p[word=bad,size=three] failed"), "{}", text.stdout);
}

#[test]
fn all_wrong_trials_are_reported_before_anything_runs() {
    let project = project();
    let output = sweep(&project, &["--set", "preview.p.columns=0,2,x"]).exit(2);
    let output = output.complains("trial columns=0:").complains("trial columns=x:").complains("2 problems");
    output.never_says("trial columns=2");
    sweep(&project, &["--set", "preview.q.columns=1,2"]).exit(2).complains("did you mean `preview.p`");
    sweep(&project, &[]).exit(2).complains("there is nothing to try");
    sweep(&project, &["--set", "split.d.seed=1..4"]).exit(2).complains("say how many trials to draw");
    sweep(&project, &["--set", "split.d.seed=1,2", "--set", "preview.p.columns=1,2,3", "--zip"])
        .exit(2)
        .complains("`zip` pairs values");
    sweep(&project, &["--set", "split.d.seed=1,1"]).exit(2).complains("the trials 1 and 2 are the same");
    sweep(&project, &["--set", "split.d.seed=1,2", "--from", "t.csv"]).exit(2).complains("add a column");
    sweep(&project, &["--from", "t.csv"]).exit(2).complains("t.csv cannot be read");
    sweep(&project, &["--set", "pipeline.name=a,b"]).exit(2).complains("the same in all trials");
    project.rewrite("t.csv", "name,split.d.seed\na/b,1\nc,2\nc,3\n");
    sweep(&project, &["--from", "t.csv"])
        .exit(2)
        .complains("`a/b` cannot name a trial")
        .complains("two trials have the name `c`");
    assert!(!project.path(".pcamflow").exists() && !project.path("out").exists());
}

#[test]
fn a_killed_sweep_resumes_without_repeating_stages() {
    let values = ["--set", "synthesize.s.seed=1,2,3,4,5,6", "--set", "preview.p.columns=2,3"];
    let stages = 6 + 6 + 12;
    let project = project();
    let arguments = [&["sweep", "p.toml", "--json"], &values[..]].concat();
    let mut done = 0;
    for wait in [150, 250, 350] {
        let mut child = project.command(crate::sandbox::PCAMFLOW).args(&arguments).spawn().unwrap();
        sleep(Duration::from_millis(wait));
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(),
            Signal::KILL,
        );
        child.wait().unwrap();
        project.nothing_is_left_running();
        let records = crate::sandbox::files(&project.path(".pcamflow/actions")).len();
        assert!(records >= done, "a result is lost");
        done = records;
    }
    let output = sweep(&project, &values).exit(0);
    assert_eq!(output.events_of("started").len(), stages - done, "finished stages do not run again");
    sweep(&project, &values).cached_all();
    assert_eq!(project.names("out/swept/trials").len(), 12);
}

#[test]
fn every_trial_is_recorded_as_a_separate_run() {
    let broken = with_a_failing_program();
    let first = sweep(&broken, &TRIALS).exit(1);
    let id = first.events_of("sweep")[0]["id"].as_str().unwrap().to_owned();
    let compared = broken.pcamflow(&["compare", "--sweep", &id, "--json"]);
    for trial in ["word=good,size=two", "word=good,size=three", "word=bad,size=two", "word=bad,size=three"] {
        assert!(
            compared.stdout.contains(trial),
            "{trial} is not in:\n{}{}",
            compared.stdout,
            compared.stderr
        );
    }
    let project = project();
    let values = ["--set", "preview.p.columns=2,3"];
    let again = sweep(&project, &values).exit(0);
    assert_ne!(again.events_of("sweep")[0]["id"], id.as_str());
    let runs = || {
        let files = crate::sandbox::files(&project.path(".pcamflow/runs"));
        files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "json")).count()
    };
    assert_eq!(runs(), 2);
    let once_more = sweep(&project, &values).cached_all();
    assert_eq!(once_more.events_of("sweep"), again.events_of("sweep"), "the same sweep");
    assert_eq!(runs(), 2, "a fully cached sweep is not recorded again");
}

#[test]
fn compare_uses_the_last_run_of_a_trial() {
    let project = project().file("trials.csv", "name,preview.p.columns\nas-written,\nother,4\n");
    let sweep = || sweep(&project, &["--from", "trials.csv"]).exit(0);
    let columns = || project.pcamflow(&["compare", "--sweep", "latest", "--csv"]).exit(0).stdout;
    sweep();
    let first = columns();
    project.rewrite("p.toml", PIPELINE.replace("columns = 3", "columns = 2"));
    sweep();
    let second = columns();
    assert_ne!(first, second);
    project.rewrite("p.toml", PIPELINE);
    sweep().cached_all();
    sweep().cached_all();
    // Without the columns of the run's number and time.
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.splitn(3, ',').nth(2).unwrap().to_owned()).collect()
    };
    assert_eq!(values(&columns()), values(&first));
}

#[test]
fn foreign_files_beside_trials_are_kept() {
    let project = project();
    sweep(&project, &["--set", "preview.p.columns=2,3"]).exit(0);
    project.rewrite("out/swept/trials/notes.txt", "mine");
    project.rewrite("out/swept/trials/columns=2/notes.txt", "mine");
    sweep(&project, &["--set", "preview.p.columns=3,4"]).exit(0);
    assert_eq!(project.names("out/swept/trials"), ["columns=2", "columns=3", "columns=4", "notes.txt"]);
    assert_eq!(project.names("out/swept/trials/columns=2"), ["notes.txt"]);
    assert_eq!(fs::read_to_string(project.path("out/swept/trials/notes.txt")).unwrap(), "mine");
}

#[test]
fn the_suggested_compare_command_finds_the_trials() {
    let project = Sandbox::new().file("other project/.git/HEAD", "").file("other project/p.toml", PIPELINE);
    let values = ["--set", "preview.p.columns=2,3"];
    let stores: [&[&str]; 2] = [&[], &["--store", "my store"]];
    for store in stores {
        let arguments = [&["sweep", "other project/p.toml"], &values[..], store].concat();
        let output = project.pcamflow(&arguments).exit(0).stdout;
        let command = output.lines().find(|line| line.starts_with("pcamflow compare ")).unwrap();
        let compared = project.shell(&command.replacen("pcamflow", "$PCAMFLOW", 1)).exit(0);
        assert!(compared.stdout.contains("columns"), "{command}\n{}", compared.stdout);
    }
}
