//! Full disks: at every step, the message names the disk, no file is left incomplete, and the run continues
//! once there is space.
//!
//! Every step of a run needs some bytes or an inode, so a sweep over disk limits stops at every step. Set
//! `PCAMFLOW_KILLS` to test every page and every inode of a small disk.

use crate::{sandbox::Sandbox, wrong_inputs::mounted};

use super::QUICK;

/// Every kind of artifact in few bytes: a file, a folder, an empty file, and a log.
const SMALL: &str = "\
[pipeline]
name = 'faults'
[command.a]
shell = 'seq 1500 > {artifacts.o}; mkdir -p {artifacts.d}/x; seq 900 > {artifacts.d}/x/y; : > {artifacts.e}; seq 800'
artifacts = { o = 'o.txt', d = 'd/', e = 'empty' }
[command.b]
program = ['sort', '-n', '{o.txt}', '-o', '{artifacts.p}']
inputs = { 'o.txt' = 'command.a/o', d = 'command.a/d' }
artifacts = { p = 'p.txt' }
";

/// More pages and more inodes than [`SMALL`] needs.
const PLENTY: [usize; 2] = [32, 48];

#[test]
fn a_disk_full_at_any_page_or_inode_is_reported_and_the_next_run_continues() {
    let step = if std::env::var_os("PCAMFLOW_KILLS").is_some() { 1 } else { 5 };
    let pages = (1..PLENTY[0]).step_by(step).map(|pages| format!("size={}k", 4 * pages));
    let inodes = (2..PLENTY[1]).step_by(step).map(|count| format!("nr_inodes={count}"));
    let (pages, inodes): (Vec<String>, Vec<String>) = (pages.collect(), inodes.collect());
    for limits in [pages, inodes] {
        let Some(full) = swept(SMALL, &limits) else { return };
        assert!(full > limits.len() / 4, "{full} of {} were too small", limits.len());
        assert!(full < limits.len(), "no limit was large enough, so the last steps were not reached");
    }
}

/// Limits of a small disk: bytes and inodes.
fn limits() -> Vec<String> {
    let all = std::env::var_os("PCAMFLOW_KILLS").is_some();
    let sizes = [8, 24, 64, 256, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300];
    let sizes = sizes.iter().step_by(if all { 1 } else { 4 }).map(|size| format!("size={size}k"));
    let inodes = (2..48).step_by(if all { 1 } else { 7 }).map(|count| format!("nr_inodes={count}"));
    sizes.chain(inodes).collect()
}

/// Prints one digest of all shown files. Logs are left out, because they may contain earlier attempts.
const SHOWN: &str = "find out -type f ! -name \".pcamflow-shown*\" ! -name log.txt | sort | xargs -d \"\\n\" sha256sum | sha256sum";

#[test]
fn a_store_full_at_any_step_is_reported_and_the_next_run_continues() {
    let limits = limits();
    let Some(full) = swept(QUICK, &limits) else { return };
    assert!(full > limits.len() / 2, "{full} of {}", limits.len());
}

