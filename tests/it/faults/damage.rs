//! Every file of a store, harmed in every way, one at a time: the next run ends well, with the same results,
//! and the store is sound afterwards.
//!
//! `PCAMFLOW_KILLS=200` (or any number) for every file in every way; else each way takes its turn.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::sandbox::{Sandbox, files};

use super::{flip_a_bit, halve, overwrite, quick};

/// A harm to a file, by name.
type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 5] = [
    ("gone", |path| fs::remove_file(path).unwrap()),
    ("halved", halve),
    ("emptied", |path| overwrite(path, b"")),
    ("flipped", flip_if_any),
    ("garbage", |path| overwrite(path, &[0xff, 0, b'\n', b'{', 0xfe].repeat(999))),
];

fn flip_if_any(path: &Path) {
    if path.metadata().unwrap().len() > 0 {
        flip_a_bit(path);
    }
}

/// The files of the store but `format`, which is another test's; `objects` stand for all others of their sort.
fn targets(project: &Sandbox) -> Vec<PathBuf> {
    let store = project.path(".pcamflow");
    let all = files(&store).into_iter();
    all.filter(|path| *path != store.join("format")).collect()
}

/// A finished run with everything in its store that a store may have: a log of a failure, locks and leases of
/// dead ones.
fn full_store() -> Sandbox {
    let project = quick();
    let leftovers = [("locks", "0".repeat(64)), ("leases", "dead".into()), ("staging", "dead.lock".into())];
    for (folder, name) in leftovers {
        project.rewrite(&format!(".pcamflow/{folder}/{name}"), "left by the dead");
    }
    project.rewrite("data/x.h5", "no HDF5");
    project.rewrite("data/y.h5", "no HDF5");
    let text = fs::read_to_string(project.path("p.toml")).unwrap();
    // A source that is remembered, and a stage that failed.
    let failing =
        "[split.x]\nimages = 'x.h5'\nlabels = 'y.h5'\nsizes = { train = 1, validation = 1, test = 1 }\n";
    project.rewrite("failing.toml", format!("{text}{failing}"));
    project.pcamflow(&["run", "failing.toml", "--quiet", "--out", "aside"]).exit(1);
    project
}

#[test]
fn a_run_ends_well_whatever_file_of_the_store_was_harmed() {
    let project = full_store();
    let shown = project.digests();
    let all = std::env::var_os("PCAMFLOW_KILLS").is_some();
    for (turn, target) in targets(&project).into_iter().enumerate() {
        let harms = HARMS.iter().enumerate().filter(|(index, _)| all || turn % HARMS.len() == *index);
        for (_, (how, harm)) in harms {
            if target.exists() && target.is_file() {
                harm(&target);
            }
            let what = format!("{how}: {}", target.display());
            let output = project.run(&[]);
            assert_eq!(output.status.code(), Some(0), "{what}\n{}{}", output.stdout, output.stderr);
            assert_eq!(project.digests(), shown, "{what}");
            project.run(&[]).cached_all();
            // What no stage reads (a log, a result of before) is found by verifying, and put away.
            project.pcamflow(&["cache", "verify"]);
            let clean = project.pcamflow(&["cache", "verify"]);
            assert_eq!(clean.status.code(), Some(0), "{what}\n{}{}", clean.stdout, clean.stderr);
            project.run(&[]).cached_all();
        }
    }
    project.pcamflow(&["cache", "gc"]).exit(0);
    project.run(&[]).cached_all();
}

#[test]
fn a_damaged_format_is_refused_and_nothing_is_touched() {
    let project = quick();
    let format = project.path(".pcamflow/format");
    let sound = fs::read(&format).unwrap();
    for (how, harm) in HARMS {
        harm(&format);
        let before = files(&project.path(".pcamflow"));
        let commands: [&[&str]; 5] = [
            &["run", "p.toml"],
            &["plan", "p.toml"],
            &["cache", "verify"],
            &["cache", "gc"],
            &["cache", "clear", "p.toml", "*"],
        ];
        for command in commands {
            let output = project.pcamflow(command).exit(3);
            assert!(output.stderr.contains(".pcamflow"), "{how}, {command:?}: {}", output.stderr);
        }
        assert_eq!(files(&project.path(".pcamflow")), before, "{how}");
        fs::write(&format, &sound).unwrap();
        project.run(&[]).cached_all();
    }
}

#[test]
fn a_remembered_digest_of_a_source_is_not_trusted_when_it_is_flipped() {
    let project = Sandbox::new().file("data/x.h5", "one").file("data/y.h5", "two").pipeline(
        "[split.x]\nimages = 'x.h5'\nlabels = 'y.h5'\nsizes = { train = 1, validation = 1, test = 1 }\n",
    );
    std::thread::sleep(std::time::Duration::from_millis(120));
    let plan = || project.pcamflow(&["plan", "-v", "p.toml", "split.x"]).exit(0).stdout;
    let expected = plan();
    let index = project.path(".pcamflow/sources");
    for byte in (0..fs::read(&index).unwrap().len()).step_by(17) {
        let mut bytes = fs::read(&index).unwrap();
        let sound = bytes.clone();
        bytes[byte] ^= 1;
        fs::write(&index, bytes).unwrap();
        assert_eq!(plan(), expected, "bit flipped in byte {byte}");
        fs::write(&index, sound).unwrap();
    }
}
