//! Hostile content in a shared store or a cloned project: packed folders, records and markers with paths
//! outside their folder, and links in `out/`. No file outside is written or removed.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use pcamflow::digest::Digest;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tar::{Builder, EntryType, Header};

use crate::sandbox::{Sandbox, files};

const FOLDERS: &str = "\
[command.make]
shell = 'mkdir plots; echo 1 > plots/x; ln -s x plots/link'
artifacts = { plots = 'plots/' }
";

const FILES: &str = "\
[command.one]
shell = 'echo one > made'
artifacts = { made = 'made' }
";

fn made(text: &str, stage: &str) -> Sandbox {
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran([stage]);
    project
}

/// Changes the text of the only record and gives it a valid seal.
fn forge(project: &Sandbox, change: impl FnOnce(&str) -> String) {
    let records = files(&project.path(".pcamflow/actions"));
    let sealed = fs::read_to_string(&records[0]).unwrap();
    let text = change(sealed.split_once('\n').unwrap().1);
    let seal = format!("{{\"blake3\":\"{}\"}}\n", Digest::of(text.as_bytes()));
    fs::write(&records[0], seal + &text).unwrap();
}

/// An archive that pcamflow would never write, with the name, type and link target of each entry.
fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, target) in entries {
        let content = if *kind == EntryType::Regular { &b"evil"[..] } else { b"" };
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Puts an object into the store and makes it the folder artifact of the only record.
fn plant(project: &Sandbox, bytes: &[u8]) {
    let digest = Digest::of(bytes).hex();
    project.rewrite(&format!(".pcamflow/objects/{}/{digest}", &digest[..2]), bytes);
    forge(project, |text| {
        let mut record: serde_json::Value = serde_json::from_str(text).unwrap();
        let plots = &mut record["artifacts"]["plots"];
        (plots["digest"], plots["size"], plots["stat"]) =
            (digest.clone().into(), bytes.len().into(), serde_json::Value::Null);
        serde_json::to_string_pretty(&record).unwrap() + "\n"
    });
}

#[test]
fn a_hostile_packed_folder_writes_nothing_outside_and_verify_finds_it() {
    use EntryType::{Char, Directory, Link, Regular, Symlink};
    for (what, entries) in [
        ("a link out, and a file behind it", vec![("esc", Symlink, "ELSEWHERE"), ("esc/evil", Regular, "")]),
        ("a link out", vec![("esc", Symlink, "ELSEWHERE")]),
        (
            "a link out, as it is resolved",
            vec![
                ("d", Directory, ""),
                ("d/p", Symlink, "."),
                ("d/h", Symlink, "p/p/p/../../../../etc/hostname"),
            ],
        ),
        ("a name that goes up", vec![("../evil", Regular, "")]),
        ("two of one name", vec![("x", Symlink, "y"), ("x", Regular, "")]),
        ("a hard link", vec![("hard", Link, "/etc/hostname")]),
        ("a device", vec![("device", Char, "")]),
    ] {
        let project = made(FOLDERS, "command.make");
        let elsewhere = project.path("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let place = elsewhere.to_str().unwrap();
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, kind, target)| (name, kind, if target == "ELSEWHERE" { place } else { target }))
            .collect();
        plant(&project, &archive(&entries));
        let untouched = || {
            assert!(fs::read_dir(&elsewhere).unwrap().next().is_none(), "{what}");
            let all = files(&project.path("."));
            assert!(
                !all.iter().any(|path| path.ends_with("evil") || path.ends_with("esc")),
                "{what}: {all:?}"
            );
        };
        // The result is a hit, but it cannot be shown, exported or read.
        let warnings = project.run(&[]).cached_all().warnings();
        assert!(warnings.contains("it is not a folder packed by pcamflow"), "{what}: {warnings}");
        untouched();
        let export = project.pcamflow(&["export", "p.toml", "command.make", "mine", "--force"]);
        assert_ne!(export.status.code(), Some(0), "{what}");
        untouched();
        project.pcamflow(&["show", "p.toml", "command.make/plots"]);
        untouched();
        let verified = project.pcamflow(&["cache", "verify"]).exit(1);
        let told = verified.stdout + &verified.stderr;
        assert!(told.contains("it is not a folder packed by pcamflow"), "{what}: {told}");
        project.run(&[]).ran(["command.make"]);
        project.pcamflow(&["cache", "verify"]).exit(0);
        untouched();
    }
}

