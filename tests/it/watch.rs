//! `pcamflow watch` through the binary: what starts a run, and what does not.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::sandbox::{PCAMFLOW, Sandbox};

const PIPELINE: &str = "\
[pipeline]
name = 'watched'
[synthesize.s]
patches = 12
slides = 2
[preview.p]
images = { x = 'x.h5', y = 'y.h5' }
rows = 1
columns = 3
";

const ONE: &str = "[synthesize.s]\npatches = 12\nslides = 2\n";

/// A watch in progress; a thread reads its standard output line by line.
struct Watch<'a> {
    sandbox: &'a Sandbox,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl<'a> Watch<'a> {
    fn start(sandbox: &'a Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(PCAMFLOW);
        let all = [&["watch", "p.toml", "--json"], arguments].concat();
        let errors = fs::File::create(sandbox.path("stderr")).unwrap();
        let mut child = command.args(all).stderr(Stdio::from(errors)).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Self { sandbox, child, lines, seen: Vec::new() }
    }

    /// Returns the stages computed until the watch waits for changes again.
    #[track_caller]
    fn until_it_waits(&mut self) -> Vec<String> {
        let mut computed = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { self.fail("it never came to wait") };
            let event: Value = serde_json::from_str(&line).unwrap();
            self.seen.push(line);
            match event["event"].as_str() {
                Some("finished") if event["cached"] == false => {
                    computed.push(event["stage"].as_str().unwrap().to_owned());
                }
                Some("watching") => return computed,
                _ => {}
            }
        }
    }

    /// Waits for a line that contains this text.
    #[track_caller]
    fn until(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { self.fail(text) };
            let found = line.contains(text);
            self.seen.push(line);
            if found {
                return;
            }
        }
    }

    /// Requires that nothing happens for a while.
    #[track_caller]
    fn stays_still(&mut self) {
        if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(700)) {
            self.fail(&format!("something happened: {line}"));
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        panic!("{what}\n--- stdout\n{}\n--- stderr\n{}", self.seen.join("\n"), self.errors())
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.sandbox.path("stderr")).unwrap()
    }

    /// The CPU time used so far, in ticks.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Sends SIGINT, and requires that the watch ends at once.
    #[track_caller]
    fn interrupt(mut self) {
        let started = Instant::now();
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{:?}", status.signal());
        assert!(started.elapsed() < Duration::from_secs(5));
        self.sandbox.nothing_is_left_running();
    }
}

#[test]
fn an_edit_starts_a_run_and_a_broken_file_is_reported() {
    let project = Sandbox::new().pipeline(ONE);
    let mut watch = Watch::start(&project, &[]);
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    watch.stays_still();
    project.rewrite("p.toml", ONE.replace("12", "14"));
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    // Replace the file with a rename, as editors do.
    project.rewrite("p.toml~", ONE);
    fs::rename(project.path("p.toml~"), project.path("p.toml")).unwrap();
    assert_eq!(watch.until_it_waits(), Vec::<String>::new(), "that result is in the store");
    project.rewrite("p.toml", ONE.replace("patches", "patchs"));
    assert_eq!(watch.until_it_waits(), Vec::<String>::new());
    assert!(watch.errors().contains("did you mean `patches`"), "{}", watch.errors());
    fs::remove_file(project.path("p.toml")).unwrap();
    watch.until_it_waits();
    assert!(watch.errors().contains("cannot read the pipeline"), "{}", watch.errors());
    project.rewrite("p.toml", ONE.replace("12", "15"));
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    watch.interrupt();
}

#[test]
fn parents_are_watched() {
    let project = Sandbox::new().pipeline("extends = 'below/base.toml'\n").file("below/base.toml", ONE);
    let mut watch = Watch::start(&project, &[]);
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    project.rewrite("below/base.toml", ONE.replace("12", "14"));
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    fs::rename(project.path("below"), project.path("away")).unwrap();
    watch.until_it_waits();
    fs::rename(project.path("away"), project.path("below")).unwrap();
    assert_eq!(watch.until_it_waits(), Vec::<String>::new());
    watch.interrupt();
}

#[test]
fn a_parent_may_appear_later() {
    let project = Sandbox::new().pipeline("extends = 'base.toml'\n");
    let mut watch = Watch::start(&project, &[]);
    watch.until_it_waits();
    assert!(watch.errors().contains("cannot read base.toml"), "{}", watch.errors());
    project.rewrite("base.toml", ONE);
    assert_eq!(watch.until_it_waits(), ["synthesize.s"]);
    watch.interrupt();
}

#[test]
fn sources_may_appear_later_disappear_and_return() {
    let made = Sandbox::new().pipeline(ONE);
    made.run(&[]).exit(0);
    let [x, y] = ["images.h5", "labels.h5"]
        .map(|name| fs::read(made.path(&format!("out/p/synthesize.s/{name}"))).unwrap());
    let project = Sandbox::new().pipeline(PIPELINE);
    let mut watch = Watch::start(&project, &["preview.p"]);
    watch.until_it_waits();
    assert!(watch.errors().contains("there is no file"), "{}", watch.errors());
    project.rewrite("data/y.h5", &y);
    watch.until_it_waits();
    project.rewrite("data/x.h5", &x);
    assert_eq!(watch.until_it_waits(), ["preview.p"]);
    fs::remove_file(project.path("data/x.h5")).unwrap();
    watch.until_it_waits();
    project.rewrite("data/x.h5", &x);
    assert_eq!(watch.until_it_waits(), Vec::<String>::new());
    // Other files in the data folder are not watched.
    project.rewrite("data/notes.txt", "mine");
    watch.stays_still();
    watch.interrupt();
}

