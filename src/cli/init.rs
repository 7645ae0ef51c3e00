//! `pcamflow init`: writes a first pipeline, for the official files or for synthetic patches.

use std::{fmt::Write as _, path::Path};

use super::{
    Error, Exit, Outcome,
    args::InitArguments,
    check::stages,
    official::{self, Checked, Found, name},
    project::root_of,
    say, schema,
};
use crate::{
    engine::tell::given,
    fsx::{self, Durability},
    pipeline::{self, default_data},
    stages::is_name,
};

/// The pipeline for synthetic patches.
const QUICKSTART: &str = include_str!("../../pipelines/quickstart.toml");

/// The schema, which editors read, beside the pipeline.
const SCHEMA: &str = "pcamflow.schema.json";

/// The smallest number of patches to write a pipeline for.
const FEWEST: u64 = 100;

/// Writes a pipeline, and the schema beside it.
pub(super) fn init(arguments: &InitArguments) -> Outcome {
    let file = &arguments.file;
    let shown = file.display();
    let root = root_of(file)?;
    let data = default_data(&root, arguments.data.as_deref(), None);
    let Checked { sound, patches, wrong } = official::found(&data).checked();
    let folder = sound.folder.clone();
    let (text, about) = if sound.has_pair("train") && patches >= FEWEST {
        let elsewhere = arguments.data.is_some() || folder != data;
        let named = elsewhere.then(|| in_file(&folder, &root)).transpose()?;
        let about = format!("the official files in {}", folder.display());
        (for_data(file, &sound, patches, named.as_deref()), about)
    } else {
        (quickstart(file), missing(&sound, &wrong, &data))
    };
    if !write(file, &text, arguments.force)? {
        let advice = "`--force` replaces it, or name another file";
        return Err(Error::usage(format!("{shown} already exists; {advice}")));
    }
    let mut report = format!("wrote {shown}, for {about}\n");
    for message in &wrong {
        let _ = writeln!(report, "left out: {message}");
    }
    let beside = file.with_file_name(SCHEMA);
    if write(&beside, &(schema::text(&pipeline::schema()) + "\n"), arguments.force)? {
        let _ =
            writeln!(report, "wrote {}: with it editors complete and check the pipeline", beside.display());
    }
    let written = pipeline::load(file, &pipeline::Options::default()).map_err(|error| Error::from(&error))?;
    let stages = stages(&written);
    say(&format!("{report}{stages}\nnext: pcamflow run {} --dry-run", given::quoted(&shown.to_string())));
    Ok(Exit::Done)
}

/// Writes a file, and replaces an existing one only with `force`. Returns whether it was written.
fn write(file: &Path, text: &str, force: bool) -> fsx::Result<bool> {
    if !force && fsx::stat_link(file)?.is_some() {
        return Ok(false);
    }
    fsx::create_folder(&fsx::parent(file))?;
    fsx::write_atomic(file, text.as_bytes(), Durability::Relaxed)?;
    Ok(true)
}

/// The data folder as a pipeline names it: relative to the project's folder if it is inside.
fn in_file(data: &Path, root: &Path) -> Result<String, Error> {
    let path = data.strip_prefix(root).unwrap_or(data).to_str();
    path.map(str::to_owned).ok_or_else(|| {
        Error::usage(format!("{} is not valid Unicode, so a pipeline cannot name it", data.display()))
    })
}

/// Why the pipeline uses synthetic patches.
fn missing(found: &Found, wrong: &[String], data: &Path) -> String {
    let data = data.display();
    match (found.packed.first(), found.files.first()) {
        (Some(packed), _) => {
            format!("synthetic patches: {data} holds {packed}, which has to be unpacked first")
        }
        (None, None) if wrong.is_empty() => format!("synthetic patches: no official PCam files in {data}"),
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

/// A text as a TOML string, which is written like one of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The sizes of the training, validation and test parts: those of the notebook if there are enough patches.
fn sizes(patches: u64) -> [u64; 3] {
    match patches {
        50_000.. => [40_000, 5_000, 5_000],
        // The training part gets what two tenths leave.
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
# Trains a network on patches, measures it and explains it. Nothing runs twice: change a value, run again,
# and only what depends on it is computed.
#
#   pcamflow run {file} --dry-run      what would run, and why
#   pcamflow run {file}                run it
#   pcamflow graph {file} --status     the stages, what they read, what is cached

[pipeline]
name = {name}
seed = 42
{data}
# A picture of sixteen patches. The centre box has the colour of the label.
[preview.samples]
images = {{ x = {x}, y = {y} }}

# Three disjoint parts, stratified by class. A label says only whether the centre 32x32 contains tumour.
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

/// With the meta table, slides are kept apart. Without it, the setting is a comment.
fn grouped(found: &Found) -> String {
    let meta = quoted(&name("train", "meta.csv"));
    match found.has("train", "meta.csv") {
        true => {
            format!("meta = {meta}\ngroup-by = \"wsi\"             # no slide is in two parts\n")
        }
        false => format!(
            "# With the meta table, no slide is in two parts. Without it, test patches come from training slides:\n# meta = {meta}\n# group-by = \"wsi\"\n"
        ),
    }
}

/// Stages that evaluate on the official validation and test parts.
fn official_parts(found: &Found) -> String {
    let parts = [("valid", "validation"), ("test", "test")];
    let there = parts.iter().filter(|(part, _)| found.has_pair(part));
    there.fold(String::new(), |text, (part, what)| {
        let (x, y) = (quoted(&name(part, "x.h5")), quoted(&name(part, "y.h5")));
        text + &format!(
            "\n# The official {what} patches, from slides that the network has never seen.\n[evaluate.official-{what}]\nmodel = \"train.base\"\nimages = {{ x = {x}, y = {y} }}\n"
        )
    })
}

const NETWORK: &str = r#"
[train.base]
data = "split.pcam"            # this reference is the dependency: no `depends-on` is needed
# For a CPU. The notebook's network, for a GPU, has channels [32, 64, 128, 256] and hidden = 256.
architecture.class-cnn = { channels = [8, 16, 32, 64], hidden = 32 }
epochs = 8
batch-size = 64
optimizer.adam = { learning-rate = 1e-3 }
early-stopping = { patience = 5 }
# For the mean and spread of every number over three trainings:
# seeds = [1, 2, 3]
# How to compute it is not part of any key:
# run = { device = "cuda" }

[evaluate.test]
model = "train.base"
images = "split.pcam/test"
"#;

const QUESTIONS: &str = r#"
# Where is the evidence for the network? Other methods: saliency, occlusion, integrated-gradients.
[explain.grad-cam]
model = "train.base"
images = "split.pcam/test"
take = 50
method.grad-cam = {}

# Is the map right? Insertion and deletion compared with a random order, and the centre box.
[metrics.faithfulness]
explanations = { grad-cam = "explain.grad-cam" }

# Does a randomised network give the same map?
[sanity.grad-cam]
explanation = "explain.grad-cam"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_notebook_or_use_all_patches() {
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
