//! Stage keys: every semantic change of a field changes the key, a default written out does not.
//! The tests walk the schemas of all kinds. A new field without an example value makes them fail.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use pcamflow::{
    digest::Digest,
    engine::plan::fingerprint::Fingerprint,
    pipeline::{Invalid, Options, Pipeline, Source, parse},
    stages::{Class, Kind, kebab},
};
use serde_json::Value;

/// One stage `x` of each kind, and the stages that they refer to.
const PIPELINE: &str = "\
[synthesize.x]
[synthesize.a]
[import.x]
images = 'x/'
[split.x]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 40, validation = 30, test = 30 }
[split.a]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 40, validation = 30, test = 30 }
[split.b]
images = 'x.h5'
labels = 'z.h5'
sizes = { train = 40, validation = 30, test = 30 }
[train.x]
data = 'split.a'
epochs = 8
[train.a]
data = 'split.a'
epochs = 8
[train.b]
data = 'split.a'
epochs = 9
[resume-train.x]
from = 'train.a'
epochs = 5
[evaluate.x]
model = 'train.a'
images = 'split.a/test'
[explain.x]
model = 'train.a'
images = 'split.a/test'
method.grad-cam = {}
[explain.a]
model = 'train.a'
images = 'split.a/test'
method.grad-cam = {}
[explain.b]
model = 'train.a'
images = 'split.a/test'
method.saliency = {}
[metrics.x]
explanations = { cam = 'explain.a' }
[sanity.x]
explanation = 'explain.a'
[preview.x]
images = 'split.a/test'
[fetch.x]
files.cam = { url = 'https://x.org/x', md5 = '00000000000000000000000000000000' }
[unpack.x]
file = 'x.h5.gz'
[command.x]
program = ['true']
artifacts = { table = 'table.csv' }
";

/// Settings that make other values valid: kind, prefix of the field, settings.
const COMPANIONS: &[(Kind, &str, &[&str])] = &[
    (Kind::Import, "columns", &["labels='l.csv'"]),
    (Kind::Split, "group-by", &["meta='m.csv'"]),
    (Kind::Train, "schedule.cosine.eta-min", &["optimizer.adam.learning-rate=1.0"]),
    (Kind::Train, "architecture.densenet.layout", &["architecture.densenet.blocks=[2, 1]"]),
    (Kind::ResumeTrain, "architecture.densenet.layout", &["architecture.densenet.blocks=[2, 1]"]),
    (Kind::Train, "replace-head", &["weights={safetensors='w.safetensors'}"]),
    (Kind::Train, "optimizer.sgd.nesterov", &["optimizer.sgd.momentum=0.5"]),
    (Kind::Explain, "method.lrp.gamma", &["method.lrp.rule='gamma'"]),
    (Kind::Evaluate, "meta", &["images={x='x.h5',y='y.h5'}"]),
    (Kind::Evaluate, "choose", &["validation='split.a/validation'"]),
    (Kind::ResumeTrain, "architecture", &["from={safetensors='c.safetensors'}", "data='split.a'"]),
    (
        Kind::Metrics,
        "protocol",
        &["deletion-baseline='black'", "insertion-baseline='black'", "pixels-per-step=96"],
    ),
    (Kind::Command, "shell", &["program=[]"]),
    (Kind::Fetch, "dataset", &["files={}"]),
    (Kind::Fetch, "parts", &["files={}", "dataset='pcam'"]),
    (Kind::Metrics, "masks", &["explanations={cam='explain.f'}"]),
    (Kind::Metrics, "meta", &["explanations={cam='explain.f'}"]),
];

/// An explanation of files: only for these does `metrics` accept masks and a meta table.
const OF_FILES: &str = "\
[explain.f]
model = 'train.a'
images = { x = 'x.h5', y = 'y.h5' }
take = 4
method.grad-cam = {}
";

fn load(set: &[String]) -> Result<Pipeline, Invalid> {
    let options = Options { set: set.to_vec(), data: None };
    parse(Path::new("keys.toml"), format!("{PIPELINE}{OF_FILES}"), &options)
}

/// The fingerprint of a stage, with the names of its inputs in place of their content.
pub(crate) fn fingerprint(pipeline: &Pipeline, stage: usize) -> Fingerprint {
    let node = &pipeline.stages[stage];
    let named = node.inputs.iter().map(|input| {
        let name = match &input.source {
            Source::Artifact { stage, artifact } => format!("{}/{artifact}", pipeline.stages[*stage].name),
            Source::File(user) => user.file.path.clone(),
        };
        (input.slot.as_str(), Digest::of(name.as_bytes()))
    });
    Fingerprint::new(&node.stage, named)
}

