//! `run --frozen` with the real binary: nothing is computed, and stages that would run are reported.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    hdf5_files::{images, labels},
    sandbox::{Output, PCAMFLOW, Sandbox, files},
    wrong_inputs::mounted,
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
";

fn small() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    project
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The name, state and reason of each stage that would run.
fn would_run(output: &Output) -> Vec<[String; 3]> {
    let ended = output.events_of("ended").remove(0);
    let stages = ended["would-run"].as_array().unwrap().iter();
    stages.map(|stage| [text(&stage["stage"]), text(&stage["state"]), text(&stage["why"])]).collect()
}

/// The files of the store, each with its content and modification time.
fn store_of(project: &Sandbox) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let all = files(&project.path(".pcamflow"));
    let of = |path: &std::path::PathBuf| {
        let changed = path.metadata().unwrap().modified().unwrap();
        (path.display().to_string(), fs::read(path).unwrap(), changed)
    };
    all.iter().map(of).collect()
}

#[test]
fn cached_results_are_shown_and_the_store_is_unchanged() {
    let project = small();
    let shown = project.digests();
    fs::remove_dir_all(project.path("out")).unwrap();
    let before = store_of(&project);
    let output = project.run(&["--frozen"]).cached_all();
    assert_eq!(output.events()[0]["frozen"], true);
    assert_eq!(output.events_of("finished").len(), 3);
    assert_eq!(would_run(&output).len(), 0);
    assert_eq!(project.digests(), shown);
    assert_eq!(store_of(&project), before);
    let told = project.pcamflow(&["run", "p.toml", "--frozen"]).exit(0);
    assert!(told.stdout.starts_with("3 stages, all cached ("), "{}", told.stdout);
}

#[test]
fn stages_that_would_run_are_reported_as_in_a_plan_and_nothing_runs() {
    let project = small();
    project.rewrite("p.toml", PIPELINE.replace("train = 4", "train = 5"));
    let before = store_of(&project);
    let output = project.run(&["--frozen"]).exit(4);
    let expected = [
        ["split.d", "run", "`sizes.train` 4 -> 5 (p.toml:9)"],
        ["preview.p", "maybe", "`split.d/train` may change"],
    ];
    assert_eq!(would_run(&output), expected);
    assert_eq!(output.events_of("started").len(), 0);
    let finished = output.events_of("finished");
    assert_eq!((finished.len(), text(&finished[0]["stage"])), (1, "synthesize.s".into()));
    assert_eq!(store_of(&project), before);

    let told = project.pcamflow(&["run", "p.toml", "--frozen"]).exit(4);
    let plan = project.pcamflow(&["plan", "p.toml"]).exit(0);
    assert!(told.stdout.starts_with(&plan.stdout), "{}\n{}", told.stdout, plan.stdout);
    assert!(told.stdout.contains("frozen: ") && told.stdout.ends_with("(exit code 4)\n"), "{}", told.stdout);
    let quiet = project.pcamflow(&["run", "p.toml", "--frozen", "--quiet"]).exit(4);
    let expected = "frozen   split.d: `sizes.train` 4 -> 5 (p.toml:9)\n\
                    frozen   preview.p: `split.d/train` may change\n";
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", expected));
    project.run(&["--frozen", "synthesize.s"]).cached_all();
}

#[test]
fn without_a_store_all_stages_would_run_and_no_store_is_created() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let before = project.listing();
    let output = project.run(&["--frozen"]).exit(4);
    assert_eq!(
        would_run(&output).iter().map(|[_, _, why]| why.as_str()).collect::<Vec<_>>(),
        ["never ran"; 3]
    );
    assert_eq!(project.listing(), before);
}

#[test]
fn conflicting_options_are_a_usage_error() {
    let project = small();
    project.run(&["--frozen", "--force", "split.d"]).exit(2).complains("--force");
    project.run(&["--frozen", "--dry-run"]).exit(2).complains("--dry-run");
}

#[test]
fn a_lost_object_is_a_reason_to_run() {
    let project = small();
    let path = project.pcamflow(&["path", "p.toml", "split.d/train"]).exit(0).stdout;
    fs::remove_file(path.trim()).unwrap();
    let output = project.run(&["--frozen"]).exit(4);
    assert_eq!(would_run(&output)[0], ["split.d", "run", "its result was damaged or lost"]);
}

