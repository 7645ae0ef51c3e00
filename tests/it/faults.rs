//! Faults: kills, interrupts, damage, full disks and concurrent runs. The next plain run always succeeds.

mod clock;
mod crowd;
mod damage;
mod disk;
mod garbage;
mod hostile;
mod kills;
mod large;
mod paths;
mod read_only;
mod tables;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread::sleep,
    time::{Duration, Instant},
};

use pcamflow::{
    engine::{
        self, Engine,
        exec::fake::Fake,
        tell::event::{Event, Observer},
    },
    pipeline,
    store::{self, Store},
};
use rustix::process::Signal;

use crate::{
    sandbox::{Running, Sandbox, files},
    wrong_inputs::mounted,
};

/// Long enough to be interrupted: drawing takes a few hundred milliseconds on a fast machine.
const PIPELINE: &str = "\
[pipeline]
name = 'faults'
[synthesize.first]
patches = 12
slides = 2
[synthesize.s]
patches = 160
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 80, validation = 40, test = 40 }
[split.first]
images = 'synthesize.first/images'
labels = 'synthesize.first/labels'
sizes = { train = 4, validation = 2, test = 2 }
";

/// A pipeline that runs for only a moment.
const QUICK: &str = "\
[pipeline]
name = 'faults'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 4, validation = 2, test = 2 }
";

fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn quick() -> Sandbox {
    let project = Sandbox::new().pipeline(QUICK);
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    project
}

/// Runs `p.toml` in this process with a fake executor, for pipelines that need libtorch or have many stages.
fn faked(project: &Sandbox, fake: Fake) {
    let (file, out) = (project.path("p.toml"), project.path("out"));
    let pipeline = pipeline::load(&file, &pipeline::Options::default()).unwrap();
    let store = Store::open(&project.path(".pcamflow"), store::Options::default()).unwrap();
    let engine = Engine::new(&pipeline, &store, engine::Options::default()).unwrap();
    let summary = engine.run(&out, &fake, &AtomicBool::new(false), &mut Nobody).unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
}

/// An observer that ignores all events.
struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _: &Event) {}
}

/// Waits until a run reaches a point.
#[track_caller]
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "the run did not reach: {what}");
        sleep(Duration::from_millis(2));
    }
}

fn records(project: &Sandbox) -> usize {
    files(&project.path(".pcamflow/actions")).len()
}

/// A moment of a run: its name, and a check from outside whether it was reached.
type Moment = (&'static str, fn(&Sandbox) -> bool);

const MOMENTS: [Moment; 5] = [
    ("its start", |_| true),
    ("its store", |project| project.path(".pcamflow/format").exists()),
    ("a child", |project| project.alive().len() > 1),
    ("a child that draws", draws),
    ("a finished stage", |project| records(project) > 0),
];

/// Whether a child process has begun to write images.
fn draws(project: &Sandbox) -> bool {
    files(&project.path(".pcamflow/staging")).iter().any(|path| path.ends_with("images.h5"))
}

#[test]
fn a_killed_engine_leaves_no_process_and_the_next_run_succeeds() {
    let expected = project();
    expected.run(&["--jobs", "1"]).exit(0);
    let expected = expected.digests();
    for (moment, reached) in MOMENTS {
        let project = project();
        let run = project.start(&["--jobs", "1"]);
        until(moment, || reached(&project));
        run.signal(Signal::KILL);
        assert_eq!(run.finish().status.code(), None, "{moment}: the run ended before the kill");
        project.nothing_is_left_running();
        project.run(&[]).exit(0);
        assert_eq!(project.digests(), expected, "killed at {moment}");
        project.run(&[]).cached_all();
        // Partly written results were removed.
        let left = files(&project.path(".pcamflow/staging"));
        assert!(left.is_empty(), "{moment}: {left:?}");
    }
}

#[test]
fn a_killed_child_fails_one_stage_and_the_message_says_so() {
    let project = project();
    let run = project.start(&["synthesize.s"]);
    until("a child that draws", || draws(&project));
    kill_children(&project, &run);
    let output = run.finish().exit(1);
    let message = output.failure();
    assert!(message.contains("the process was killed (SIGKILL)"), "{message}");
    assert_eq!(output.events_of("failed")[0]["class"], "process");
    project.nothing_is_left_running();
    project.run(&["synthesize.s"]).ran(["synthesize.s"]);
}

/// Kills the child processes of an engine.
fn kill_children(project: &Sandbox, engine: &Running<'_>) {
    for id in project.alive().into_iter().filter(|&id| id != engine.pid()) {
        let _ = rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), Signal::KILL);
    }
}

#[test]
fn an_interrupt_keeps_what_is_finished() {
    for signal in [Signal::INT, Signal::TERM] {
        let project = project();
        let run = project.start(&["--jobs", "1"]);
        until("a finished stage", || records(&project) > 0);
        run.signal(signal);
        let output = run.finish().exit(130);
        let done = output.computed();
        assert!(!done.is_empty() && done.len() < 4, "{done:?}");
        let ended = &output.events_of("ended")[0];
        assert_eq!((&ended["interrupted"], ended["failed"].as_array().unwrap().len()), (&true.into(), 0));
        project.nothing_is_left_running();
        let rest = project.run(&[]).exit(0).computed();
        assert_eq!(rest.len() + done.len(), 4, "{done:?}, then {rest:?}");
    }
}

