//! `pcamflow init`: a first pipeline, for the official files that are there, or one that needs none.

use std::{fmt::Write as _, io::Write as _, path::Path};

use super::{
    Exit,
    args::InitArguments,
    check::load_file,
    complain,
    official::{self, Checked, Found, name},
    say, schema,
};
use crate::{
    engine::tell::given,
    fsx::{self, Draft, Durability},
    pipeline::{default_data, project_root},
    stages::is_name,
};

/// What is written where there is no data.
const QUICKSTART: &str = include_str!("../../pipelines/quickstart.toml");

/// What editors read, beside the pipeline.
const SCHEMA: &str = "pcamflow.schema.json";

/// Fewer patches than these are no data to train on.
const FEWEST: u64 = 100;

/// Writes a pipeline, and the schema beside it where there is none.
pub(super) fn init(arguments: &InitArguments) -> Exit {
    match written(arguments) {
        Ok(told) => {
            say(&told);
            Exit::Done
        }
        Err((exit, message)) => {
            complain(&format!("error: {message}"));
            exit
        }
    }
}

type Refused = (Exit, String);

fn written(arguments: &InitArguments) -> Result<String, Refused> {
    let file = &arguments.file;
    let shown = file.display();
    let root = project_root(file)
        .map_err(|foreign| (Exit::Environment, format!("{foreign}: {}", foreign.help())))?;
    let data = default_data(&root, arguments.data.as_deref(), None);
    let Checked { sound, patches, wrong } = official::found(&data).checked();
    let folder = sound.folder.clone();
    let (text, about) = match sound.has_pair("train") && patches >= FEWEST {
        true => {
            let elsewhere = arguments.data.is_some() || folder != data;
            let named = elsewhere.then(|| in_file(&folder, &root)).transpose()?;
            let about = format!("the official files in {}", folder.display());
            (for_data(file, &sound, patches, named.as_deref()), about)
        }
        false => (quickstart(file), missing(&sound, &wrong, &data)),
    };
    if !write(file, &text, arguments.force)? {
        let advice = "`--force` replaces it, or name another file";
        return Err((Exit::Usage, format!("{shown} already exists; {advice}")));
    }
    let mut told = format!("wrote {shown}, for {about}\n");
    for message in &wrong {
        let _ = writeln!(told, "left out: {message}");
    }
    let beside = file.with_file_name(SCHEMA);
    if write(&beside, &(schema::text() + "\n"), arguments.force)? {
        let _ = writeln!(told, "wrote {}: with it editors complete and check the pipeline", beside.display());
    }
    let stages = load_file(file)?;
    let _ = write!(told, "{stages}\nnext: pcamflow run {} --dry-run", given::quoted(&shown.to_string()));
    Ok(told)
}

/// Writes a file, in the place of another only with `force`. True if it was written.
fn write(file: &Path, text: &str, force: bool) -> Result<bool, Refused> {
    let refused = |error: &dyn std::fmt::Display| (Exit::Environment, error.to_string());
    let folder = fsx::parent(file);
    fsx::create_folder(&folder).map_err(|error| refused(&error))?;
    let mut draft = Draft::create_in(&folder).map_err(|error| refused(&error))?;
    draft
        .write_all(text.as_bytes())
        .map_err(|error| refused(&format!("cannot write {}: {error}", file.display())))?;
    let written = match force {
        true => draft.publish(file, Durability::Relaxed).map(|()| true),
        false => draft.publish_new(file, Durability::Relaxed),
    };
    written.map_err(|error| refused(&error))
}

/// The data's folder as a pipeline names it: relative to the project where it lies in there.
fn in_file(data: &Path, root: &Path) -> Result<String, Refused> {
    let path = data.strip_prefix(root).unwrap_or(data);
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        (Exit::Usage, format!("{} is not valid Unicode, so a pipeline cannot name it", data.display()))
    })
}

/// Why it is the quickstart.
fn missing(found: &Found, wrong: &[String], data: &Path) -> String {
    let data = data.display();
    match (found.packed.first(), found.files.first()) {
        (Some(packed), _) => {
            format!("synthetic patches: {data} holds {packed}, which has to be unpacked first")
        }
        (None, None) if wrong.is_empty() => format!("synthetic patches: no official files are in {data}"),
        (None, _) => format!(
            "synthetic patches: {data} does not hold {} and {} that can be used, with at least {FEWEST} patches",
            name("train", "x.h5"),
            name("train", "y.h5")
        ),
    }
}

fn quickstart(file: &Path) -> String {
    QUICKSTART.replace("pcamflow run pipelines/quickstart.toml", &format!("pcamflow run {}", file.display()))
}

