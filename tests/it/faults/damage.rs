//! Damages each file of a store in turn: the next run succeeds with the same results, and the store is sound
//! afterwards.
//!
//! One file of every folder is damaged in every way, each other file in one way, or in every way if
//! `PCAMFLOW_KILLS` is set.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::sandbox::{Output, Sandbox, files};

use super::{flip_a_bit, halve, overwrite, quick};

/// A kind of damage to a file: its name and the function that causes it.
type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 11] = [
    ("gone", |path| fs::remove_file(path).unwrap()),
    ("halved", halve),
    ("emptied", |path| overwrite(path, b"")),
    ("flipped", flip_if_any),
    ("garbage", |path| overwrite(path, &[0xff, 0, b'\n', b'{', 0xfe].repeat(999))),
    ("a folder", |path| replace(path, |path| fs::create_dir(path).unwrap())),
    ("a folder with a file", |path| {
        replace(path, |path| {
            fs::create_dir(path).unwrap();
            fs::write(path.join("in it"), "x").unwrap();
        });
    }),
    ("a link to nothing", |path| replace(path, |path| symlink("nowhere", path).unwrap())),
    ("a link in a circle", |path| replace(path, |path| symlink(path, path).unwrap())),
    ("a pipe", |path| replace(path, |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap())),
    // This has no effect for root.
    ("unreadable", |path| fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap()),
];

/// Replaces a file by something else.
fn replace(path: &Path, with: impl FnOnce(&Path)) {
    fs::remove_file(path).unwrap();
    with(path);
}

