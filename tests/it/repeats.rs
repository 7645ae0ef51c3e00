//! Repeats through the binary: what runs, what is shown, what is reported.

use crate::sandbox::Sandbox;

const PIPELINE: &str = "\
[pipeline]
name = 'repeated'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
";

/// The pipeline with one more line in `synthesize`.
fn drawn(line: &str) -> String {
    PIPELINE.replace("slides = 2", &format!("slides = 2\n{line}"))
}

#[test]
fn each_seed_is_cached_separately() {
    let project = Sandbox::new().pipeline(&drawn("seed = 7"));
    project.run(&[]).ran(["synthesize.s", "split.d"]);
    project.rewrite("p.toml", drawn("seeds = [7]"));
    project.run(&[]).cached_all();
    assert_eq!(project.names("out/repeated"), ["repeats.csv", "repeats.json", "split.d@7", "synthesize.s@7"]);
    project.run(&["--set", "synthesize.s.seeds=[7, 8]"]).ran(["synthesize.s@8", "split.d@8"]);
    project.run(&["--set", "synthesize.s.seeds=[8, 7]"]).cached_all();
    project.rewrite("p.toml", drawn("seed = 8"));
    project.run(&[]).cached_all();
    assert_eq!(project.names("out/repeated"), ["split.d", "synthesize.s"]);
}

#[test]
fn stages_above_a_repeat_are_not_repeated() {
    let project = Sandbox::new().pipeline(&format!("{PIPELINE}seeds = [1, 2]\n"));
    project.run(&[]).ran(["synthesize.s", "split.d@1", "split.d@2"]);
    let rows = |seed| std::fs::read(project.path(&format!("out/repeated/split.d@{seed}/test.h5"))).unwrap();
    assert_ne!(rows(1), rows(2), "other seeds draw other rows");
    project.run(&["split.d"]).cached_all();
    project.run(&["--force", "split.d@2"]).ran(["split.d@2"]);
    project.run(&["split.d@3"]).exit(2).complains("did you mean `split.d@1`?");
}