/// A project with pinned sources whose records were copied from another machine, without sources and objects.
fn carried() -> Sandbox {
    let origin = Sandbox::new().with(|root| {
        images(&root.join("data/x.h5"), 12);
        labels(&root.join("data/y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    });
    let pinned = |file: &str| {
        let digest = pcamflow::digest::Digest::of(&fs::read(origin.path(&format!("data/{file}"))).unwrap());
        format!("{{ path = '{file}', blake3 = '{digest}' }}")
    };
    let (x, y) = (pinned("x.h5"), pinned("y.h5"));
    let pipeline = format!(
        "[pipeline]\nname = 'carried'\n[split.d]\nimages = {x}\nlabels = {y}\n\
         sizes = {{ train = 4, validation = 2, test = 2 }}\n[preview.p]\nimages = 'split.d/train'\nrows = 1\n"
    );
    let origin = origin.pipeline(&pipeline);
    origin.run(&[]).exit(0);
    Sandbox::new().pipeline(&pipeline).with(|root| {
        for part in ["format", "actions", "latest"] {
            copy(&origin.path(&format!(".pcamflow/{part}")), &root.join(".pcamflow").join(part));
        }
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn records_alone_are_enough_and_their_numbers_can_be_required() {
    let project = carried();
    let output = project.run(&["--frozen", "--require", "split.d.train >= 4"]).cached_all();
    let finished = output.events_of("finished");
    assert!(finished.len() == 2 && finished.iter().all(|stage| stage["folder"].is_null()), "{finished:?}");
    assert_eq!(output.warnings(), "");
    assert!(!project.path("out").exists(), "`out` must not be created");
    // A value inside an artifact is unknown, because the artifact is not here.
    let output = project.run(&["--frozen", "--require", "split.d/split.seed == 42"]).exit(5);
    let figure = &output.events_of("required")[0]["figures"][0];
    assert!(text(&figure["why"]).contains("its bytes are not in this store"), "{figure}");
    // A stage that would have to run names the missing source file.
    project.rewrite(
        "p.toml",
        fs::read_to_string(project.path("p.toml")).unwrap().replace("train = 4", "train = 5"),
    );
    let output = project.run(&["--frozen"]).exit(4);
    assert_eq!(would_run(&output)[0], ["split.d", "blocked", "`data/x.h5` is not here, and is needed"]);
}

/// Uses a read-only mount in its own mount namespace, because mode bits do not restrict root.
#[test]
fn a_read_only_store_is_enough() {
    let project = small();
    let script = "mount --bind .pcamflow .pcamflow && mount -o remount,ro,bind .pcamflow && \
                  ! touch .pcamflow/probe 2>/dev/null && \
                  $PCAMFLOW run p.toml --frozen --json && \
                  $PCAMFLOW run p.toml --frozen --json --out elsewhere --set split.d.sizes.train=5; exit $?";
    let Some(output) = mounted(&project, script) else { return };
    let output = output.exit(4);
    assert_eq!(output.events_of("finished").len(), 3 + 1);
    assert_eq!((output.warnings().as_str(), output.stderr.as_str()), ("", ""));
    assert!(project.path("elsewhere/small/synthesize.s/images.h5").exists());
}

#[test]
fn repeats_are_summarised() {
    let project = Sandbox::new().pipeline(&format!("{PIPELINE}seeds = [1, 2]\n"));
    project.run(&[]).exit(0);
    fs::remove_dir_all(project.path("out")).unwrap();
    let output = project.run(&["--frozen"]).cached_all();
    assert_eq!(output.events_of("ended")[0]["repeats"][0]["stage"], "preview.p");
    assert!(project.path("out/small/repeats.csv").exists());
}

/// The engine looks for the worker in its own folder. Without it, only stages that need libtorch fail.
#[test]
fn a_stage_without_its_worker_fails_with_advice() {
    let train = "[train.t]\ndata = 'split.d'\nepochs = 1\n";
    let project = Sandbox::new().pipeline(&format!("{PIPELINE}{train}"));
    fs::create_dir(project.path("alone")).unwrap();
    fs::copy(PCAMFLOW, project.path("alone/pcamflow")).unwrap();
    let output = project.shell("alone/pcamflow run p.toml --keep-going").exit(3);
    let told = format!("{}{}", output.stdout, output.stderr);
    for part in ["train.t", "stages that use libtorch need", "pcamflow-worker", "3 ran"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    project.shell("alone/pcamflow run p.toml --frozen preview.p").exit(0);
    project.shell("alone/pcamflow run p.toml --frozen").exit(4);
    project.shell("alone/pcamflow plan p.toml").exit(0);
}