#[test]
fn a_folder_with_links_that_resolve_outside_is_not_published() {
    let text = FOLDERS.replace("ln -s x plots/link", "ln -s . plots/p; ln -s p/p/../../etc/hostname plots/h");
    let failure = Sandbox::new().pipeline(&text).run(&[]).exit(1).failure();
    assert!(failure.contains("plots/h: it is a link that leads out of its folder"), "{failure}");
}

#[test]
fn a_record_with_a_path_outside_counts_as_damaged() {
    for name in ["../../../evil", "/tmp/pcamflow-evil-export", "made/../../../evil"] {
        let project = made(FILES, "command.one");
        let all = || files(&project.path("..").canonicalize().unwrap());
        let before = all();
        let file = format!("\"file\": \"{name}\"");
        forge(&project, |text| text.replace("\"file\": \"made\"", &file));
        let export = project.pcamflow(&["export", "p.toml", "command.one", "deep/mine", "--force"]);
        assert_ne!(export.status.code(), Some(0), "{name}");
        let damaged: Vec<PathBuf> = files(&project.path(".pcamflow/quarantine").canonicalize().unwrap());
        assert_eq!(damaged.len(), 1, "{name}: the record must be in quarantine");
        let after = all();
        let new: Vec<_> = after.iter().filter(|path| !before.contains(path)).collect();
        assert_eq!(new, damaged.iter().collect::<Vec<_>>(), "{name}");
        assert!(!Path::new("/tmp/pcamflow-evil-export").exists());
        project.run(&[]).ran(["command.one"]);
        project.run(&[]).cached_all();

        forge(&project, |text| text.replace("\"file\": \"made\"", &file));
        let verified = project.pcamflow(&["cache", "verify"]).exit(1);
        assert!((verified.stdout + &verified.stderr).contains("names a file outside its folder"), "{name}");
    }
}

/// A marker as in a cloned project: it says that a removed stage showed these files.
fn marker(names: &[(&str, &[u8])]) -> String {
    let entry = |(name, content): &(&str, &[u8])| {
        let stat = serde_json::json!({ "size": 1, "mtime_ns": 0, "inode": 1, "ctime_ns": 0 });
        let digest = Digest::of(content).hex();
        ((*name).to_owned(), serde_json::json!({ "digest": digest, "stat": stat, "exposed": "copy" }))
    };
    let files: serde_json::Map<_, _> = names.iter().map(entry).collect();
    serde_json::json!({ "note": "", "id": "0123456789abcdef", "files": files }).to_string()
}

#[test]
fn a_marker_removes_nothing_outside_its_own_folder() {
    let project =
        made(FILES, "command.one").file("victim.txt", "mine").file("out/p/command.gone/own", "mine");
    project.rewrite("docs/thesis.tex", "mine");
    symlink(project.path("docs"), project.path("out/p/command.gone/docs")).unwrap();
    let absolute = project.path("victim.txt").display().to_string();
    for name in ["../../../victim.txt", &absolute, "docs/thesis.tex", "own/../../../../victim.txt"] {
        project
            .rewrite("out/p/command.gone/.pcamflow-shown.json", marker(&[(name, b"mine"), ("own", b"mine")]));
        project.run(&[]).cached_all();
        for kept in ["victim.txt", "docs/thesis.tex", "out/p/command.gone/own"] {
            assert_eq!(fs::read(project.path(kept)).unwrap(), b"mine", "{name}: {kept}");
        }
    }
    // If all names are inside the folder, the shown files are removed.
    project.rewrite("out/p/command.gone/.pcamflow-shown.json", marker(&[("own", b"mine")]));
    project.run(&[]).cached_all();
    assert!(!project.path("out/p/command.gone/own").exists());
}