/// Runs a pipeline with its store on disks with these limits, and returns how many disks were full. `None` if
/// this machine does not allow a test to mount a disk.
fn swept(pipeline: &str, limits: &[String]) -> Option<usize> {
    let project =
        Sandbox::new().pipeline(pipeline).with(|root| std::fs::create_dir(root.join("st")).unwrap());
    let script = format!(
        "run=\"$PCAMFLOW run p.toml --json --store st\"; cache=\"$PCAMFLOW cache\"
         $PCAMFLOW run p.toml --quiet --store plain; expected=$({SHOWN}); rm -r out
         for limit in {}; do
           mount -t tmpfs -o $limit tmpfs st || exit 9
           $run >full.txt 2>&1; code=$?
           if [ $code != 0 ] && ! grep -q \"No space left\" full.txt; then cat full.txt; code=silent; fi
           if [ $code = 3 ] && ! grep -q \"$PWD/st\" full.txt; then cat full.txt; code=nameless; fi
           $cache gc --store st >gc.txt 2>&1; gc=$?
           # If even the gate cannot be created, gc must fail and say so.
           if [ $gc = 3 ] && grep -q \"gate: No space left\" gc.txt; then gc=0; fi
           codes=\"$code $gc\"
           $cache verify --store st >verify.txt 2>&1; codes=\"$codes $?\"
           mount -o remount,size=64m,nr_inodes=10000 st
           $run >free.txt 2>&1; codes=\"$codes $?\"
           $cache verify --store st >verify.txt 2>&1; codes=\"$codes $?\"
           $cache gc --store st >gc.txt 2>&1; codes=\"$codes $?\"
           left=$(find st/staging st/tmp st/locks st/leases st/work st/quarantine -type f 2>/dev/null | wc -l)
           [ \"$({SHOWN})\" = \"$expected\" ] && same=same || same=other
           echo $limit $codes $left $same
           umount st; rm -r out
         done",
        limits.join(" ")
    );
    let output = mounted(&project, &script)?;
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), limits.len(), "{}{}", output.stdout, output.stderr);
    let mut full = 0;
    for (line, limit) in lines.iter().zip(limits) {
        // A full disk is always a machine error (exit code 3).
        let right = [0, 3].map(|code| format!("{limit} {code} 0 0 0 0 0 0 same"));
        assert!(right.iter().any(|right| right == line), "{line}\nin\n{}", output.stdout);
        full += usize::from(*line != right[0]);
    }
    Some(full)
}

#[test]
fn results_that_cannot_be_shown_are_kept_and_shown_later() {
    let project = Sandbox::new().pipeline(QUICK).with(|root| std::fs::create_dir(root.join("out")).unwrap());
    let script = format!(
        "run=\"$PCAMFLOW run p.toml --json\"
         $PCAMFLOW run p.toml --quiet --store plain; expected=$({SHOWN}); rm -r out/*
         for limit in size=8k size=200k size=900k nr_inodes=3 nr_inodes=6 nr_inodes=9 nr_inodes=12; do
           mount -t tmpfs -o $limit tmpfs out || exit 9
           $run >full.txt 2>&1; codes=$?
           grep -q \"No space left\" full.txt && codes=\"$codes told\" || cat full.txt
           mount -o remount,size=64m,nr_inodes=10000 out
           $run >free.txt 2>&1; codes=\"$codes $?\"
           grep -q \\\"cached\\\":false free.txt && codes=\"$codes again\"
           [ \"$({SHOWN})\" = \"$expected\" ] && same=same || same=other
           echo $limit $codes $same $(find out -name \".?*\" ! -name \".pcamflow-shown*\" | wc -l)
           umount out; rm -rf .pcamflow
         done"
    );
    let Some(output) = mounted(&project, &script) else { return };
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 7, "{}{}", output.stdout, output.stderr);
    for line in lines {
        let (limit, rest) = line.split_once(' ').unwrap();
        // All stages are done but not all results could be shown, which gives a warning.
        assert_eq!(rest, "0 told 0 same 0", "{limit}\n{}", output.stdout);
    }
}

#[test]
fn gc_on_a_full_disk_frees_space() {
    let project = Sandbox::new().pipeline(QUICK).with(|root| std::fs::create_dir(root.join("st")).unwrap());
    let script = "mount -t tmpfs -o size=16m tmpfs st; run=\"$PCAMFLOW run p.toml --quiet --store st\"
        five=\"--set synthesize.s.seed=5\"
        $run $five && $run --set synthesize.s.seed=6 && $run && head -c 16M /dev/zero >st/filler
        $run $five --force synthesize.s >full.txt 2>&1; echo $?
        $PCAMFLOW cache gc --older-than 0s --store st; echo $?
        $run $five; echo $?; $PCAMFLOW cache verify --store st >verify.txt; echo $?; $run; echo $?";
    let Some(output) = mounted(&project, script) else { return };
    // `gc` removes the results of the first two runs, so there is space to compute one of them again.
    let codes: Vec<&str> = output.stdout.lines().filter(|line| line.len() == 1).collect();
    assert_eq!(codes, ["3", "0", "0", "0", "0"], "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("removed 4 results"), "{}", output.stdout);
}
