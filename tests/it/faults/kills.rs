//! Kills the engine with SIGKILL. Afterwards the store must be valid, no process left, and the next run
//! normal.
//! `PCAMFLOW_KILLS=200` sets the number of random moments, `PCAMFLOW_SEED` their seed.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{PCAMFLOW, Sandbox, files};

/// Small stages in parallel and in sequence, one of which draws a picture.
const PIPELINE: &str = "\
[pipeline]
name = 'kills'
[synthesize.a]
patches = 12
slides = 2
[synthesize.b]
patches = 12
slides = 2
seed = 7
[split.a]
images = 'synthesize.a/images'
labels = 'synthesize.a/labels'
sizes = { train = 4, validation = 2, test = 2 }
[split.b]
images = 'synthesize.b/images'
labels = 'synthesize.b/labels'
sizes = { train = 4, validation = 2, test = 2 }
[preview.a]
images = 'split.a/train'
rows = 1
columns = 2
";

/// The artifacts, the duration and the output lines of a run on an empty store.
struct Expected {
    digests: Vec<(String, String)>,
    duration: Duration,
    lines: usize,
}

fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn expected() -> Expected {
    let project = project();
    let output = project.run(&[]).exit(0);
    Expected { digests: project.digests(), duration: output.duration, lines: output.stdout.lines().count() }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Reproducible pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn start(project: &Sandbox, arguments: &[&str]) -> Child {
    project.command(PCAMFLOW).args(["run", "p.toml", "--json"]).args(arguments).spawn().unwrap()
}

/// Kills only the engine; its child processes must notice that.
fn kill(mut engine: Child) {
    let id = Pid::from_raw(i32::try_from(engine.id()).unwrap()).unwrap();
    // The engine may have ended already.
    let _ = kill_process(id, Signal::KILL);
    engine.wait().unwrap();
}

/// Requires everything that must hold after a kill.
#[track_caller]
fn holds(project: &Sandbox, expected: &Expected, when: &str) {
    project.nothing_is_left_running();
    let verified = project.pcamflow(&["cache", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "killed {when}: {}", verified.stdout);
    let again = project.run(&[]);
    if again.status.code() != Some(0) || !again.warnings().is_empty() {
        again.fail(&format!("killed {when}: the next run does not end well, or warns"));
    }
    assert_eq!(project.digests(), expected.digests, "killed {when}");
    project.run(&[]).cached_all();
    project.pcamflow(&["cache", "gc"]).exit(0);
    let verified = project.pcamflow(&["cache", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "killed {when}: {}", verified.stdout);
    nothing_passing_is_left(project, when);
    project.run(&[]).cached_all();
}

/// Requires that no temporary file, lock or unfinished folder is left.
#[track_caller]
fn nothing_passing_is_left(project: &Sandbox, when: &str) {
    let store = project.path(".pcamflow");
    let passing = ["staging", "tmp", "leases", "locks", "work", "quarantine"];
    let left: Vec<PathBuf> = passing.iter().flat_map(|folder| files(&store.join(folder))).collect();
    assert!(left.is_empty(), "killed {when}: {left:?} are left");
    let shown = fs::read_dir(project.path("out/kills")).unwrap();
    let hidden: Vec<_> = shown.map(|entry| entry.unwrap().file_name()).collect();
    assert!(hidden.iter().all(|name| !name.to_string_lossy().starts_with('.')), "killed {when}: {hidden:?}");
}

/// A project whose store has other results, and whose run replaces the shown ones.
fn with_other_results() -> Sandbox {
    let project = project();
    project.run(&["--set", "synthesize.a.seed=3", "--set", "split.b.seed=3"]).exit(0);
    project
}

#[test]
fn at_random_moments() {
    let expected = expected();
    let seed = number("PCAMFLOW_SEED", 42);
    let mut random = Random(seed);
    // A little longer than a whole run, to include its last moments.
    let range = u64::try_from(expected.duration.as_micros()).unwrap() * 11 / 10;
    let count = number("PCAMFLOW_KILLS", 8);
    for round in 0..count {
        let project = if round % 3 == 2 { with_other_results() } else { project() };
        let delay = Duration::from_micros(random.below(range));
        let engine = start(&project, &[]);
        std::thread::sleep(delay);
        kill(engine);
        holds(&project, &expected, &format!("after {delay:?} (round {round} of seed {seed})"));
    }
}

#[test]
fn after_each_event() {
    let expected = expected();
    let step = if number("PCAMFLOW_KILLS", 0) > 0 { 1 } else { 4 };
    for line in (1..=expected.lines).step_by(step) {
        let project = project();
        let mut engine = start(&project, &[]);
        let told = BufReader::new(engine.stdout.take().unwrap()).lines();
        // Progress depends on time, so this run may print fewer lines and end before the kill.
        assert!(told.take(line).all(|line| line.is_ok()));
        kill(engine);
        holds(&project, &expected, &format!("at line {line} of what it tells"));
    }
}

/// The name of a moment, and a test for it in the project folder.
type Moment = (&'static str, fn(&Sandbox) -> bool);

const MOMENTS: [Moment; 12] = [
    ("at its gate", |project| project.path(".pcamflow/gate").exists()),
    ("with a stage's lock", |project| any(project, "locks", |name| name.len() == 64)),
    ("with a lease", |project| any(project, "leases", |_| true)),
    ("with a folder to write in", |project| project.path(".pcamflow/staging").exists()),
    ("with a home for objects", |project| project.path(".pcamflow/home").exists()),
    ("with its first object", |project| any(project, "objects", |_| true)),
    ("with its fourth object", |project| files(&project.path(".pcamflow/objects")).len() > 3),
    ("with a draft", |project| any(project, "tmp", |_| true)),
    ("with its first record", |project| any(project, "actions", |_| true)),
    ("with its third record", |project| files(&project.path(".pcamflow/actions")).len() > 2),
    ("with a folder about to be shown", |project| shown(project, |name| name.starts_with('.'))),
    ("with a folder shown", |project| shown(project, |name| !name.starts_with('.'))),
];

/// Whether a folder of the store contains a file with such a name.
fn any(project: &Sandbox, folder: &str, is_it: fn(&str) -> bool) -> bool {
    let found = files(&project.path(".pcamflow").join(folder));
    found.iter().any(|path| is_it(&path.file_name().unwrap().to_string_lossy()))
}

fn shown(project: &Sandbox, is_it: fn(&str) -> bool) -> bool {
    let entries = fs::read_dir(project.path("out/kills")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| is_it(&entry.file_name().to_string_lossy()))
}

/// Polls without a pause. Returns false if the run ends before the moment is seen.
fn reached(project: &Sandbox, engine: &mut Child, moment: fn(&Sandbox) -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !moment(project) {
        assert!(Instant::now() < deadline, "the run does not end");
        if engine.try_wait().unwrap().is_some() {
            return false;
        }
    }
    true
}

#[test]
fn between_the_steps_of_publishing() {
    let expected = expected();
    let rounds = number("PCAMFLOW_KILLS", 12).div_ceil(12);
    let mut seen = 0;
    for round in 0..rounds {
        for (when, moment) in MOMENTS {
            let project = project();
            let mut engine = start(&project, &[]);
            seen += u64::from(reached(&project, &mut engine, moment));
            // Later rounds kill a little after the moment.
            std::thread::sleep(Duration::from_micros(150 * round));
            kill(engine);
            holds(&project, &expected, when);
        }
    }
    // Some moments last only microseconds, and may be missed.
    assert!(seen >= rounds * 8, "only {seen} moments of {} were seen", 12 * rounds);
}