/// The key of the stage `x` of a kind, after some values are set.
fn key(kind: Kind, set: &[String]) -> Result<Digest, Invalid> {
    let pipeline = load(set)?;
    let is_it = |stage: &usize| pipeline.stages[*stage].name.to_string() == format!("{}.x", kind.word());
    let stage = (0..pipeline.stages.len()).find(is_it).expect("PIPELINE has a stage `x` of every kind");
    Ok(fingerprint(&pipeline, stage).key())
}

/// A field, or a nested field of a table.
struct Leaf {
    kind: Kind,
    /// For example `optimizer.adam.learning-rate`.
    path: String,
    schema: Value,
    /// The setting that creates the enclosing table.
    above: Option<String>,
}

impl Leaf {
    fn set(&self, path: &str, value: &str) -> String {
        format!("{}.x.{path}={value}", self.kind.word())
    }

    /// Whether the field only controls execution and is not part of the key.
    fn is_execution(&self) -> bool {
        let field = self.path.split('.').next().unwrap_or_default();
        execution(self.kind).any(|name| name == field)
    }

    /// The other settings that the field needs.
    fn around(&self) -> Vec<String> {
        let companions =
            COMPANIONS.iter().filter(|(kind, begin, _)| *kind == self.kind && self.path.starts_with(begin));
        let beside =
            companions.flat_map(|(.., set)| set.iter()).map(|set| format!("{}.x.{set}", self.kind.word()));
        self.above.iter().cloned().chain(beside).collect()
    }

    fn with(&self, value: &str) -> Vec<String> {
        [self.around(), vec![self.set(&self.path, value)]].concat()
    }
}

/// The execution fields of a kind.
fn execution(kind: Kind) -> impl Iterator<Item = String> {
    kind.fields().iter().filter(|field| field.class == Class::Execution).map(|field| kebab(field.name))
}

/// Every field of a kind, including nested ones.
fn leaves(kind: Kind) -> Vec<Leaf> {
    let mut found = Vec::new();
    let schema = kind.schema();
    for (field, schema) in schema["properties"].as_object().unwrap() {
        below(kind, field.clone(), schema, None, &mut found);
    }
    found
}

fn below(kind: Kind, path: String, schema: &Value, above: Option<String>, found: &mut Vec<Leaf>) {
    if schema["properties"].as_object().is_some_and(|properties| properties.is_empty()) {
        return;
    }
    let Some(properties) = schema["properties"].as_object() else {
        found.push(Leaf { kind, path, schema: schema.clone(), above });
        return;
    };
    let is_choice = schema["maxProperties"] == 1;
    for (name, schema_below) in properties {
        let least =
            if is_choice { None } else { Some(format!("{}.x.{path}={}", kind.word(), least(schema))) };
        below(kind, format!("{path}.{name}"), schema_below, least, found);
    }
}

/// A table with only its required keys.
fn least(schema: &Value) -> String {
    let required = schema["required"].as_array().into_iter().flatten().map(|key| key.as_str().unwrap());
    let pairs = required.map(|key| format!("{key} = {}", examples(&schema["properties"][key])[0]));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// Example values for a field. The tests skip those that are not valid.
fn examples(schema: &Value) -> Vec<String> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    if let Some(forms) = schema["anyOf"].as_array() {
        // Skip the form `{ path = "x" }`: it is equivalent to `"x"`.
        let forms = forms.iter().filter(|form| form["properties"]["path"].is_null());
        return forms.flat_map(examples).collect();
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(Value::to_string).collect();
    }
    match schema["type"].as_str().unwrap() {
        "boolean" => owned(&["true", "false"]),
        "integer" => owned(&["32", "31", "48", "2", "3", "5"]),
        "number" => owned(&["0.5", "0.25", "0.125"]),
        "string" if schema["pattern"].is_null() => {
            owned(&["'relu3'", "'relu2'", "'aa.h5'", "'aa.h5.gz'", "'b.h5.gz'", "'(a)'", "'(b)'"])
        }
        "string" => owned(&[
            "'split.a'",
            "'split.b'",
            "'split.a/test'",
            "'split.b/test'",
            "'train.a'",
            "'train.b'",
            "'explain.a'",
            "'explain.b'",
        ]),
        "array" => {
            let items = examples(&schema["items"]);
            let length = usize::try_from(schema["minItems"].as_u64().unwrap_or(2)).unwrap();
            let from = |first: usize| (0..length).map(move |index| first + index).collect::<Vec<_>>();
            let list = |first| {
                from(first).iter().map(|index| items[index % items.len()].clone()).collect::<Vec<_>>()
            };
            (0..2).map(|first| format!("[{}]", list(first).join(", "))).collect()
        }
        "object" if schema["properties"].is_object() => vec![least(schema)],
        "object" => owned(&[
            "{ cam = 'explain.a' }",
            "{ cam = 'explain.b' }",
            "{ other = 'explain.a' }",
            "{ cam = 'x.h5' }",
            "{ cam = 'z.h5' }",
            "{ cam = { url = 'https://x.org/x', md5 = '11111111111111111111111111111111' } }",
            "{ cam = { url = 'https://x.org/x', md5 = '11111111111111111111111111111111', unpack = true } }",
        ]),
        other => panic!("no example of {other}"),
    }
}

