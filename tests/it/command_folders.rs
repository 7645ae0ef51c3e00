//! Folders as artifacts and as sources of `command` stages.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
};

use super::command::shown;
use crate::sandbox::Sandbox;

#[test]
fn folders_are_artifacts() {
    let text = "\
[command.make]
shell = '''mkdir -p a/plots/inner a/plots/empty; echo 1 > a/plots/inner/x.csv; echo \"#!/bin/sh\necho ran\" > a/plots/run; chmod +x a/plots/run; ln -s inner/x.csv a/plots/link'''
artifacts = { plots = 'a/plots/' }
[command.use]
shell = 'cat {plots}/link > made; {plots}/run >> made; ls {plots} >> made; touch {plots}/mine'
inputs = { plots = 'command.make/plots' }
artifacts = { made = 'made' }
";
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran(["command.make", "command.use"]);
    assert_eq!(shown(&project, "command.use/made"), "1\nran\nempty\ninner\nlink\nrun\n");
    assert_eq!(shown(&project, "command.make/plots/link"), "1\n");
    project.run(&[]).cached_all();
    // A run restores the shown folder and keeps the changed one as `plots.kept`.
    fs::remove_file(project.path("out/p/command.make/plots/run")).unwrap();
    project.run(&[]).cached_all();
    assert!(project.path("out/p/command.make/plots/run").exists());
    assert!(project.path("out/p/command.make/plots.kept/inner/x.csv").exists());
    // `show`, `path`, `export` and `cache` work on folders.
    let told = project.pcamflow(&["show", "p.toml", "command.make/plots"]).exit(0).stdout;
    assert!(told.contains("inner/x.csv") && told.contains("empty/"), "{told}");
    let path = project.pcamflow(&["path", "p.toml", "command.make/plots"]).exit(0).stdout;
    assert!(Path::new(path.trim()).join("inner/x.csv").exists(), "{path}");
    project.pcamflow(&["export", "p.toml", "command.make/plots", "mine"]).exit(0);
    project.pcamflow(&["export", "p.toml", "command.make/plots", "mine"]).exit(0);
    assert_eq!(project.path("mine/plots/run").metadata().unwrap().mode() & 0o111, 0o111);
    fs::remove_dir(project.path("mine/plots/empty")).unwrap();
    project.pcamflow(&["export", "p.toml", "command.make/plots", "mine"]).exit(2);
    project.pcamflow(&["export", "p.toml", "command.make/plots", "mine", "--force"]).exit(0);
    assert!(project.path("mine/plots/empty").exists());
    for question in ["verify", "du", "gc"] {
        project.pcamflow(&["cache", question]).exit(0);
    }
    project.run(&[]).cached_all();
    // Another script that makes the same folder: the stage that reads it stays cached.
    project.rewrite("p.toml", text.replace("echo 1 >", "echo  1 >"));
    project.run(&[]).ran(["command.make"]);
    project.rewrite("p.toml", text.replace("ln -s inner", "ln -s /etc/inner"));
    assert!(project.run(&[]).exit(1).failure().contains("leads out of its folder"));
}

#[test]
fn pinned_folders_need_not_exist() {
    let text =
        "[command.one]\nshell = 'cat {f}/* > made'\ninputs = { f = 'f/' }\nartifacts = { made = 'made' }";
    let project = Sandbox::new().pipeline(text).file("data/f/a", "1");
    project.run(&[]).ran(["command.one"]);
    let pin = |digest: &str| {
        project.rewrite("p.toml", text.replace("'f/'", &format!("{{ path = 'f/', blake3 = '{digest}' }}")))
    };
    pin(&"0".repeat(64));
    let told = project.run(&[]).exit(2).stderr;
    let digest = told.split("BLAKE3 is ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert!(told.contains("is not the folder that is pinned here"), "{told}");
    pin(&digest);
    fs::remove_dir_all(project.path("data")).unwrap();
    project.run(&[]).cached_all();
    project.rewrite("p.toml", text);
    project
        .run(&[])
        .exit(2)
        .complains("there is no folder")
        .complains("those of the project begin with `./`");
    project.rewrite("p.toml", text.replace("'f/'", "'f'"));
    fs::create_dir_all(project.path("data/f")).unwrap();
    project.run(&[]).exit(2).complains("end the path with a slash");
    project.rewrite("p.toml", text);
    symlink("..", project.path("data/f/up")).unwrap();
    project.run(&[]).exit(2).complains("data/f/up: it is a link to a folder");
}
