//! Thousands of stages: `check`, `plan`, and cached runs with little memory.
//! `PCAMFLOW_STAGES=5000` sets the number of results in the store; `check` and `plan` always use 5,000
//! stages.

use std::{fmt::Write, fs, process::Stdio, time::Duration};

use pcamflow::engine::exec::fake::{Fake, echo};

use crate::sandbox::{PCAMFLOW, Sandbox};

use super::faked;

/// Chains of a synthesis, a split and previews, `count` stages in all.
fn pipeline(count: usize) -> String {
    let mut text = "[pipeline]\nname = 'large'\n".to_owned();
    for chain in 0..count.div_ceil(10) {
        write!(
            text,
            "[synthesize.s{chain}]\nseed = {chain}\n[split.d{chain}]\nimages = 'synthesize.s{chain}/images'\n\
             labels = 'synthesize.s{chain}/labels'\nsizes = {{ train = 9, validation = 9, test = 9 }}\n"
        )
        .unwrap();
        for preview in 0..8 {
            write!(
                text,
                "[preview.p{chain}-{preview}]\nimages = 'split.d{chain}/train'\nrows = 1\ncolumns = 1\nseed = {preview}\n"
            )
            .unwrap();
        }
    }
    text
}

/// Runs a command, and returns its exit code and its peak memory in bytes. Reads the peak from `/proc`,
/// because the one from `wait4` includes the memory of the test process before `exec`.
fn peak(project: &Sandbox, arguments: &[&str]) -> (i32, u64) {
    let mut command = project.command(PCAMFLOW);
    let mut child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(kibibytes.unwrap_or_default() * 1024);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(most > 0, "the kernel does not report peak memory");
            return (ended.code().unwrap_or(-1), most);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn stages() -> usize {
    std::env::var("PCAMFLOW_STAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}

#[test]
fn five_thousand_stages_are_checked_planned_and_drawn() {
    let project = Sandbox::new().pipeline(&pipeline(5000));
    let checked = project.pcamflow(&["check", "p.toml"]).exit(0);
    assert!(checked.stdout.contains("large: 5,000 stages"), "{}", &checked.stdout[..80]);
    let planned = project.pcamflow(&["plan", "p.toml"]).exit(0);
    // Only one of several equal stages is certain to run: the others may get the same inputs and be cached.
    assert!(planned.stdout.contains("509 to run, 4,491 maybe"), "{}", planned.stdout.lines().last().unwrap());
    project.pcamflow(&["graph", "p.toml", "--format", "dot"]).exit(0);
    assert!(planned.duration + checked.duration < Duration::from_secs(10));
    let wrong = project.pcamflow(&["plan", "p.toml", "--set", "preview.p499-7.images='split.d500/train'"]);
    wrong.exit(2).complains("did you mean");
}

#[test]
fn a_cached_run_of_thousands_of_stages_needs_little_memory() {
    let count = stages();
    let project = Sandbox::in_memory().pipeline(&pipeline(count));
    faked(&project, Fake::new(|task, _| echo(task)));
    let (code, memory) = peak(&project, &["run", "p.toml", "--json"]);
    assert_eq!(code, 0);
    eprintln!("{count} cached stages: {:.1} MB at most", memory as f64 / 1e6);
    assert!(memory < 50_000_000, "{memory} bytes for {count} stages");
    project.run(&[]).cached_all();
    let again = project.run(&["--set", "synthesize.s7.seed=-1"]);
    assert_ne!(again.status.code(), Some(0), "the images of the fake are not HDF5 files");
    let verified = project.pcamflow(&["cache", "verify"]).exit(0);
    assert!(verified.stdout.contains("all sound"));
    project.pcamflow(&["cache", "gc"]).exit(0);
    assert_eq!(fs::read_dir(project.path("out/large")).unwrap().count(), count);
    project.run(&[]).cached_all();
}
