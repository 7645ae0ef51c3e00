//! `pcamflow graph`: its formats, the status of stages, and that it writes nothing.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// `split.d` and `preview.both` read `synthesize.s`; the repeated `preview.p` reads `split.d`.
const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
masks = 'synthesize.s/masks'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
columns = 2
seeds = [1, 2, 3]
[preview.both]
images = { x = 'synthesize.s/images', y = 'synthesize.s/labels' }
masks = 'synthesize.s/masks'
rows = 1
columns = 2
";

fn small() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn graph(project: &Sandbox, arguments: &[&str]) -> String {
    let output = project.pcamflow(&[&["graph", "p.toml"], arguments].concat()).exit(0);
    assert_eq!(output.stderr, "");
    output.stdout
}

#[test]
fn the_list_has_every_stage_once_and_no_files_are_written() {
    let project = small();
    let before = project.listing();
    let expected = "\
stage              reads
synthesize.s
split.d            synthesize.s/{images,labels,masks}
preview.p@{1,2,3}  split.d/train
preview.both       synthesize.s/{images,labels,masks}
";
    let drawn = graph(&project, &[]);
    assert_eq!(drawn, expected);
    assert_eq!(project.listing(), before);
}

#[test]
fn the_status_shows_cached_changed_and_failed_stages() {
    let project = small();
    let first = graph(&project, &["--status"]);
    assert!(first.contains("never ran") && first.ends_with("\n4 run\n"), "{first}");
    assert!(!project.path(".pcamflow").exists(), "graph must not create a store");
    project.run(&[]).exit(0);
    let done = graph(&project, &["--status"]);
    assert!(done.ends_with("\n4 cached\n"), "repeats must count as one stage: {done}");
    let changed = graph(&project, &["--status", "--set", "split.d.sizes.train=5"]);
    assert!(changed.contains("split.d            run "), "{changed}");
    assert!(
        changed.contains("`sizes.train` 4 -> 5") && changed.contains("preview.p@{1,2,3}  maybe "),
        "{changed}"
    );
    let too_many = ["--set", "split.d.sizes.train=5000"];
    project.run(&too_many).exit(1);
    let failed = graph(&project, &[&["--status"], &too_many[..]].concat());
    assert!(failed.contains("split.d            failed "), "{failed}");
    let healed = graph(&project, &["--status"]);
    assert!(healed.ends_with("\n4 cached\n"), "only the changed pipeline failed:\n{healed}");
}

#[test]
fn json_lists_every_stage_and_edge() {
    let project = small();
    let plain: Value = serde_json::from_str(&graph(&project, &["--format", "json"])).unwrap();
    assert_eq!((plain["schema"].as_u64(), plain["pipeline"].as_str()), (Some(1), Some("small")));
    let names: Vec<&str> =
        plain["stages"].as_array().unwrap().iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(
        names,
        ["synthesize.s", "split.d", "preview.p@1", "preview.p@2", "preview.p@3", "preview.both"]
    );
    assert_eq!(plain["stages"][0]["status"], Value::Null);
    let edges = plain["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| edge["to"] == "split.d").unwrap();
    assert_eq!(edge["artifacts"], serde_json::json!(["images", "labels", "masks"]));
    assert_eq!(edges.iter().filter(|edge| edge["from"] == "split.d").count(), 3);
    let planned: Value = serde_json::from_str(&graph(&project, &["--format", "json", "--status"])).unwrap();
    assert_eq!(planned["stages"][0]["status"], "run");
    assert_eq!(planned["stages"][0]["why"], "never ran");
}

#[test]
fn dot_and_mermaid_have_the_same_four_nodes() {
    let project = small();
    let dot = graph(&project, &["--format", "dot", "--status"]);
    assert!(dot.starts_with("digraph \"small\" {") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("\"split.d\" -> \"preview.p@{1,2,3}\" [label = \"train\"];"), "{dot}");
    assert!(dot.contains("[label = \"synthesize.s\\nrun: never ran\""), "{dot}");
    let mermaid = graph(&project, &["--format", "mermaid", "--status"]);
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains(":::run"), "{mermaid}");
    assert!(mermaid.contains("classDef run ") && !mermaid.contains("classDef cached"), "{mermaid}");
    assert_eq!(dot.matches("fillcolor").count(), 4, "{dot}");
    assert_eq!(mermaid.matches("[\"").count(), 4, "{mermaid}");
}

#[test]
fn a_requested_stage_is_drawn_with_its_dependencies() {
    let project = small();
    let drawn = graph(&project, &["preview.p@2"]);
    assert!(drawn.contains("preview.p@2") && drawn.contains("split.d") && !drawn.contains("both"), "{drawn}");
    project.pcamflow(&["graph", "p.toml", "spilt.d"]).exit(2).complains("did you mean `split.d`?");
    project.pcamflow(&["graph", "p.toml", "--format", "png"]).exit(2).complains("mermaid");
    project.rewrite("broken.toml", PIPELINE.replace("[split.d]", "[split.d]\nsed = 1"));
    project.pcamflow(&["graph", "broken.toml"]).exit(2).complains("did you mean `seed`?");
    project.rewrite(".pcamflow/format", "pcamflow store 99\n");
    graph(&project, &[]);
    project.pcamflow(&["graph", "p.toml", "--status"]).exit(3).complains("has format 99");
}

#[test]
fn edges_implied_by_a_longer_path_are_drawn_on_request() {
    let text = PIPELINE.replace("[preview.p]", "[preview.p]\nmasks = 'synthesize.s/masks'");
    let project = Sandbox::new().pipeline(&text);
    let edge = "\"synthesize.s\" -> \"preview.p@{1,2,3}\"";
    assert!(!graph(&project, &["--format", "dot"]).contains(edge));
    assert!(graph(&project, &["--format", "dot", "--all-edges"]).contains(edge));
}

#[test]
fn the_pipelines_of_the_repository_can_be_drawn() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(repository.join("pipelines")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let output =
            Command::new(crate::sandbox::PCAMFLOW).arg("graph").arg(&file).args(["--format", "dot"]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let dot = String::from_utf8(output.stdout).unwrap();
        assert!(dot.matches("fillcolor").count() > 3, "{}: {dot}", file.display());
    }
}
