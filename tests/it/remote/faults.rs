//! A remote store that is damaged, down, slow, or refuses: nothing wrong is used, nothing is lost, and no run fails.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;

use super::{
    ALL, PIPELINE, checkout,
    server::{Fault, S3},
};
use crate::sandbox::{Sandbox, files};

/// Patches that a stage reads: it fetches them.
fn edited() -> String {
    PIPELINE.replace("columns = 4", "columns = 2")
}

/// The object with the largest content below some files.
fn largest(files: &[PathBuf]) -> &Path {
    files.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

fn quarantined(project: &Sandbox) -> usize {
    files(&project.path(".pcamflow/quarantine")).len()
}

#[test]
fn damaged_objects_are_named_put_aside_computed_again_and_replaced() {
    type Damage = fn(&Path);
    let damages: [(Damage, &str); 4] = [
        (
            |path| {
                let mut bytes = fs::read(path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            "wrong",
        ),
        (|path| fs::write(path, &fs::read(path).unwrap()[..1000]).unwrap(), "wrong"),
        (|path| fs::write(path, [fs::read(path).unwrap(), vec![0; 9]].concat()).unwrap(), "more than its"),
        (|path| fs::remove_file(path).unwrap(), "does not have it"),
    ];
    for (damage, said) in damages {
        let Some(server) = S3::start() else { return };
        let (ada, ben) = (checkout(&server), checkout(&server));
        ada.run(&[]).ran(ALL);
        let train = fs::read(ada.path("out/shared/split.d/train.h5")).unwrap();
        let digest = pcamflow::digest::Digest::of(&train).hex();
        let stored = server.files(&format!("objects/{}/{digest}", &digest[..2]));
        let stored = stored.first().cloned().unwrap_or_else(|| {
            server.files("objects").into_iter().find(|path| path.ends_with(&digest)).unwrap()
        });
        damage(&stored);
        ben.rewrite("p.toml", edited());
        let output = ben.run(&[]).exit(0);
        assert_eq!(output.computed(), ["preview.p", "split.d"], "what it reads is fetched: {said}");
        let warnings = output.warnings();
        assert!(
            warnings.contains("`split.d/train` cannot be fetched") && warnings.contains(said),
            "{warnings}"
        );
        assert_eq!(fs::read(ben.path("out/shared/split.d/train.h5")).unwrap(), train);
        assert_eq!(quarantined(&ben) > 0, said != "does not have it", "{said}");
        assert_eq!(fs::read(&stored).unwrap(), train, "the remote has the right bytes again: {said}");
    }
}

#[test]
fn a_result_whose_bytes_are_gone_is_replaced_even_if_it_cannot_be_made_again_as_it_was() {
    let Some(server) = S3::start() else { return };
    let text = "\
[command.r]\nshell = 'date +%N > {artifacts.r}'\nartifacts = { r = 'r.dat' }\n\
[command.c]\nshell = 'cat {r} > {artifacts.c}; echo NUMBER >> {artifacts.c}'\n\
inputs = { r = 'command.r/r' }\nartifacts = { c = 'c.dat' }\n";
    let [ada, ben, eve] = [(); 3].map(|()| server.for_project(Sandbox::new().pipeline(text)));
    ada.run(&[]).exit(0);
    let lost = fs::read(ada.path("out/p/command.r/r.dat")).unwrap();
    let is_lost = |path: &&PathBuf| fs::read(path).unwrap() == lost;
    fs::remove_file(server.files("objects").iter().find(is_lost).unwrap()).unwrap();
    for project in [&ben, &eve] {
        project.rewrite("p.toml", text.replace("NUMBER", "2"));
    }
    assert_eq!(ben.run(&[]).exit(0).computed(), ["command.c", "command.r"]);
    let made = fs::read(ben.path("out/p/command.r/r.dat")).unwrap();
    assert_ne!(made, lost);
    eve.run(&[]).cached_all();
    eve.pcamflow(&["pull", "p.toml"]).exit(0);
    eve.run(&[]).cached_all();
    assert_eq!(fs::read(eve.path("out/p/command.r/r.dat")).unwrap(), made);
}

#[test]
fn damaged_records_are_named_put_aside_and_computed_again() {
    let Some(server) = S3::start() else { return };
    let (ada, ben) = (checkout(&server), checkout(&server));
    ada.run(&[]).ran(ALL);
    for bundle in server.files("bundles") {
        fs::write(&bundle, &fs::read(&bundle).unwrap()[..50]).unwrap();
    }
    let record = server
        .files("records")
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("\"stage\": \"synthesize.s\""));
    let record = record.unwrap();
    let sound = fs::read(&record).unwrap();
    fs::write(&record, [&sound[..80], b"x", &sound[80..]].concat()).unwrap();
    let output = ben.run(&[]).exit(0);
    assert_eq!(output.computed(), ["synthesize.s"], "the others are asked for one by one");
    let warnings = output.warnings();
    assert!(warnings.contains("a bundle of records in the remote is not used: it was cut off"), "{warnings}");
    assert!(
        warnings.contains("in the remote is not used: it was cut off or modified; it was put aside"),
        "{warnings}"
    );
    assert_eq!(quarantined(&ben), 3);
    let again = checkout(&server);
    let output = again.run(&[]).cached_all();
    assert_eq!(output.warnings(), "", "record and bundles are right again");
}

#[test]
fn a_server_that_is_down_or_silent_costs_one_timeout_and_a_warning() {
    let Some(server) = S3::start() else { return };
    for (fault, said) in
        [(Fault::Hang, "it did not answer within 2s"), (Fault::Status(503), "it answers 503")]
    {
        server.break_it(fault, "", usize::MAX);
        let project = checkout(&server);
        let output = project.run(&[]).ran(ALL);
        let warnings = output.warnings();
        assert_eq!(warnings.matches("the remote s3://team/pcam cannot be used").count(), 1, "{warnings}");
        assert!(warnings.contains(said), "{warnings}");
        assert!(
            warnings.contains("not all results were pushed: `pcamflow push p.toml` does it later"),
            "{warnings}"
        );
        assert!(output.duration < Duration::from_secs(30));
        let frozen = checkout(&server).run(&["--frozen"]).exit(3);
        assert!(frozen.events_of("ended")[0]["unasked"].as_str().unwrap().contains(said));
        let told = checkout(&server).pcamflow(&["run", "p.toml", "--frozen"]).exit(3);
        assert!(told.stdout.contains("the remote store could not be asked"), "{}", told.stdout);
        server.mend();
        project.pcamflow(&["push", "p.toml"]).exit(0);
        assert_eq!(server.files("records").len(), 4);
    }
    // No server at all.
    let project = Sandbox::new().pipeline(PIPELINE).file(
        "pcamflow.toml",
        "[remote]\nurl = 's3://team/pcam'\nendpoint = 'http://127.0.0.1:9'\nregion = 'x'\ntimeout = '2s'\n",
    );
    let project = project.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let output = project.run(&[]).ran(ALL);
    assert!(output.warnings().contains("cannot be used"), "{}", output.warnings());
}

#[test]
fn an_answer_that_fails_now_and_then_is_asked_for_again() {
    let Some(server) = S3::start() else { return };
    let ada = checkout(&server);
    server.break_it(Fault::Status(500), "PUT", 2);
    assert_eq!(ada.run(&[]).ran(ALL).warnings(), "");
    for fault in [Fault::Status(503), Fault::Cut(40)] {
        server.break_it(fault, "GET", 2);
        let ben = checkout(&server);
        ben.rewrite("p.toml", edited().replace("columns = 2", "columns = 1"));
        assert_eq!(ben.run(&["--remote", "s3://team/pcam"]).exit(0).warnings(), "", "{fault:?}");
    }
}

#[test]
fn refused_credentials_are_one_warning_and_no_secret_is_said_or_kept() {
    let Some(server) = S3::start() else { return };
    const SECRET: &str = "quite-another-secret";
    let project = server.with_secret(Sandbox::new().pipeline(PIPELINE), SECRET);
    let output = project.run(&["-vv"]).ran(ALL).never_says(SECRET);
    let warnings = output.warnings();
    assert_eq!(warnings.matches("it refuses the credentials").count(), 1, "{warnings}");
    assert_eq!(server.files("records").len(), 0);
    project.run(&["--frozen", "--force", "x"]).exit(2);
    checkout(&server).pcamflow(&["push", "p.toml"]).exit(0);
    project.pcamflow(&["push", "p.toml"]).exit(3).never_says(SECRET);
    for file in files(&project.path(".pcamflow")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{file:?}");
    }
}

/// A pipeline whose result is large enough to be moved in parts.
const LARGE: &str = "\
[command.a]
shell = 'head -c 40000000 /dev/zero | tr \"\\0\" a > {artifacts.a}'
artifacts = { a = 'a.bin' }
[command.b]
shell = 'wc -c < {a} > {artifacts.b}; echo NUMBER >> {artifacts.b}'
inputs = { a = 'command.a/a' }
artifacts = { b = 'b.txt' }
";

#[test]
fn large_objects_move_in_parts_and_fetching_goes_on_where_it_was() {
    let Some(server) = S3::start() else { return };
    let [ada, ben] = [(); 2].map(|()| server.for_project(Sandbox::in_memory().pipeline(LARGE)));
    ada.run(&[]).exit(0);
    let parts = server.requests();
    assert_eq!(parts.iter().filter(|request| request.contains("partNumber=")).count(), 5, "{parts:?}");
    let large = largest(&server.files("objects")).to_owned();
    assert_eq!(large.metadata().unwrap().len(), 40_000_000);

    ben.rewrite("p.toml", LARGE.replace("NUMBER", "2"));
    server.wait(Duration::from_millis(100));
    // Killed while the parts arrive: what has arrived is kept.
    let running = ben.start(&[]);
    let incoming = ben.path(".pcamflow/incoming");
    let arrived =
        || files(&incoming).first().map_or(0, |path| path.metadata().map_or(0, |found| found.len()));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while arrived() < 16_000_000 && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal(Signal::KILL);
    running.finish();
    ben.nothing_is_left_running();
    let kept = arrived();
    server.wait(Duration::ZERO);
    server.requests();
    ben.run(&[]).ran(["command.b"]);
    let fetched = server.requests().into_iter().filter(|request| {
        request.starts_with("GET")
            && request.contains("objects")
            && large.ends_with(request.rsplit('/').next().unwrap())
    });
    let fetched = fetched.count();
    assert!(kept >= 40_000_000 || fetched < 5, "{kept} bytes were kept, and {fetched} parts fetched");
    assert_eq!(files(&incoming).len(), 0);
}

#[test]
fn pushing_can_be_interrupted_and_goes_on_with_what_is_missing() {
    let Some(server) = S3::start() else { return };
    let ada = checkout(&server);
    ada.run(&["--remote", "none"]).ran(ALL);
    server.break_it(Fault::Hang, "PUT /team/pcam/v1/records/", usize::MAX);
    ada.pcamflow(&["push", "p.toml"]).exit(3);
    let objects = server.files("objects").len();
    assert!(
        objects > 0 && server.files("records").is_empty(),
        "no record without its objects, and none before"
    );
    server.mend();
    server.requests();
    ada.pcamflow(&["push", "p.toml"]).exit(0);
    let sent =
        server.requests().into_iter().filter(|request| request.starts_with("PUT /team/pcam/v1/objects/"));
    assert!(sent.count() < server.files("objects").len(), "what is there is not sent again");
    assert_eq!(server.files("records").len(), 4);
}
