//! Pinned source files, and `pcamflow pin`, which writes their digests.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use pcamflow::digest::Digest;

use super::language::*;
use crate::{
    hdf5_files::labels,
    sandbox::{Output, Sandbox},
};

const SPLIT: &str = "\
# The data.
[pipeline]
name = 'pinned'
[split.d]
images   = 'x.h5'   # the images\r
labels.path = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
";

fn pin(project: &Sandbox, arguments: &[&str]) -> Output {
    project.pcamflow(&[&["pin", "p.toml"], arguments].concat())
}

fn digest(project: &Sandbox, file: &str) -> String {
    Digest::of(&fs::read(project.path(file)).unwrap()).hex()
}

fn text(project: &Sandbox, file: &str) -> String {
    fs::read_to_string(project.path(file)).unwrap()
}

#[test]
fn pin_writes_digests_and_changes_nothing_else() {
    let project = data(Sandbox::new().pipeline(SPLIT));
    let [x, y] = ["data/x.h5", "data/y.h5"].map(|file| digest(&project, file));
    pin(&project, &["--check"])
        .exit(1)
        .complains(&format!("p.toml:5: x.h5 is not pinned: its BLAKE3 is {x}"));
    assert_eq!(text(&project, "p.toml"), SPLIT);
    let output = pin(&project, &[]).exit(0);
    assert!(
        output.stdout.contains("p.toml:5: pinned x.h5") && output.stdout.ends_with("pinned 2 of 2 sources\n")
    );
    let expected = SPLIT
        .replace("'x.h5' ", &format!("{{ path = 'x.h5', blake3 = \"{x}\" }} "))
        .replace("labels.path = 'y.h5'", &format!("labels.path = 'y.h5'\nlabels.blake3 = \"{y}\""));
    assert_eq!(text(&project, "p.toml"), expected);
    for arguments in [&[][..], &["--check"], &["--update"]] {
        assert_eq!(pin(&project, arguments).exit(0).stdout, "nothing to pin: 2 sources, pinned already\n");
    }
    assert_eq!(text(&project, "p.toml"), expected);
}

#[test]
fn a_wrong_pin_is_reported_and_replaced_on_request() {
    let project = data(Sandbox::new().pipeline(SPLIT));
    pin(&project, &[]).exit(0);
    let pinned = text(&project, "p.toml");
    labels(&project.path("data/y.h5"), &[1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1]);
    for arguments in [&[][..], &["--check"]] {
        let output = pin(&project, arguments).exit(1).complains("y.h5 is not the file that is pinned here");
        output.complains("--update replaces the pin");
    }
    assert_eq!(text(&project, "p.toml"), pinned);
    let other = format!("`pcamflow pin p.toml --update --data {}`", project.path("data").display());
    let data = project.path("data");
    let run = ["plan", "p.toml", "--data", data.to_str().unwrap()];
    project.pcamflow(&run).exit(2).complains(&other);
    let old = pinned.split("y.h5").nth(1).unwrap().split('"').find(|text| text.len() == 64).unwrap();
    let new = digest(&project, "data/y.h5");
    let told = pin(&project, &["--update"]).exit(0).stdout;
    assert!(told.contains(&format!("pinned y.h5 ({} -> {})\n", &old[..10], &new[..10])), "{told}");
    assert!(text(&project, "p.toml").contains(&new));
    pin(&project, &["--check"]).exit(0);
}

#[test]
fn pin_reaches_through_links_and_extended_files_and_keeps_modes() {
    let child = "extends = 'base.toml'\n[params]\nx = 'x.h5'\n[split.d]\nimages = '${params.x}'\n";
    let project = data(Sandbox::new().file("real.toml", child).file("base.toml", SPLIT));
    symlink("real.toml", project.path("p.toml")).unwrap();
    fs::set_permissions(project.path("base.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    let output = pin(&project, &[]).exit(0);
    assert!(output.stdout.contains("base.toml:6: pinned y.h5"), "{}", output.stdout);
    let x = digest(&project, "data/x.h5");
    assert!(text(&project, "real.toml").contains(&format!("x = {{ path = 'x.h5', blake3 = \"{x}\" }}")));
    assert!(project.path("p.toml").symlink_metadata().unwrap().is_symlink());
    let mode = project.path("base.toml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // The child still overrides the images.
    assert!(text(&project, "base.toml").contains("images   = 'x.h5' "));
    project.run(&[]).ran(["split.d", "preview.p"]);
}

#[test]
fn pinned_sources_are_not_needed_to_find_cached_results() {
    let project = data(Sandbox::new().pipeline(SPLIT));
    project.run(&[]).exit(0);
    pin(&project, &[]).exit(0);
    // Pinning changes no key.
    project.run(&[]).cached_all();
    fs::remove_dir_all(project.path("data")).unwrap();
    project.run(&[]).cached_all();
    for arguments in [
        &["plan", "p.toml"][..],
        &["plan", "p.toml", "-v"],
        &["run", "p.toml", "--dry-run"],
        &["graph", "p.toml", "--status", "--format", "json"],
        &["show", "p.toml", "split.d"],
        &["path", "p.toml", "split.d/train"],
    ] {
        let output = project.pcamflow(arguments).exit(0).never_says("blocked").never_says("no file");
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", output.stderr);
    }
    let output = pin(&project, &[]).exit(0).complains("x.h5 is not here: its pin stays");
    assert!(output.stdout.starts_with("nothing to pin: 2 sources"), "{}", output.stdout);
    pin(&project, &["--check"]).exit(0);
    // Without a pin, the missing file is an error.
    project.rewrite("p.toml", SPLIT);
    pin(&project, &[]).exit(1).complains("p.toml:5: there is no file");
}
