//! `pcamflow verify FILE STAGE` through the binary: stages are recomputed and compared with their results.

use std::{fs, path::Path};

use pcamflow::store::{self, Existing, Store};
use serde_json::Value;

use crate::sandbox::{Output, Sandbox, files};

const PIPELINE: &str = "\
[pipeline]
name = 'again'
[synthesize.s]
patches = 24
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
sizes = { train = 12, validation = 6, test = 6 }
[preview.p]
images = 'split.d/train'
rows = 2
columns = 2
";

fn project() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(["synthesize.s", "split.d", "preview.p"]);
    project
}

/// Everything in the store except the gate, with sizes and times.
fn kept(project: &Sandbox) -> Vec<String> {
    let store = project.path(".pcamflow");
    let all = files(&store).into_iter().map(|path| {
        let metadata = path.symlink_metadata().unwrap();
        format!("{} {} {:?}", path.display(), metadata.len(), metadata.modified().unwrap())
    });
    all.filter(|line| !line.contains("/gate ")).collect()
}

/// Replaces an artifact in the store, as if the stage had computed another file.
fn plant(project: &Sandbox, stage: &str, artifact: &str, change: impl FnOnce(&Path)) {
    let store = Store::open(&project.path(".pcamflow"), store::Options::default()).unwrap();
    let records = store.keys().unwrap().into_iter().filter_map(|key| store.record(&key).unwrap().found());
    let mut record = records.into_iter().find(|record| record.stage == stage).unwrap();
    let old = record.artifacts.get(artifact).unwrap();
    let copy = project.path(&old.file);
    fs::copy(store.lend(&old.digest).path(), &copy).unwrap();
    let mut permissions = fs::metadata(&copy).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&copy, permissions).unwrap();
    change(&copy);
    let stored = store.publish(&copy).unwrap();
    record.artifacts.insert(artifact.to_owned(), stored);
    store.commit(record, Existing::Replace).unwrap();
}

fn object(output: &Output) -> Value {
    let events = output.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events[0].clone()
}

fn artifact<'a>(stage: &'a Value, name: &str) -> &'a Value {
    stage["artifacts"].as_array().unwrap().iter().find(|artifact| artifact["artifact"] == name).unwrap()
}

#[test]
fn stages_without_torch_come_out_bit_for_bit_and_the_store_stays_as_it_is() {
    let project = project();
    let before = kept(&project);
    let output = project.pcamflow(&["verify", "p.toml", "*"]).exit(0);
    for stage in ["synthesize.s", "split.d", "preview.p"] {
        assert!(
            output.stdout.contains(&format!("{stage}: as promised (the same bytes)")),
            "{}",
            output.stdout
        );
    }
    assert_eq!(output.stdout.matches("bit-identical").count(), 13, "{}", output.stdout);
    assert_eq!(kept(&project), before);
    project.nothing_is_left_running();
    project.run(&[]).cached_all();
}

#[test]
fn a_planted_difference_is_measured_and_located() {
    let project = project();
    plant(&project, "split.d", "split", |path| {
        let text = fs::read_to_string(path).unwrap();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        let number = find_number(&mut json).unwrap();
        *number = serde_json::json!(number.as_f64().unwrap() + 1000.0);
        fs::write(path, serde_json::to_vec(&json).unwrap()).unwrap();
    });
    plant(&project, "synthesize.s", "sheet", |path| {
        let mut picture = image::open(path).unwrap().to_rgb8();
        let old = *picture.get_pixel(7, 3);
        picture.put_pixel(7, 3, image::Rgb(old.0.map(|value| value ^ 8)));
        picture.save(path).unwrap();
    });
    let output = project.pcamflow(&["verify", "p.toml", "split.d", "--json"]).exit(1);
    let stage = object(&output);
    assert_eq!((&stage["event"], &stage["as-promised"]), (&"verified".into(), &false.into()));
    assert_eq!(artifact(&stage, "train")["verdict"], "identical");
    let split = artifact(&stage, "split");
    assert_eq!(split["verdict"], "not-as-promised");
    let part = &split["comparison"]["parts"][0];
    assert_eq!((&part["absolute"], &part["different"]), (&1000.0.into(), &1.into()));
    assert!(!part["at"].as_str().unwrap().is_empty());

    let output = project.pcamflow(&["verify", "p.toml", "synthesize.s"]).exit(1);
    assert!(output.stdout.contains("synthesize.s: not as promised"), "{}", output.stdout);
    assert!(
        output
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("sheet differs other bytes from byte ")
            && !output.stdout.contains("the same values"),
        "{}",
        output.stdout
    );
}

/// The first number in a JSON value, at any depth.
fn find_number(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Number(_) => Some(value),
        Value::Array(all) => all.iter_mut().find_map(find_number),
        Value::Object(all) => all.values_mut().find_map(find_number),
        _ => None,
    }
}

#[test]
fn recomputed_files_are_kept_on_request() {
    let project = project();
    let output =
        project.pcamflow(&["verify", "p.toml", "split.d", "--keep", "again", "--threads", "1"]).exit(0);
    assert!(output.stdout.contains("kept in again/split.d"), "{}", output.stdout);
    assert_eq!(project.names("again/split.d"), ["split.json", "test.h5", "train.h5", "validation.h5"]);
    for name in project.names("again/split.d") {
        let both = ["again/split.d", "out/again/split.d"]
            .map(|folder| fs::read(project.path(folder).join(&name)).unwrap());
        assert!(both[0] == both[1], "{name}");
    }
}

