//! A store that a team shares: checkouts with stores of their own and one real S3 server, a folder, or a web server
//! between them. Through the built binary.

mod faults;
mod folders;
mod s3;
mod server;

use std::{fs, time::Duration};

use crate::sandbox::{Output, Sandbox, files};
use server::S3;

/// Three levels, a picture, and a stage that no other reads.
pub(crate) const PIPELINE: &str = "\
[pipeline]
name = 'shared'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
columns = 4
[command.size]
shell = 'wc -c < {x} > {artifacts.size}'
inputs = { x = 'split.d/train' }
artifacts = { size = 'size.txt' }
";

/// The names of all stages.
const ALL: [&str; 4] = ["command.size", "preview.p", "split.d", "synthesize.s"];

/// A checkout of the project, with a store of its own.
fn checkout(server: &S3) -> Sandbox {
    server.for_project(Sandbox::new().pipeline(PIPELINE))
}

/// The objects of a project's store.
fn objects(project: &Sandbox) -> usize {
    files(&project.path(".pcamflow/objects")).len()
}

fn whole(output: Output) -> Output {
    assert_eq!(output.warnings(), "");
    output
}

#[test]
fn what_one_computed_the_other_takes_and_fetches_only_what_it_needs() {
    let Some(server) = S3::start() else { return };
    let (ada, ben) = (checkout(&server), checkout(&server));
    whole(ada.run(&[]).ran(ALL));
    assert_eq!(server.files("records").len(), 4);

    whole(ben.run(&["--remote", "s3://team/pcam"]).cached_all());
    assert_eq!(ben.names("out/shared/preview.p"), ada.names("out/shared/preview.p"), "pictures are fetched");
    assert!(!ben.path("out/shared/split.d/train.h5").exists(), "patches are not");

    // A stage that has to run gets the bytes that it reads, and no others.
    let before = objects(&ben);
    let other = PIPELINE.replace("columns = 4", "columns = 2");
    ben.rewrite("p.toml", &other);
    whole(ben.run(&[]).ran(["preview.p"]));
    assert!(objects(&ben) > before);
    whole(ben.run(&[]).cached_all());
    assert!(ben.path("out/shared/split.d/train.h5").exists());
    assert!(!ben.path("out/shared/split.d/test.h5").exists());

    // And what this one computed, the first one takes.
    ada.rewrite("p.toml", &other);
    whole(ada.run(&[]).cached_all());
    assert_eq!(
        fs::read(ada.path("out/shared/preview.p/grid.png")).unwrap(),
        fs::read(ben.path("out/shared/preview.p/grid.png")).unwrap()
    );
}

#[cfg(feature = "torch")]
#[test]
fn a_model_comes_to_a_machine_without_libtorch() {
    use crate::training::{model, project};
    let Some(server) = S3::start() else { return };
    let [ada, ben] = [(); 2].map(|()| server.for_project(project()));
    whole(ada.run(&["train.t"]).exit(0));
    // The engine alone: there is no worker beside it.
    ben.shell("cp $PCAMFLOW alone; ./alone run p.toml train.t --json; exit $?").cached_all();
    ben.shell("./alone pull p.toml train.t && ./alone run p.toml train.t --quiet; exit $?").exit(0);
    assert_eq!(model(&ben), model(&ada));
}

#[test]
fn a_run_whose_results_are_here_asks_nothing() {
    let Some(server) = S3::start() else { return };
    let project = checkout(&server);
    project.run(&[]).exit(0);
    assert!(!server.requests().is_empty());
    project.run(&[]).cached_all();
    project.run(&["--frozen"]).cached_all();
    project.pcamflow(&["plan", "p.toml"]).exit(0);
    project.pcamflow(&["show", "p.toml", "command.size"]).exit(0);
    project.pcamflow(&["--help"]).exit(0);
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn a_frozen_run_from_an_empty_store_asks_once_however_many_stages_there_are() {
    let Some(server) = S3::start() else { return };
    // A chain: the key of each stage depends on the result of the one before.
    let mut text = "[pipeline]\nname = 'chain'\n".to_owned();
    for number in 0..40 {
        let (inputs, add) = match number {
            0 => (String::new(), String::new()),
            _ => (format!("inputs = {{ x = 'command.c{}/n' }}\n", number - 1), "cat {x}; ".to_owned()),
        };
        text += &format!(
            "[command.c{number}]\nshell = '({add}echo {number}) > {{artifacts.n}}'\n{inputs}artifacts = {{ n = 'n.txt' }}\n"
        );
    }
    let [ada, ci] = [(); 2].map(|()| server.for_project(Sandbox::in_memory().pipeline(&text)));
    assert_eq!(ada.run(&[]).exit(0).computed().len(), 40);
    server.requests();
    whole(ci.run(&["--frozen"]).cached_all());
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "the two bundles, at once: {requests:?}");
    assert!(requests.iter().all(|request| request.starts_with("GET /team/pcam/v1/bundles/")), "{requests:?}");

    // Without a bundle of its last run, each level is one question. What does not exist ends the questions.
    let edited = text.replace("echo 37", "echo x");
    for project in [&ada, &ci] {
        project.rewrite("p.toml", &edited);
    }
    assert_eq!(ada.run(&[]).exit(0).computed().len(), 3);
    server.requests();
    whole(ci.run(&["--frozen"]).cached_all());
    assert!(server.requests().len() <= 2);
    ci.rewrite("p.toml", text.replace("echo 20", "echo y"));
    ci.run(&["--frozen"]).exit(4);
    let requests = server.requests();
    assert!(requests.len() <= 4, "the first stage that has no result, and what it reads: {requests:?}");
}