/// The store object of an artifact shown in `out`.
fn object(project: &Sandbox, shown: &str) -> PathBuf {
    let digest = pcamflow::digest::Digest::of(&fs::read(project.path(shown)).unwrap()).hex();
    project.path(".pcamflow/objects").join(&digest[..2]).join(digest)
}

fn overwrite(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    overwrite(path, &bytes);
}

fn halve(path: &Path) {
    let bytes = fs::read(path).unwrap();
    overwrite(path, &bytes[..bytes.len() / 2]);
}

/// A kind of damage to a file: its name and the function that causes it.
type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 3] =
    [("deleted", |path| fs::remove_file(path).unwrap()), ("truncated", halve), ("flipped", flip_a_bit)];

#[test]
fn a_damaged_object_is_noticed_and_computed_again() {
    let project = quick();
    let shown = project.digests();
    for (how, harm) in HARMS {
        harm(&object(&project, "out/faults/split.d/train.h5"));
        let output = project.run(&[]).ran(["split.d"]);
        let warnings = output.warnings();
        assert!(warnings.contains("`split.d/train`"), "{how}: {warnings}");
        assert!(warnings.contains("computing it again"), "{how}: {warnings}");
        assert_eq!(project.digests(), shown, "{how}");
        project.run(&[]).cached_all();
    }
}

#[test]
fn a_damaged_record_is_noticed_and_computed_again() {
    let project = quick();
    let shown = project.digests();
    for (how, harm) in HARMS {
        for record in files(&project.path(".pcamflow/actions")) {
            harm(&record);
        }
        let output = project.run(&[]).ran(["split.d", "synthesize.s"]);
        // A deleted record counts as missing, which needs no warning.
        assert_eq!(output.warnings().contains("record was damaged"), how != "deleted", "{how}");
        assert_eq!(project.digests(), shown, "{how}");
        project.run(&[]).cached_all();
    }
}

#[test]
fn every_other_part_of_a_store_may_be_lost() {
    let project = quick();
    let shown = project.digests();
    for part in ["latest", "sources", "locks", "staging", "work", "tmp", "home", ".gitignore"] {
        let path = project.path(".pcamflow").join(part);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            drop(fs::remove_file(&path))
        }
        project.run(&["--force", "split.d"]).ran(["split.d"]);
        project.run(&[]).cached_all();
        assert_eq!(project.digests(), shown, "{part}");
    }
    fs::remove_dir_all(project.path(".pcamflow")).unwrap();
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    assert_eq!(project.digests(), shown);
}

#[test]
fn two_runs_at_once_compute_once() {
    let project = project();
    let both = [project.start(&["split.d", "--out", "one"]), project.start(&["split.d", "--out", "two"])];
    let outputs = both.map(|run| run.finish().exit(0));
    let mut computed: Vec<String> = outputs.iter().flat_map(|output| output.computed()).collect();
    computed.sort();
    assert_eq!(computed, ["split.d", "synthesize.s"]);
    let waited = outputs.iter().flat_map(|output| output.events_of("waiting")).count();
    assert!(waited > 0, "no run waited for the other");
    for out in ["one", "two"] {
        assert_eq!(project.names(&format!("{out}/faults/split.d")).len(), 4);
    }
}

#[test]
fn paths_may_have_spaces_and_any_characters() {
    let project = Sandbox::in_folder("Präparate 2 'neu' 日本").pipeline(QUICK);
    project.run(&["--store", "der Späicher/✓", "--out", "Ergebnisse hier"]).ran(["split.d", "synthesize.s"]);
    project.run(&["--store", "der Späicher/✓", "--out", "Ergebnisse hier"]).cached_all();
    assert_eq!(project.names("Ergebnisse hier/faults"), ["split.d", "synthesize.s"]);
}

#[test]
fn a_full_disk_is_a_machine_error_and_the_run_continues_once_there_is_space() {
    let project = Sandbox::new().pipeline(PIPELINE).with(|root| fs::create_dir(root.join("store")).unwrap());
    let script = "mount -t tmpfs -o size=24m tmpfs store && mkdir store/lost+found && head -c 21M /dev/zero >store/lost+found/filler; \
                  run=\"$PCAMFLOW run p.toml --json --store store split.d\"; \
                  $run >full.txt; echo $?; rm store/lost+found/filler; $run >free.txt; echo $?";
    let Some(output) = mounted(&project, script) else { return };
    let text = fs::read_to_string(project.path("full.txt")).unwrap();
    assert_eq!(output.stdout, "3\n0\n", "{text}");
    let failed = text.lines().find(|line| line.contains("\"event\":\"failed\"")).unwrap();
    assert!(failed.contains("\"stage\":\"synthesize.s\"") && failed.contains("No space left"), "{failed}");
    assert!(failed.contains("store"), "{failed}");
}