/// A text as TOML writes it: JSON's strings are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Patches to learn from, to choose by and to measure on: the notebook's, or as large as the data allow.
fn sizes(patches: u64) -> [u64; 3] {
    match patches {
        50_000.. => [40_000, 5_000, 5_000],
        // All of them: what tenths leave over is to learn from.
        _ => [patches - 2 * (patches / 10), patches / 10, patches / 10],
    }
}

fn for_data(file: &Path, found: &Found, patches: u64, data: Option<&str>) -> String {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_name(stem));
    let data = data.map(|data| format!("data = {}\n", quoted(data))).unwrap_or_default();
    let [train, validation, test] = sizes(patches);
    let mut text = format!(
        "#:schema ./{SCHEMA}
#
# From patches to a trained, measured and explained network. Nothing here runs twice: change a value, run
# again, and only what depends on it is computed.
#
#   pcamflow run {file} --dry-run      what would run, and why
#   pcamflow run {file}                run it
#   pcamflow graph {file} --status     the stages, who reads whom, what is cached

[pipeline]
name = {name}
seed = 42
{data}
# Sixteen patches to begin with, the centre box in the label's colour.
[preview.samples]
images = {{ x = {x}, y = {y} }}

# Three disjoint parts, stratified by class. Labels say only whether the centre 32x32 holds tumour.
[split.pcam]
images = {x}
labels = {y}
",
        file = file.display(),
        name = quoted(stem.unwrap_or("pcam")),
        x = quoted(&name("train", "x.h5")),
        y = quoted(&name("train", "y.h5")),
    );
    text += &grouped(found);
    let _ = writeln!(text, "sizes = {{ train = {train}, validation = {validation}, test = {test} }}");
    text += NETWORK;
    text += &official_parts(found);
    text += &QUESTIONS.replace("take = 50", &format!("take = {}", test.min(50)));
    text
}

/// The meta table keeps slides apart; without it that stands there as a comment.
fn grouped(found: &Found) -> String {
    let meta = quoted(&name("train", "meta.csv"));
    match found.has("train", "meta.csv") {
        true => {
            format!("meta = {meta}\ngroup-by = \"wsi\"             # no slide in two parts: nothing leaks\n")
        }
        false => format!(
            "# With the meta table no slide is in two parts. Without, test patches come from slides of training:\n# meta = {meta}\n# group-by = \"wsi\"\n"
        ),
    }
}

/// The official validation and test parts, which are of other slides than the training part.
fn official_parts(found: &Found) -> String {
    let parts = [("valid", "validation"), ("test", "test")];
    let there = parts.iter().filter(|(part, _)| found.has_pair(part));
    there.fold(String::new(), |text, (part, what)| {
        let (x, y) = (quoted(&name(part, "x.h5")), quoted(&name(part, "y.h5")));
        text + &format!(
            "\n# The official {what} patches: of slides that the network has never seen.\n[evaluate.official-{what}]\nmodel = \"train.base\"\nimages = {{ x = {x}, y = {y} }}\n"
        )
    })
}

const NETWORK: &str = r#"
[train.base]
data = "split.pcam"            # this reference is the dependency: no `depends-on` is needed
# The notebook's network is [32, 64, 128, 256] and 256: for a GPU, or for a night. This one is for a CPU.
architecture.class-cnn = { channels = [8, 16, 32, 64], hidden = 32 }
epochs = 8
batch-size = 64
optimizer.adam = { learning-rate = 1e-3 }
early-stopping = { patience = 5 }
# Mean and spread of every number below over three trainings:
# seeds = [1, 2, 3]
# How to compute it is no part of any key:
# run = { device = "cuda" }

[evaluate.test]
model = "train.base"
images = "split.pcam/test"
"#;

const QUESTIONS: &str = r#"
# Where does the network see the evidence? Other methods: saliency, occlusion, integrated-gradients.
[explain.grad-cam]
model = "train.base"
images = "split.pcam/test"
take = 50
method.grad-cam = {}

# Is the map right? Insertion and deletion beside a random order, and the centre box.
[metrics.faithfulness]
explanations = { grad-cam = "explain.grad-cam" }

# Does a network that has forgotten all still give the same map?
[sanity.grad-cam]
explanation = "explain.grad-cam"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_notebooks_or_what_there_is() {
        assert_eq!(sizes(262_144), [40_000, 5_000, 5_000]);
        for patches in [FEWEST, 1_024, 49_999] {
            let parts = sizes(patches);
            assert!(
                parts.iter().sum::<u64>() == patches && parts.iter().all(|part| *part >= 10),
                "{parts:?}"
            );
        }
    }
}