#[test]
fn a_frozen_run_needs_no_store_that_it_can_write() {
    let Some(server) = S3::start() else { return };
    checkout(&server).run(&[]).ran(ALL);
    let ci = checkout(&server);
    whole(ci.run(&["--frozen", "--store", "/proc/self/none"]).cached_all());
    ci.run(&["--frozen", "--store", "/proc/self/none", "--require", "split.d.train >= 4"]).exit(0);
}

#[test]
fn pushing_does_not_hold_up_the_next_stages_and_the_run_waits_for_it() {
    let Some(server) = S3::start() else { return };
    let text = "\
[command.a]\nshell = 'echo a > {artifacts.a}'\nartifacts = { a = 'a.txt' }\n\
[command.b]\nshell = 'cat {a} > {artifacts.b}'\ninputs = { a = 'command.a/a' }\nartifacts = { b = 'b.txt' }\n";
    let project = server.for_project(Sandbox::new().pipeline(text));
    server.wait(Duration::from_millis(300));
    let output = whole(project.run(&[]).ran(["command.a", "command.b"]));
    let records: Vec<String> = server
        .requests()
        .into_iter()
        .filter(|request| request.starts_with("PUT") && request.contains("records"))
        .collect();
    assert_eq!(records.len(), 2, "{records:?}");
    let names: Vec<String> =
        output.events().iter().map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(names.last().map(String::as_str), Some("ended"), "{names:?}");
    assert_eq!(server.files("records").len(), 2);
}

#[test]
fn results_of_before_are_pushed_later_and_pulled_whole() {
    let Some(server) = S3::start() else { return };
    let (ada, ben) = (checkout(&server), checkout(&server));
    ada.run(&["--remote", "none"]).ran(ALL);
    assert_eq!(server.requests(), [""; 0]);
    let told = ada.pcamflow(&["push", "p.toml"]).exit(0);
    assert_eq!(told.stdout, "4 results pushed to s3://team/pcam\n");
    let told = ada.pcamflow(&["push", "p.toml"]).exit(0);
    assert_eq!(told.stdout, "0 results pushed to s3://team/pcam, 4 there already\n");

    let told = ben.pcamflow(&["pull", "p.toml", "split.d"]).exit(0);
    assert!(
        told.stdout.starts_with("1 result here; ") && told.stdout.ends_with(" fetched from s3://team/pcam\n")
    );
    ben.run(&["--remote", "none", "split.d"]).cached_all();
    assert!(ben.path("out/shared/split.d/test.h5").exists());
    let told = ben.pcamflow(&["log", "p.toml", "split.d"]).exit(0);
    assert_eq!(told.stdout, ada.pcamflow(&["log", "p.toml", "split.d"]).exit(0).stdout);

    ben.rewrite("p.toml", PIPELINE.replace("columns = 4", "columns = 3"));
    let told = ben.pcamflow(&["pull", "p.toml"]).exit(1);
    assert!(told.stdout.ends_with("no result, here or there: preview.p\n"), "{}", told.stdout);
}

#[test]
fn results_that_a_new_one_needs_are_pushed_with_it() {
    let Some(server) = S3::start() else { return };
    let (ada, ben) = (checkout(&server), checkout(&server));
    ada.run(&["--remote", "none"]).ran(ALL);
    let other = PIPELINE.replace("columns = 4", "columns = 2");
    for project in [&ada, &ben] {
        project.rewrite("p.toml", &other);
    }
    whole(ada.run(&[]).ran(["preview.p"]));
    assert_eq!(server.files("records").len(), 3, "and not the one that it does not need");
    whole(ben.run(&["preview.p"]).cached_all());
}

#[test]
fn bytes_that_somebody_asks_to_see_are_fetched() {
    let Some(server) = S3::start() else { return };
    let (ada, ben) = (checkout(&server), checkout(&server));
    ada.run(&[]).exit(0);
    let show = |project: &Sandbox, what: &str| project.pcamflow(&["show", "p.toml", what]).exit(0).stdout;
    let rows = |text: String| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(show(&ben, "split.d/train")), rows(show(&ada, "split.d/train")));
    ben.pcamflow(&["export", "p.toml", "split.d/test", "here"]).exit(0);
    assert_eq!(
        fs::read(ben.path("here/test.h5")).unwrap(),
        fs::read(ada.path("out/shared/split.d/test.h5")).unwrap()
    );
    ben.pcamflow(&["report", "p.toml"]).exit(0);
    let page = fs::read_to_string(ben.path("out/shared/report.html")).unwrap();
    assert!(page.contains("data:image/png"), "the report has its pictures");
}

