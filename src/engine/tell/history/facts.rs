//! The parameters, sources and numbers of a recorded run, stage by stage.
//!
//! The recorded texts and overrides are loaded again, so the parameters of failed stages are known as well. If
//! that is not possible (a newer pcamflow refuses the text), they come from action records. Repeats of a stage (`train.base@1`, `train.base@2`) count as one stage: different values are
//! listed together, and numbers have a mean and a spread.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::pipeline_of;
use crate::{
    engine::tell::repeats::Spread,
    pipeline::{Source, StageNode},
    stages::{AnyStage, Class, join, kebab},
    store::{ActionRecord, Number, RunRecord, Store},
};

/// What a run was made from, and its numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Its stages, as the pipeline file names them.
    pub stages: BTreeSet<String>,
    /// The parameters, those at their defaults included: `train.base.epochs` -> `8`.
    pub parameters: BTreeMap<String, String>,
    /// The source files: `split.pcam.images` -> `x.h5 1a2b3c4d5e`, the beginning of its digest.
    pub sources: BTreeMap<String, String>,
    /// Whether all parameters are there. Otherwise defaults are left out, and stages without a result.
    pub complete: bool,
    /// The main numbers, in the order of the stages: the stage, and the number over its repeats.
    pub numbers: Vec<(String, Spread)>,
}

/// The different values of each parameter or source over the repeats.
type Values = BTreeMap<String, Vec<String>>;

impl Facts {
    /// The facts of a run.
    #[must_use]
    pub fn of(store: &Store, record: &RunRecord) -> Self {
        let pipeline = pipeline_of(record).ok();
        let nodes = pipeline.iter().flat_map(|pipeline| &pipeline.stages);
        let nodes: HashMap<String, &StageNode> = nodes.map(|node| (node.name.to_string(), node)).collect();
        let (mut parameters, mut sources) = (Values::new(), Values::new());
        for stage in &record.stages {
            let action = stage.key.and_then(|key| store.record(&key).ok()?.found());
            match nodes.get(&stage.name) {
                Some(node) => from_pipeline(node, action.as_ref(), &mut parameters, &mut sources),
                None => from_action(&stage.name, action.as_ref(), &mut parameters),
            }
        }
        Self {
            stages: record.stages.iter().map(|stage| written(&stage.name).to_owned()).collect(),
            parameters: joined(parameters),
            sources: joined(sources),
            complete: pipeline.is_some(),
            numbers: numbers(record),
        }
    }
}

/// The name of a stage in the pipeline file, without the seed of a repeat.
fn written(name: &str) -> &str {
    name.rsplit_once('@').map_or(name, |(stage, _)| stage)
}

fn from_pipeline(
    node: &StageNode,
    action: Option<&ActionRecord>,
    parameters: &mut Values,
    sources: &mut Values,
) {
    let name = node.name.to_string();
    let stage = written(&name);
    for (path, value) in written_out(&node.stage) {
        add(parameters, format!("{stage}.{path}"), value);
    }
    for input in &node.inputs {
        let Source::File(user) = &input.source else { continue };
        let of_record = action.and_then(|action| action.lines.get(&format!("input {}", input.slot)));
        let digest = of_record.map(|digest| digest.chars().take(10).collect::<String>());
        if let Some(digest) = digest.or_else(|| user.file.blake3.map(|pin| pin.short())) {
            add(sources, format!("{stage}.{}", input.slot), format!("{} {digest}", user.file.path));
        }
    }
}

/// The parameters of a stage that are part of its key, and the stages that it reads, each with its value.
fn written_out(stage: &AnyStage) -> Vec<(String, String)> {
    let mut values = Vec::new();
    let Ok(Value::Object(tagged)) = serde_json::to_value(stage) else { return values };
    let Some((_, Value::Object(fields))) = tagged.into_iter().next() else { return values };
    for field in stage.kind().fields() {
        let name = kebab(field.name);
        match (field.class, fields.get(&name)) {
            (Class::Semantic | Class::Inherited, Some(value)) => flatten(&name, value, &mut values),
            // Files are listed with their digests, as sources.
            (Class::Input, Some(value @ Value::String(_))) => flatten(&name, value, &mut values),
            (Class::Input | Class::Execution, _) | (_, None) => {}
        }
    }
    values
}

/// The values in a value: `optimizer.adam.learning-rate`, and the name of a choice as `optimizer`.
fn flatten(path: &str, value: &Value, values: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let mut inner = fields.iter();
            if let (Some((choice, Value::Object(_))), None) = (inner.next(), inner.next()) {
                values.push((path.to_owned(), choice.clone()));
            }
            fields.iter().for_each(|(name, value)| flatten(&join(path, name), value, values));
        }
        Value::String(text) => values.push((path.to_owned(), text.clone())),
        Value::Null => values.push((path.to_owned(), NONE.to_owned())),
        Value::Array(all) => values.push((path.to_owned(), list(all))),
        other => values.push((path.to_owned(), other.to_string())),
    }
}

