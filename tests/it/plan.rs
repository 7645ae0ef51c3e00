//! What `plan` reports, and that a run then matches it, through the binary.

use std::fs;

use serde_json::Value;

use crate::{
    hdf5_files::{images, labels},
    sandbox::{Output, Sandbox},
};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
[preview.q]
images = 'split.d/test'
rows = 1
columns = 2
";

const SOURCES: &str = "\
[pipeline]
name = 'sources'
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
";

fn small() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    project
}

fn sources() -> Sandbox {
    let project = Sandbox::new().pipeline(SOURCES).with(|root| {
        images(&root.join("data/x.h5"), 12);
        labels(&root.join("data/y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    });
    project.run(&[]).exit(0);
    project
}

fn plan(project: &Sandbox, arguments: &[&str]) -> Output {
    project.pcamflow(&[&["plan", "p.toml"], arguments].concat()).exit(0)
}

/// Name, state and reason of each planned stage.
fn planned(project: &Sandbox, arguments: &[&str]) -> Vec<[String; 3]> {
    let output = plan(project, &[&["--json"], arguments].concat());
    // Hashing events may precede this one.
    let event = &output.events_of("planned")[0];
    assert_eq!(event["schema"], pcamflow::ui::SCHEMA);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let stages = event["stages"].as_array().unwrap().iter();
    stages.map(|stage| [text(&stage["stage"]), text(&stage["state"]), text(&stage["why"])]).collect()
}

#[track_caller]
fn expect(project: &Sandbox, expected: &[[&str; 3]]) {
    assert_eq!(planned(project, &[]), expected);
}

#[test]
fn an_edited_value_is_reported_with_its_line() {
    let project = small();
    let output = plan(&project, &[]);
    assert_eq!(output.stdout, "small: nothing to run: 4 stages, all cached\n");
    project.rewrite("p.toml", PIPELINE.replace("slides = 2", "slides = 3"));
    let may_change = |artifact: &str| format!("`{artifact}` may change");
    expect(
        &project,
        &[
            ["synthesize.s", "run", "`slides` 2 -> 3 (p.toml:5)"],
            ["split.d", "maybe", &may_change("synthesize.s/images")],
            ["preview.p", "maybe", &may_change("split.d/train")],
            ["preview.q", "maybe", &may_change("split.d/test")],
        ],
    );
    let output = plan(&project, &[]);
    let told = [
        "synthesize.s  run ",
        "`slides` 2 -> 3 (p.toml:5)",
        "1 to run, 3 maybe",
        "estimate, one after another: ",
    ];
    for part in told {
        assert!(output.stdout.contains(part), "{part} in\n{}", output.stdout);
    }
    // No result has this number of columns, so the stage runs whatever its inputs become.
    project.rewrite(
        "p.toml",
        PIPELINE.replace("slides = 2", "slides = 3").replace("columns = 2", "columns = 1"),
    );
    let reason = "`columns` 2 -> 1 (p.toml:16)";
    assert_eq!(planned(&project, &["preview.q"])[2], ["preview.q", "run", reason]);
    // Now results with both values exist, so an older one may match again.
    project.run(&[]).exit(0);
    project.rewrite("p.toml", PIPELINE.replace("slides = 2", "slides = 4"));
    let reason = "`columns` 1 -> 2 (p.toml:16), and `split.d/test` may change";
    assert_eq!(planned(&project, &["preview.q"])[2], ["preview.q", "maybe", reason]);
}

#[test]
fn in_an_empty_store_every_stage_is_planned_as_run() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let never =
        ["synthesize.s", "split.d", "preview.p", "preview.q"].map(|stage| [stage, "run", "never ran"]);
    expect(&project, &never);
    assert!(plan(&project, &[]).stdout.ends_with("\n4 to run\n"));
    // The results of other stages do not change that.
    project.run(&["synthesize.s"]).exit(0);
    project.rewrite("p.toml", PIPELINE.replace("patches = 12", "patches = 14"));
    expect(
        &project,
        &[["synthesize.s", "run", "`patches` 12 -> 14 (p.toml:4)"], never[1], never[2], never[3]],
    );
    project.run(&[]).exit(0);
}

#[test]
fn a_removed_result_is_the_reason() {
    let project = small();
    let gone = "its last result was removed from the store";
    project.pcamflow(&["cache", "clear", "p.toml", "preview.*"]).exit(0);
    let [maker, split, p, q] = planned(&project, &[]).try_into().unwrap();
    assert_eq!([&maker[1], &split[1]], ["cached", "cached"]);
    assert_eq!([p, q], [["preview.p", "run", gone], ["preview.q", "run", gone]]);
    project.run(&[]).exit(0);
    project.rewrite(
        "p.toml",
        format!("{PIPELINE}[preview.r]\nimages = 'split.d/train'\nrows = 1\ncolumns = 3\n"),
    );
    assert_eq!(planned(&project, &[])[4], ["preview.r", "run", "never ran"]);
}

#[test]
fn overrides_force_and_inherited_values_are_reasons() {
    let project = small();
    let set = planned(&project, &["--set", "synthesize.s.patches=13"]);
    assert_eq!(set[0], ["synthesize.s", "run", "`patches` 12 -> 13 (--set)"]);
    assert_eq!(planned(&project, &["--force", "split.*"])[1], ["split.d", "run", "forced"]);
    project.rewrite("p.toml", PIPELINE.replace("name = 'small'", "name = 'small'\nseed = 5"));
    assert_eq!(planned(&project, &[])[0][2], "`seed` 42 -> 5 (p.toml:3)");
}

#[test]
fn dry_run_is_the_same_and_both_write_nothing() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let before = project.listing();
    let output = plan(&project, &[]);
    let dry = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(0);
    assert_eq!(output.stdout, dry.stdout);
    assert_eq!(project.listing(), before);
    assert!(
        output.stdout.contains("synthesize.s  run") && output.stdout.contains("never ran"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_changed_source_is_reported_by_its_path() {
    let project = sources();
    labels(&project.path("data/y.h5"), &[1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect(
        &project,
        &[["split.d", "run", "`data/y.h5` changed"], ["preview.p", "maybe", "`split.d/train` may change"]],
    );
}

#[test]
fn missing_objects_that_are_needed_are_planned_again() {
    let project = sources();
    // Records without objects, as restored from a CI cache.
    fs::remove_dir_all(project.path(".pcamflow/objects")).unwrap();
    expect(&project, &[["split.d", "cached", ""], ["preview.p", "cached", ""]]);
    project.rewrite(
        "p.toml",
        SOURCES.replace("images = 'split.d/train'", "images = 'split.d/train'\ncolumns = 2"),
    );
    let needed = "the bytes of `train` are not in this store, and `preview.p` needs them";
    let changed = "`columns` 4 -> 2 (p.toml:9)";
    expect(&project, &[["split.d", "run", needed], ["preview.p", "run", changed]]);
    project.run(&[]).ran(["split.d", "preview.p"]);
}

#[test]
fn a_missing_pinned_source_blocks_the_stages_that_read_it() {
    let project = sources();
    let digest = pcamflow::digest::Digest::of(&fs::read(project.path("data/x.h5")).unwrap());
    let pinned = SOURCES.replace("'x.h5'", &format!("{{ path = 'x.h5', blake3 = '{digest}' }}"));
    fs::remove_file(project.path("data/x.h5")).unwrap();
    project.rewrite("p.toml", &pinned);
    expect(&project, &[["split.d", "cached", ""], ["preview.p", "cached", ""]]);
    project.rewrite("p.toml", pinned.replace("train = 4", "train = 5"));
    expect(
        &project,
        &[
            ["split.d", "blocked", "`data/x.h5` is not here, and is needed"],
            ["preview.p", "blocked", "`split.d` cannot run"],
        ],
    );
    let output = project.run(&[]).exit(1);
    assert!(output.computed().is_empty());
}

#[test]
fn of_two_stages_with_one_key_only_one_runs() {
    let project = Sandbox::new()
        .pipeline(&PIPELINE.replace("columns = 2\n", "").replace("'split.d/test'", "'split.d/train'"));
    project.run(&["split.d"]).exit(0);
    let stages = planned(&project, &[]);
    assert_eq!(stages[2], ["preview.p", "run", "never ran"]);
    assert_eq!(stages[3], ["preview.q", "maybe", "the same as `preview.p`, which runs"]);
    assert_eq!(project.run(&["--jobs", "1"]).exit(0).computed().len(), 1);
}

#[test]
fn verbose_compares_the_fingerprint_with_the_last_one() {
    let project = small();
    project.rewrite("p.toml", PIPELINE.replace("slides = 2", "slides = 3"));
    let output = plan(&project, &["-v", "synthesize.s"]);
    for part in [
        "\nsynthesize.s  run: `slides`",
        "- parameter slides = 2\n",
        "+ parameter slides = 3  (p.toml:5)\n",
        "    kind = synthesize\n",
    ] {
        assert!(output.stdout.contains(part), "{part} in\n{}", output.stdout);
    }
    assert!(!output.stdout.contains("split.d") && output.stderr.is_empty(), "{}", output.stderr);
    let open = plan(&project, &["-v", "split.d"]).stdout;
    assert!(open.contains("  ? input images = still to be made  (synthesize.s/images)\n"), "{open}");

    let events = plan(&project, &["-v", "--json", "synthesize.s"]).events_of("fingerprint");
    assert_eq!(events[0]["differences"][0]["line"], "parameter slides");
    // The key is the digest of the lines shown. After a run, the record is stored under it.
    let key = events[0]["key"].as_str().unwrap();
    project.run(&[]).exit(0);
    assert!(project.path(&format!(".pcamflow/actions/{}/{key}.json", &key[..2])).exists());
}

#[test]
fn wrong_stages_and_missing_sources_are_reported() {
    let project = small();
    project.pcamflow(&["plan", "p.toml", "spli.d"]).exit(2).complains("did you mean `split.d`?");
    project.pcamflow(&["plan", "absent.toml"]).exit(2).complains("absent.toml");
    let project = Sandbox::new().pipeline(SOURCES);
    project.pcamflow(&["plan", "p.toml"]).exit(2).complains("p.toml:4: there is no file");
}