#[test]
fn what_is_shown_is_set_in_the_project() {
    let Some(server) = S3::start() else { return };
    let ada = checkout(&server);
    ada.run(&[]).exit(0);
    for (show, arguments, picture, patches) in
        [("all", &[][..], true, true), ("pictures", &["--frozen"], true, false), ("none", &[], false, false)]
    {
        let ben = checkout(&server);
        let settings = fs::read_to_string(ben.path("pcamflow.toml")).unwrap();
        ben.rewrite("pcamflow.toml", settings + &format!("show = '{show}'\n"));
        whole(ben.run(arguments).cached_all());
        assert_eq!(ben.path("out/shared/preview.p/grid.png").exists(), picture, "{show}");
        assert_eq!(ben.path("out/shared/split.d/train.h5").exists(), patches, "{show}");
    }
}

#[test]
fn two_that_compute_the_same_key_agree_on_the_first_result() {
    let Some(server) = S3::start() else { return };
    // A program whose results differ from run to run.
    let text = "[command.r]\nshell = 'date +%N > {artifacts.r}'\nartifacts = { r = 'r.txt' }\n";
    let [ada, ben, eve] = [(); 3].map(|()| server.for_project(Sandbox::new().pipeline(text)));
    for project in [&ada, &ben] {
        project.run(&["--remote", "none"]).exit(0);
    }
    ada.pcamflow(&["push", "p.toml"]).exit(0);
    let told = ben.pcamflow(&["push", "p.toml"]).exit(0);
    assert!(told.stdout.contains("and stay (--replace replaces them): command.r"), "{}", told.stdout);
    eve.run(&[]).cached_all();
    let result = |project: &Sandbox| fs::read_to_string(project.path("out/p/command.r/r.txt")).unwrap();
    assert_eq!(result(&eve), result(&ada));
    ben.pcamflow(&["push", "p.toml", "--replace"]).exit(0);
    let late = server.for_project(Sandbox::new().pipeline(text));
    late.run(&[]).cached_all();
    assert_eq!(result(&late), result(&ben));
}

#[test]
fn the_size_of_a_remote_is_shown_and_old_results_are_removed() {
    let Some(server) = S3::start() else { return };
    let project = checkout(&server);
    project.run(&[]).exit(0);
    let told = project.pcamflow(&["cache", "du", "--remote"]).exit(0);
    assert!(told.stdout.starts_with("s3://team/pcam: 4 results in "), "{}", told.stdout);
    let told = project.pcamflow(&["cache", "gc", "--remote", "--older-than", "1h"]).exit(0);
    assert!(told.stdout.contains("0 results and 0 objects"), "{}", told.stdout);
    let told = project.pcamflow(&["cache", "gc", "--remote", "--older-than", "0s", "--dry-run"]).exit(0);
    assert!(told.stdout.contains("4 results and 0 objects"), "objects stay for a day: {}", told.stdout);
    assert_eq!(server.files("records").len(), 4);
    // Objects of two days ago.
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(48 * 3600);
    for object in server.files("objects") {
        fs::File::options().write(true).open(object).unwrap().set_modified(long_ago).unwrap();
    }
    project.pcamflow(&["cache", "gc", "--remote", "--older-than", "30d"]).exit(0);
    assert_eq!(server.files("records").len(), 4);
    assert!(!server.files("objects").is_empty(), "what a result needs stays");
    let told = project.pcamflow(&["cache", "gc", "--remote", "--older-than", "0s"]).exit(0);
    assert!(told.stdout.contains("4 results and "), "{}", told.stdout);
    assert_eq!((server.files("records").len(), server.files("objects").len()), (0, 0));
    checkout(&server).run(&[]).ran(ALL);
}

#[test]
fn the_doctor_looks_at_the_remote() {
    let Some(server) = S3::start() else { return };
    let line = |project: &Sandbox| {
        let told = project.pcamflow(&["doctor"]);
        told.stdout.lines().find(|line| line.contains(" remote ")).unwrap_or_default().to_owned()
    };
    assert_eq!(line(&checkout(&server)), "ok       remote    s3://team/pcam answers, and can be written");
    assert_eq!(line(&Sandbox::new().pipeline(PIPELINE)), "");
    let refused = line(&server.with_secret(Sandbox::new().pipeline(PIPELINE), "another"));
    assert!(
        refused.starts_with("missing  remote    s3://team/pcam: it refuses the credentials"),
        "{refused}"
    );
    assert!(
        server.files("").iter().all(|path| !path.to_string_lossy().contains("probe")),
        "nothing is left there"
    );
}