/// A list as people write it.
fn list(all: &[Value]) -> String {
    let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("[{}]", all.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The value of a parameter that is not set.
pub(super) const NONE: &str = "none";

fn from_action(name: &str, action: Option<&ActionRecord>, parameters: &mut Values) {
    for (line, value) in action.iter().flat_map(|action| &action.lines) {
        if let Some(path) = line.strip_prefix("parameter ") {
            let value = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.clone());
            add(parameters, format!("{}.{path}", written(name)), value);
        }
    }
}

fn add(values: &mut Values, key: String, value: String) {
    let values = values.entry(key).or_default();
    if !values.contains(&value) {
        values.push(value);
    }
}

fn joined(values: Values) -> BTreeMap<String, String> {
    // The marker of a table adds nothing to its fields.
    let values = values.into_iter().filter(|(_, values)| values.iter().any(|value| value != "{}"));
    values.map(|(key, values)| (key, values.join(", "))).collect()
}

/// The numbers of all stages; those of repeats together.
fn numbers(record: &RunRecord) -> Vec<(String, Spread)> {
    let mut groups: Vec<(&str, Vec<&[Number]>)> = Vec::new();
    for stage in &record.stages {
        let name = written(&stage.name);
        match groups.iter_mut().find(|(other, _)| *other == name) {
            Some((_, repeats)) => repeats.push(&stage.numbers),
            None => groups.push((name, vec![&stage.numbers])),
        }
    }
    let of_stage = |(name, repeats): &(&str, Vec<&[Number]>)| {
        let spreads = Spread::of_each(repeats).into_iter();
        spreads.map(|spread| ((*name).to_owned(), spread)).collect::<Vec<_>>()
    };
    groups.iter().flat_map(of_stage).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::path::Path;

    use crate::store::{self, Ended, Outcome, RUN_FORMAT, RunStage, Text};

    pub(in crate::engine::tell::history) const TEXT: &str = "\
[synthesize.s]
patches = 12
[split.d]
images = 'synthesize.s/images'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
algorithm = 'scikit-learn'
[train.t]
data = 'split.d'
epochs = 3
seeds = [1, 2]
";

    /// A record of a run of that text, with these accuracies of the two trainings.
    pub(in crate::engine::tell::history) fn record(id: u64, set: &[&str], accuracies: [f64; 2]) -> RunRecord {
        let stage = |name: &str, value: Option<f64>| RunStage {
            name: name.to_owned(),
            outcome: Outcome::Computed,
            seconds: Some(2.0),
            numbers: value.map(|value| Number { name: "accuracy".to_owned(), value }).into_iter().collect(),
            ..RunStage::default()
        };
        RunRecord {
            format: RUN_FORMAT,
            id,
            pipeline: "p".to_owned(),
            file: "p.toml".to_owned(),
            texts: vec![Text { name: "p.toml".to_owned(), text: TEXT.into() }],
            set: set.iter().map(|set| (*set).to_owned()).collect(),
            stages: vec![
                stage("synthesize.s", None),
                stage("split.d", None),
                stage("train.t@1", Some(accuracies[0])),
                stage("train.t@2", Some(accuracies[1])),
            ],
            ended: Some(Ended::Done),
            ..RunRecord::default()
        }
    }

    pub(in crate::engine::tell::history) fn facts(record: &RunRecord) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        Facts::of(&Store::open(folder.path(), store::Options::default()).unwrap(), record)
    }

    #[test]
    fn parameters_come_from_texts_and_overrides_and_repeats_are_one_stage() {
        let facts = facts(&record(1, &["train.t.epochs=5"], [0.5, 0.7]));
        assert_eq!(facts.parameters["train.t.epochs"], "5");
        assert_eq!(facts.parameters["train.t.seed"], "1, 2");
        assert_eq!(facts.parameters["split.d.algorithm"], "scikit-learn");
        // Defaults are there as well, and the name of a choice.
        assert_eq!(facts.parameters["train.t.optimizer"], "adam");
        assert_eq!(facts.parameters["train.t.optimizer.adam.learning-rate"], "0.001");
        assert_eq!(facts.parameters["train.t.data"], "split.d");
        assert!(facts.complete && !facts.parameters.contains_key("split.d.labels"));
        assert!(facts.stages.contains("train.t") && facts.stages.len() == 3);
        let (stage, accuracy) = &facts.numbers[0];
        assert_eq!((stage.as_str(), accuracy.n), ("train.t", 2));
        assert!((accuracy.mean.unwrap() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn if_the_text_cannot_be_loaded_parameters_come_from_action_records() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), store::Options::default()).unwrap();
        let key = crate::digest::Digest::of(b"key");
        let lines = [("kind", "train"), ("parameter epochs", "9"), ("parameter optimizer", "{}")];
        let action = ActionRecord {
            format: store::RECORD_FORMAT,
            key,
            stage: "train.t".to_owned(),
            kind: "train".to_owned(),
            lines: lines.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            artifacts: store::Artifacts::new(),
            log: None,
            made: store::Provenance::default(),
            numbers: Vec::new(),
            home: None,
        };
        store.commit(action, store::Existing::Keep).unwrap();
        let mut run = record(1, &[], [0.5, 0.7]);
        run.texts[0].text = "[from.the-future]".into();
        run.stages[2].key = Some(key);
        let facts = Facts::of(&store, &run);
        assert_eq!(facts.parameters, BTreeMap::from([("train.t.epochs".to_owned(), "9".to_owned())]));
        // The text of a file that it extends comes from the record, too, whether or not the file still exists.
        let mut run = record(1, &[], [0.5, 0.7]);
        run.texts[0].text = format!("extends = 'base.toml'\n{}", run.texts[0].text).into();
        assert_eq!(Facts::of(&store, &run).parameters, BTreeMap::new());
        let name = Path::new(&run.file).with_file_name("base.toml").display().to_string();
        run.texts.push(Text { name, text: "[train.t]\nbatch-size = 3\n".into() });
        assert_eq!(Facts::of(&store, &run).parameters["train.t.batch-size"], "3");
    }
}