/// A JSON value as one line of TOML.
fn toml_of(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key} = {}", toml_of(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(toml_of).collect::<Vec<_>>().join(", ")),
        plain => plain.to_string(),
    }
}

#[test]
fn every_change_of_every_field_changes_the_key() {
    let mut told = String::new();
    for leaf in Kind::ALL.into_iter().flat_map(leaves).filter(|leaf| !leaf.is_execution()) {
        let mut keys: BTreeMap<Digest, String> = BTreeMap::new();
        for value in examples(&leaf.schema) {
            let Ok(key) = key(leaf.kind, &leaf.with(&value)) else { continue };
            if let Some(other) = keys.insert(key, value.clone()) {
                let _ = writeln!(told, "{}.{}: {value} has the key of {other}", leaf.kind.word(), leaf.path);
            }
        }
        let enough = leaf.schema["enum"].as_array().map_or(2, |words| words.len().min(2));
        if keys.len() < enough {
            let why: String = examples(&leaf.schema)
                .iter()
                .filter_map(|value| key(leaf.kind, &leaf.with(value)).err())
                .map(|error| error.to_string())
                .collect();
            let _ = writeln!(told, "{}.{}: no two examples of it: {why}", leaf.kind.word(), leaf.path);
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn variants_have_distinct_keys_and_execution_settings_change_none() {
    for kind in Kind::ALL {
        let plain = key(kind, &[]).unwrap();
        for device in ["'cpu'", "'cuda:1'"] {
            let set = format!("{}.x.run={{ device = {device}, threads = 3, memory = '1GiB' }}", kind.word());
            assert_eq!(key(kind, &[set]).unwrap(), plain, "{}", kind.word());
        }
        let passed = ["command.x.pass-environment=['HOME']".to_owned()];
        let known: &[&str] = match kind {
            Kind::Command => {
                assert_eq!(key(kind, &passed).unwrap(), plain);
                &["pass-environment", "run"]
            }
            Kind::Fetch => {
                let official = ["fetch.x.files={}", "fetch.x.dataset='pcam'"].map(str::to_owned);
                let mirrors = ["fetch.x.mirrors=['https://x.org/pcam']".to_owned()];
                let with_mirrors = key(kind, &[&official[..], &mirrors].concat()).unwrap();
                assert_eq!(with_mirrors, key(kind, &official).unwrap());
                &["mirrors", "run"]
            }
            _ => &["run"],
        };
        assert_eq!(execution(kind).collect::<Vec<_>>(), known, "test the new execution field here");
        for (field, schema) in kind.schema()["properties"].as_object().unwrap() {
            if schema["maxProperties"] != 1 {
                continue;
            }
            let mut keys = BTreeMap::new();
            for (variant, of) in schema["properties"].as_object().unwrap() {
                let leaf = Leaf { kind, path: format!("{field}.{variant}"), schema: of.clone(), above: None };
                let key = key(kind, &leaf.with(&least(of))).unwrap();
                assert_eq!(keys.insert(key, variant.clone()), None, "{}.{field}.{variant}", kind.word());
            }
        }
    }
}

#[test]
fn explicit_defaults_change_no_key() {
    let mut count = 0;
    for leaf in Kind::ALL.into_iter().flat_map(leaves) {
        // PIPELINE always sets `program`: a command without one is invalid.
        if (leaf.kind, leaf.path.as_str()) == (Kind::Command, "program") {
            continue;
        }
        let Some(default) = leaf.schema.get("default").map(toml_of) else { continue };
        let (Ok(silent), spelt) = (key(leaf.kind, &leaf.around()), key(leaf.kind, &leaf.with(&default)))
        else {
            continue;
        };
        // Compare the default of a variant with the variant alone.
        let is_variant = leaf.above.is_none() && leaf.path.contains('.');
        let silent = if is_variant {
            let (variant, _) = leaf.path.rsplit_once('.').unwrap();
            key(leaf.kind, &[leaf.around(), vec![leaf.set(variant, "{}")]].concat()).unwrap()
        } else {
            silent
        };
        assert_eq!(spelt.unwrap(), silent, "{}.{} = {default}", leaf.kind.word(), leaf.path);
        count += 1;
    }
    assert!(count > 60, "{count}");
}