#[test]
fn mean_and_spread_are_reported_and_written_even_when_all_is_cached() {
    let project = Sandbox::new().pipeline(&drawn("seeds = [1, 2, 3]"));
    let output = project.run(&[]).exit(0);
    let told = output.events_of("ended")[0]["repeats"].clone();
    let stages: Vec<_> = told.as_array().unwrap().iter().map(|repeated| repeated["stage"].clone()).collect();
    assert_eq!(stages, ["synthesize.s", "split.d"]);
    let patches = &told[0]["numbers"][0];
    assert_eq!(
        (&patches["name"], &patches["n"], &patches["mean"]),
        (&"patches".into(), &3.into(), &12.0.into())
    );
    let table = std::fs::read_to_string(project.path("out/repeated/repeats.csv")).unwrap();
    assert!(
        table.starts_with("stage,number,seeds,n,mean,sd,min,max\nsynthesize.s,patches,1 2 3,3,12,0,12,12\n"),
        "{table}"
    );
    let file = std::fs::read(project.path("out/repeated/repeats.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["repeats"], told);

    let before = project.digests();
    let again = project.run(&[]).cached_all();
    assert_eq!(again.events_of("ended")[0]["repeats"], told);
    assert_eq!(project.digests(), before);
    let text = project.pcamflow(&["run", "p.toml"]).exit(0);
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines[0], "over seeds 1, 2, 3 (out/repeated/repeats.csv)");
    assert_eq!(lines[2], "synthesize.s  patches       12   0   12   12  3");
    assert!(lines.last().unwrap().starts_with("6 stages, all cached"), "{}", text.stdout);
}

#[test]
fn plan_and_check_report_repeats_in_one_line() {
    let project = Sandbox::new().pipeline(&drawn("seeds = [1, 2, 3, 4]"));
    let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(0);
    assert!(
        output.stdout.contains("\nsynthesize.s@{1..4}  run               never ran\n"),
        "{}",
        output.stdout
    );
    // Repeats may produce the same patches, so the later stages are only `maybe`.
    let told = [
        "\nsplit.d@1            run               never ran\n",
        "\nsplit.d@{2,3,4}      maybe             never ran, but may turn out the same as `split.d@1`\n",
    ];
    assert!(told.iter().all(|line| output.stdout.contains(line)), "{}", output.stdout);
    let output = project.pcamflow(&["check", "p.toml"]).exit(0);
    assert_eq!(output.stdout, "repeated: 2 stages, 8 with every seed: synthesize.s@{1..4}, split.d@{1..4}\n");
}

#[test]
fn errors_of_repeats_are_reported_once() {
    let project = Sandbox::new().pipeline(&drawn("seeds = [1, 2, 3]\nseed = 4"));
    let output =
        project.run(&[]).exit(2).complains("`seed` and `seeds` cannot both be given").complains("1 problem;");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    project.rewrite("p.toml", "[split.d]\nimages = 'x.h5'\nlabels = 'y.h5'\nsizes = { train = 1, validation = 1, test = 1 }\nseeds = [1, 2]\n");
    let output = project.run(&[]).exit(2);
    assert_eq!(output.stderr.matches("there is no file").count(), 2, "one for each file:\n{}", output.stderr);
}

#[test]
fn a_foreign_repeats_csv_is_not_overwritten() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    project.rewrite("out/repeated/repeats.csv", "mine");
    project.run(&[]).cached_all();
    let output = project.run(&["--set", "split.d.seeds=[1, 2]"]).exit(0);
    assert!(output.warnings().contains("repeats.csv was not written by pcamflow"), "{}", output.warnings());
    assert_eq!(std::fs::read_to_string(project.path("out/repeated/repeats.csv")).unwrap(), "mine");
}

#[cfg(feature = "torch")]
#[test]
fn the_model_of_each_seed_is_evaluated_and_the_spread_matches_the_metrics() {
    const MODELS: &str = "\
[pipeline]
name = 'models'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 32
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 16, validation = 8, test = 8 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [2, 2, 2, 2], hidden = 2 }
epochs = 1
seeds = [1, 2]
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
resamples = 0
[evaluate.one]
model = 'train.t@2'
images = 'split.d/validation'
resamples = 0
";
    let project = Sandbox::new().pipeline(MODELS);
    let all =
        ["synthesize.s", "split.d", "train.t@1", "train.t@2", "evaluate.e@1", "evaluate.e@2", "evaluate.one"];
    let output = project.run(&[]).ran(all);
    let repeats = output.events_of("ended")[0]["repeats"].clone();
    assert_eq!((&repeats[1]["stage"], &repeats[2]), (&"evaluate.e".into(), &serde_json::Value::Null));
    let numbers = repeats[1]["numbers"].as_array().unwrap();
    let loss = numbers.iter().find(|number| number["name"] == "log-loss").unwrap();
    let metric = |seed| {
        let text =
            std::fs::read(project.path(&format!("out/models/evaluate.e@{seed}/metrics.json"))).unwrap();
        let metrics: serde_json::Value = serde_json::from_slice(&text).unwrap();
        metrics["log-loss"].as_f64().unwrap()
    };
    let (one, two) = (metric(1), metric(2));
    assert_ne!(one, two, "other seeds give other models");
    assert!((loss["mean"].as_f64().unwrap() - (one + two) / 2.0).abs() < 1e-12);
    assert!((loss["sd"].as_f64().unwrap() - (one - two).abs() / 2.0_f64.sqrt()).abs() < 1e-12);
    // A repeat has the same key as a training with this `seed`.
    project.rewrite("p.toml", MODELS.replace("seeds = [1, 2]", "seed = 2").replace("train.t@2", "train.t"));
    project.run(&[]).cached_all();
}