#[test]
fn without_a_result_or_its_inputs_it_suggests_a_command() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project
        .pcamflow(&["verify", "p.toml", "synthesize.s"])
        .exit(1)
        .complains("`synthesize.s` was not verified: the store has no result to compare with (never ran)")
        .complains("`pcamflow run p.toml 'synthesize.s'` makes one");
    project.pcamflow(&["verify", "p.toml", "split.d"]).exit(1).complains("what it reads has no result");
    project.pcamflow(&["verify", "p.toml", "split.x"]).exit(2).complains("did you mean `split.d`?");
    project.pcamflow(&["verify", "p.toml"]).exit(2);
    project.run(&[]).exit(0);
    let store = Store::open(&project.path(".pcamflow"), store::Options::default()).unwrap();
    let records = store.keys().unwrap().into_iter().filter_map(|key| store.record(&key).unwrap().found());
    let made = records.into_iter().find(|record| record.stage == "synthesize.s").unwrap();
    fs::remove_dir_all(project.path(".pcamflow/objects")).unwrap();
    project.pcamflow(&["verify", "p.toml", "split.d"]).exit(1).complains("there is nothing to compare with");
    assert!(!store.lend(&made.artifacts.get("images").unwrap().digest).path().exists());
}

#[test]
fn a_stage_that_fails_this_time_is_reported() {
    let project = project();
    let output =
        project.pcamflow(&["verify", "p.toml", "split.d", "--json", "--set", "split.d.run.timeout=\"1ms\""]);
    let output = output.exit(1);
    assert_eq!(
        (&object(&output)["event"], &object(&output)["class"]),
        (&"not-verified".into(), &"timeout".into())
    );
}

#[test]
fn folders_are_compared_file_by_file() {
    let text = "[command.one]\nshell = 'mkdir plots; echo same > plots/a.txt; date +%N > plots/now.txt; echo ok > made'\n\
                artifacts = { plots = 'plots/', made = 'made' }\n";
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran(["command.one"]);
    let output = project.pcamflow(&["verify", "p.toml", "command.one", "--keep", "again"]).exit(1);
    assert!(output.stdout.contains("made   bit-identical"), "{}", output.stdout);
    assert!(
        output.stdout.contains("`now.txt` has other bytes from byte ") && !output.stdout.contains("a.txt"),
        "{}",
        output.stdout
    );
    assert_eq!(project.names("again/command.one/plots"), ["a.txt", "now.txt"]);
    project.run(&[]).cached_all();
}

#[cfg(feature = "torch")]
#[test]
fn a_model_depends_on_machine_and_threads_and_its_outputs_do_not() {
    let pipeline = PIPELINE.replace("[preview.p]\nimages = 'split.d/train'\nrows = 2\ncolumns = 2\n", "")
        + "\
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 2
batch-size = 4
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
[explain.g]
model = 'train.t'
images = 'split.d/test'
take = 4
method.grad-cam = {}
";
    let project = Sandbox::new().pipeline(&pipeline);
    project.run(&["--device", "cpu", "--threads", "2"]).exit(0);
    let same =
        ["verify", "p.toml", "train.t", "evaluate.e", "explain.g", "--device", "cpu", "--threads", "2"];
    let output = project.pcamflow(&same).exit(0);
    assert!(output.stdout.contains("train.t: as promised (the same bytes)"), "{}", output.stdout);
    assert_eq!(output.stdout.matches("as promised").count(), 3, "{}", output.stdout);

    let other = ["verify", "p.toml", "*.t", "*.e", "*.g", "--device", "cpu", "--threads", "1", "--json"];
    let stages = project.pcamflow(&other).exit(0).events();
    let promises: Vec<&str> = stages.iter().map(|stage| stage["promise"].as_str().unwrap()).collect();
    assert_eq!(promises, ["one-realisation", "within-tolerance", "within-tolerance"]);
    assert_eq!(stages[0]["conditions"][1]["threads"], 1);

    // Changed maps are detected.
    plant(&project, "explain.g", "maps", |path| {
        let file = hdf5::File::open_rw(path).unwrap();
        let maps = file.dataset("map").unwrap();
        let mut values = maps.read_raw::<f32>().unwrap();
        values[5] += 1.0;
        maps.write_raw(&values).unwrap();
    });
    let output = project.pcamflow(&["verify", "p.toml", "explain.g", "--device", "cpu"]).exit(1);
    assert!(
        output.stdout.contains("map: 1 of") && output.stdout.contains("at [0, 0, 5]"),
        "{}",
        output.stdout
    );
}

#[test]
fn offline_keeps_the_programs_of_a_verification_off_the_network() {
    let text = "[command.one]\nshell = 'echo one > {artifacts.made}; echo \"offline ${PCAMFLOW_OFFLINE:-0}, $(grep -c : \
                /proc/net/dev) devices\" > \"$SEEN\"'\npass-environment = ['SEEN']\nartifacts = { made = 'made' }\n";
    let project = Sandbox::new().pipeline(text);
    let seen = project.path("seen").display().to_string();
    let project = project.env("SEEN", &seen);
    let seen = || fs::read_to_string(project.path("seen")).unwrap();
    project.run(&[]).ran(["command.one"]);
    assert!(seen().starts_with("offline 0, "), "{}", seen());
    project.pcamflow(&["verify", "p.toml", "command.one"]).exit(0);
    assert!(seen().starts_with("offline 0, "), "{}", seen());
    let output = project.pcamflow(&["verify", "p.toml", "command.one", "--offline"]).exit(0);
    let alone = seen() == "offline 1, 1 devices\n";
    let told = output.stderr.contains("could reach them");
    assert!(seen().starts_with("offline 1, ") && (alone || told), "{}\n{}", seen(), output.stderr);
    project.run(&[]).cached_all();
}