#[test]
fn waiting_needs_little_cpu_and_a_touch_runs_nothing() {
    let project = Sandbox::new().pipeline(ONE);
    let mut watch = Watch::start(&project, &[]);
    watch.until_it_waits();
    let before = watch.ticks();
    std::thread::sleep(Duration::from_secs(3));
    let spent = watch.ticks() - before;
    // A busy loop would use 300.
    assert!(spent <= 60, "{spent} hundredths of a second in three seconds of waiting");
    project.rewrite("p.toml", ONE);
    assert_eq!(watch.until_it_waits(), Vec::<String>::new());
    watch.interrupt();
}

/// Takes long enough to be stopped.
const LONG: &str = "[synthesize.a]\npatches = 12\nslides = 2\n[synthesize.b]\npatches = 4000\nslides = 4\n";

#[test]
fn an_edit_during_a_run_cancels_it_on_request() {
    let project = Sandbox::new().pipeline(LONG);
    let mut watch = Watch::start(&project, &["--on-edit", "cancel", "--jobs", "1"]);
    watch.until("\"stage\":\"synthesize.b\",\"progress\"");
    project.rewrite("p.toml", LONG.replace("4000", "12"));
    watch.until("this run is stopped");
    watch.until("\"interrupted\":true");
    watch.until("running again");
    assert_eq!(watch.until_it_waits(), ["synthesize.b"], "finished stages are kept");
    watch.interrupt();
}

#[test]
fn an_edit_during_a_run_waits_for_its_end_and_ctrl_c_does_not() {
    let short = LONG.replace("4000", "200");
    let project = Sandbox::new().pipeline(&short);
    let mut watch = Watch::start(&project, &["--jobs", "1"]);
    watch.until("\"event\":\"started\"");
    project.rewrite("p.toml", LONG.replace("4000", "14"));
    let first = watch.until_it_waits();
    assert_eq!(first.len(), 2, "{first:?}");
    assert_eq!(watch.until_it_waits(), ["synthesize.b"]);
    project.rewrite("p.toml", LONG);
    watch.until("\"event\":\"started\"");
    watch.interrupt();
}

/// The stages wait for a file from the test, which controls when they read their input.
const SIGNS: &str = "\
[command.slow]
shell = 'touch \"$SIGNS/began\"; while [ ! -e \"$SIGNS/go\" ]; do sleep 0.01; done; cat {in.txt} > {artifacts.o}'
inputs = { 'in.txt' = 'in.txt' }
pass-environment = ['SIGNS']
artifacts = { o = 'o.txt' }
[command.after]
program = ['cp', '{o.txt}', '{artifacts.p}']
inputs = { 'o.txt' = 'command.slow/o' }
artifacts = { p = 'p.txt' }
[command.other]
shell = 'echo other > {artifacts.o}'
artifacts = { o = 'o.txt' }
";

#[test]
fn a_stage_whose_source_changes_while_it_runs_is_run_again() {
    let project = Sandbox::new().pipeline(SIGNS).file("data/in.txt", "one").file("signs/x", "");
    let signs = project.path("signs").display().to_string();
    let project = project.env("SIGNS", &signs);
    let mut watch = Watch::start(&project, &["--jobs", "1"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.path("signs/began").exists() {
        assert!(Instant::now() < deadline, "the stage never started");
        std::thread::sleep(Duration::from_millis(5));
    }
    project.rewrite("data/in.txt", "two, while it is read");
    project.rewrite("signs/go", "");
    watch.until("in.txt changed while this was computed from it: it is computed again with the new one");
    watch.until("\"interrupted\":true");
    assert_eq!(watch.until_it_waits(), Vec::<String>::new(), "the outdated run ends");
    watch.until("running again");
    assert_eq!(watch.until_it_waits(), ["command.slow", "command.after"], "finished stages are kept");
    let said = watch.seen.join("\n") + &watch.errors();
    for word in ["\"event\":\"failed\"", "\"event\":\"blocked\"", "error"] {
        assert!(!said.contains(word), "{word} in\n{said}");
    }
    let shown = fs::read_to_string(project.path("out/p/command.after/p.txt")).unwrap();
    assert_eq!(shown, "two, while it is read");
    watch.interrupt();
    let runs = project.pcamflow(&["runs"]).exit(0).never_says("failed");
    assert!(runs.stdout.contains("interrupted"), "{}", runs.stdout);
}

#[test]
fn a_summary_that_cannot_be_written_is_an_error_at_start() {
    let project = Sandbox::new().pipeline(ONE);
    let output = project.pcamflow(&["watch", "p.toml", "--summary", "absent/page.md"]).exit(3);
    output.complains("the summary cannot be written").never_says("watching");
}

#[test]
fn messages_for_people() {
    let project = Sandbox::new().pipeline(ONE);
    let mut child = project.command(PCAMFLOW).args(["watch", "p.toml"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut until = |text: &str| {
        let found = lines.by_ref().map_while(Result::ok).any(|line| line.contains(text));
        assert!(found, "{text:?} was not printed");
    };
    until("watching 1 file; Ctrl-C ends");
    project.rewrite("p.toml", ONE.replace("12", "14"));
    until("p.toml changed: running again");
    until("watching");
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