#[test]
fn links_in_out_cause_no_writes_or_removals_outside() {
    let project = made(FILES, "command.one");
    let other = project.path("other/out/p/command.gone");
    for file in ["made", ".pcamflow-shown.json"] {
        let text = fs::read(project.path("out/p/command.one").join(file)).unwrap();
        project.rewrite(&format!("other/out/p/command.gone/{file}"), text);
    }
    let there = files(&project.path("other"));
    symlink(&other, project.path("out/p/command.gone")).unwrap();
    // The state after a crash between two renames, next to a folder that is a link.
    project.rewrite("out/p/.command.gone.pcamflow-0123456789abcdef.replaced/evil", "evil");
    project.run(&[]).cached_all();
    assert_eq!(files(&project.path("other")), there);

    // A replaced folder that is a link: files behind the link must not move into the shown folder.
    let id = "fedcba9876543210.replaced";
    symlink(&other, project.path(&format!("out/p/.command.one.pcamflow-{id}"))).unwrap();
    fs::remove_file(project.path("out/p/command.one/made")).unwrap();
    let _ = fs::remove_dir_all(project.path(".pcamflow/recall"));
    project.run(&[]).cached_all();
    assert_eq!(files(&project.path("other")), there);
    assert!(project.path("out/p/command.one/made").exists());

    // `out/p` may be a link to another disk. No removed stages are looked for there.
    fs::remove_file(project.path("out/p/command.gone")).unwrap();
    fs::rename(project.path("out/p"), project.path("out/mine")).unwrap();
    symlink(project.path("other/out/p"), project.path("out/p")).unwrap();
    project.run(&[]).cached_all();
    assert!(there.iter().all(|path| path.exists()), "{there:?}");
    assert!(project.path("other/out/p/command.one/made").exists());
}

#[test]
fn a_run_shows_its_results_whatever_replaces_the_marker() {
    let harms: [fn(&Path); 4] = [
        |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("nowhere", path).unwrap(),
        |path| symlink(path, path).unwrap(),
    ];
    for (turn, harm) in harms.iter().enumerate() {
        let project = made(FILES, "command.one");
        let marker = project.path("out/p/command.one/.pcamflow-shown.json");
        fs::remove_file(&marker).unwrap();
        harm(&marker);
        let _ = fs::remove_dir_all(project.path(".pcamflow/recall"));
        for _ in 0..2 {
            let run = project.shell("timeout 60 $PCAMFLOW run p.toml --json").cached_all();
            assert!(!run.warnings().contains("marker"), "{turn}: {}", run.warnings());
        }
        assert!(marker.symlink_metadata().unwrap().is_file(), "{turn}");
        assert_eq!(fs::read(project.path("out/p/command.one/made")).unwrap(), b"one\n");
        project.rewrite("p.toml", FILES.replace("command.one", "command.two"));
        project.run(&[]).exit(0);
        assert!(!project.path("out/p/command.one/made").exists(), "{turn}: old results remain");
    }
}

#[test]
fn a_copied_project_keeps_its_shown_folders_and_moves_only_changed_ones() {
    let project = made(FOLDERS, "command.make");
    let copied = |name: &str| {
        project.shell(&format!("mkdir {name} && cp -a p.toml .pcamflow out {name}/")).exit(0);
        let run = format!("cd {name} && $PCAMFLOW run p.toml --json");
        let warnings = [(); 2].map(|()| project.shell(&run).cached_all().warnings());
        (warnings, project.names(&format!("{name}/out/p/command.make")))
    };
    assert_eq!(copied("copy"), ([String::new(), String::new()], vec!["plots".to_owned()]));
    let shown = project.path("out/p/command.make/plots");
    fs::write(shown.join("notes"), "mine").unwrap();
    let (warnings, names) = copied("edited");
    assert!(warnings[0].contains("plots.kept") && warnings[1].is_empty(), "{warnings:?}");
    assert_eq!(names, ["plots", "plots.kept"]);
}