/// Restores a file, whatever has replaced it.
fn restore(path: &Path, bytes: &[u8]) {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path).unwrap();
    } else if path.is_symlink() || path.exists() {
        fs::remove_file(path).unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip_if_any(path: &Path) {
    if path.metadata().unwrap().len() > 0 {
        flip_a_bit(path);
    }
}

/// The files of the store, except for `format`, which has its own test.
fn targets(project: &Sandbox) -> Vec<PathBuf> {
    let store = project.path(".pcamflow");
    let all = files(&store).into_iter();
    all.filter(|path| *path != store.join("format")).collect()
}

/// A project with every kind of file in its store, including the log of a failed stage and the locks and
/// leases of dead processes.
fn full_store() -> Sandbox {
    let project = quick();
    let leftovers = [("locks", "0".repeat(64)), ("leases", "dead".into()), ("staging", "dead.lock".into())];
    for (folder, name) in leftovers {
        project.rewrite(&format!(".pcamflow/{folder}/{name}"), "left by the dead");
    }
    project.rewrite("data/x.txt", "a source");
    let text = fs::read_to_string(project.path("p.toml")).unwrap();
    // A stage that fails leaves a log, and its source is remembered.
    let failing = "[command.x]\nshell = 'exit 7'\ninputs = { x = 'x.txt' }\nartifacts = { made = 'made' }\n";
    project.rewrite("failing.toml", format!("{text}{failing}"));
    project.pcamflow(&["run", "failing.toml", "--quiet", "--out", "aside"]).exit(1);
    project
}

#[test]
fn a_run_succeeds_whichever_file_of_the_store_is_damaged() {
    let project = full_store();
    let shown = project.digests();
    let all = std::env::var_os("PCAMFLOW_KILLS").is_some();
    let store = project.path(".pcamflow");
    let mut kinds = BTreeSet::new();
    for (turn, target) in targets(&project).into_iter().enumerate() {
        let kind =
            target.strip_prefix(&store).unwrap().components().next().map(|kind| kind.as_os_str().to_owned());
        let first = kinds.insert(kind);
        let harms =
            HARMS.iter().enumerate().filter(|(index, _)| all || first || turn % HARMS.len() == *index);
        for (index, (how, harm)) in harms {
            let Ok(bytes) = fs::read(&target) else { continue };
            harm(&target);
            let what = format!("{how}: {}", target.display());
            // The run comes first, or `cache verify` or `cache gc` before it.
            match (turn + index) % 3 {
                0 => {}
                1 => drop(ended(&project, &["cache", "verify"], &[0, 1], &what)),
                _ => drop(ended(&project, &["cache", "gc"], &[0], &what)),
            }
            let output = project.run(&[]);
            assert_eq!(output.status.code(), Some(0), "{what}\n{}{}", output.stdout, output.stderr);
            assert_eq!(project.digests(), shown, "{what}");
            project.run(&[]).cached_all();
            // `verify` moves damaged files that no stage reads (logs, old results) to quarantine.
            ended(&project, &["cache", "verify"], &[0, 1], &what);
            ended(&project, &["cache", "verify"], &[0], &what);
            ended(&project, &["cache", "du"], &[0], &what);
            project.run(&[]).cached_all();
            restore(&target, &bytes);
        }
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
    project.run(&[]).exit(0);
    project.pcamflow(&["cache", "gc"]).exit(0);
    project.run(&[]).cached_all();
}

/// Runs a command that must end with one of these codes. A command that hangs is killed and fails the test.
#[track_caller]
fn ended(project: &Sandbox, command: &[&str], codes: &[i32], what: &str) -> Output {
    let output = project.shell(&format!("timeout 60 $PCAMFLOW {}", command.join(" "))).never_says("panicked");
    if !output.status.code().is_some_and(|code| codes.contains(&code)) {
        output.fail(what);
    }
    output
}

#[test]
fn a_damaged_run_record_is_reported_and_does_not_affect_others() {
    let project = quick();
    project.run(&["--force", "split.d"]).ran(["split.d"]);
    let runs: Vec<PathBuf> = files(&project.path(".pcamflow/runs"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    assert_eq!(runs.len(), 2);
    for target in &runs {
        for (how, harm) in HARMS {
            let bytes = fs::read(target).unwrap();
            harm(target);
            let what = format!("{how}: {}", target.display());
            for command in [&["runs"][..], &["compare", "p.toml"], &["cache", "du"], &["cache", "gc"]] {
                ended(&project, command, &[0], &what);
            }
            ended(&project, &["cache", "gc", "--keep-runs", "5"], &[0], &what);
            let verified = ended(&project, &["cache", "verify"], &[0, 1], &what);
            if ["halved", "emptied", "flipped", "garbage"].contains(&how) || how.starts_with("a ") {
                assert_eq!(verified.status.code(), Some(1), "{what}\n{}", verified.stdout);
                let name = target.file_name().unwrap().to_str().unwrap();
                assert!(
                    verified.stdout.contains(name) && verified.stdout.contains("of faults"),
                    "{}",
                    verified.stdout
                );
            }
            ended(&project, &["cache", "verify"], &[0], &what);
            project.run(&[]).cached_all();
            ended(&project, &["cache", "verify"], &[0], &what);
            restore(target, &bytes);
        }
    }
}

#[test]
fn a_damaged_format_file_is_refused_and_nothing_is_changed() {
    let project = quick();
    let format = project.path(".pcamflow/format");
    let sound = fs::read(&format).unwrap();
    for (how, harm) in HARMS.into_iter().filter(|(how, _)| *how != "unreadable") {
        harm(&format);
        let before = files(&project.path(".pcamflow"));
        let commands: [&[&str]; 5] = [
            &["run", "p.toml"],
            &["plan", "p.toml"],
            &["cache", "verify"],
            &["cache", "gc"],
            &["cache", "clear", "p.toml", "'*'"],
        ];
        for command in commands {
            let output = ended(&project, command, &[3], how);
            assert!(output.stderr.contains(".pcamflow"), "{how}, {command:?}: {}", output.stderr);
        }
        assert_eq!(files(&project.path(".pcamflow")), before, "{how}");
        restore(&format, &sound);
        project.run(&[]).cached_all();
    }
}

#[test]
fn a_damaged_index_of_source_digests_is_not_trusted() {
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
