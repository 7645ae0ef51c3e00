//! The candidates for a word: options, pipeline files, stages, artifacts, keys of `--set`, and topics of the guide.

use std::path::Path;

use serde_json::Value;

use super::{super::guide::topics, line::Line};
use crate::{
    fsx,
    pipeline::{self, Pipeline},
    stages::StageName,
};

/// The candidates for a word. Some may not begin with what is typed.
pub(super) fn candidates(line: &Line) -> Vec<String> {
    let pipeline = || pipeline::load(line.file.as_ref()?, &pipeline::Options::default()).ok();
    let found = match line.value.as_str() {
        "FILE" => Some(files(&line.typed)),
        "STAGE" => pipeline().map(|pipeline| stages(&pipeline)),
        "STAGE[/ARTIFACT]" | "STAGE/ARTIFACT" => {
            pipeline().map(|pipeline| stages_or_artifacts(&pipeline, &line.typed))
        }
        "TOPIC" => Some(topics()),
        "KEY=VALUE" => pipeline().map(|pipeline| keys(&pipeline, &line.typed)),
        _ => Some(line.options.clone()),
    };
    found.unwrap_or_default()
}

/// Pipeline files and folders.
fn files(typed: &str) -> Vec<String> {
    let folder = typed.rfind('/').map_or("", |slash| &typed[..=slash]);
    let place = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let hidden = typed[folder.len()..].starts_with('.');
    let names = fsx::list(place).unwrap_or_default();
    let names = names.iter().filter_map(|name| name.to_str());
    names
        .filter(|name| hidden || !name.starts_with('.'))
        .filter_map(|name| match place.join(name) {
            path if path.is_dir() => Some(format!("{folder}{name}/")),
            _ if name.ends_with(".toml") => Some(format!("{folder}{name}")),
            _ => None,
        })
        .collect()
}

/// Every stage, as in the file and with its seed.
fn stages(pipeline: &Pipeline) -> Vec<String> {
    let names = pipeline.stages.iter().map(|node| &node.name);
    names.flat_map(|name| [name.written().to_string(), name.to_string()]).collect()
}

/// Stages, or after a slash the artifacts of one.
fn stages_or_artifacts(pipeline: &Pipeline, typed: &str) -> Vec<String> {
    let Some((stage, _)) = typed.split_once('/') else { return stages(pipeline) };
    let is_it = |name: &StageName| name.to_string() == stage || name.written().to_string() == stage;
    let node = pipeline.stages.iter().find(|node| is_it(&node.name));
    let artifacts = node.map(|node| node.stage.artifacts()).unwrap_or_default();
    artifacts.iter().map(|artifact| format!("{stage}/{}", artifact.name)).collect()
}

/// The keys of `--set`, one level at a time: `train.base.`, `train.base.optimizer.`, `train.base.epochs=`.
fn keys(pipeline: &Pipeline, typed: &str) -> Vec<String> {
    let Some((dot, _)) = typed.match_indices('.').nth(1) else {
        return pipeline.stages.iter().map(|node| format!("{}.", node.name.written())).collect();
    };
    let Ok(name) = typed[..dot].parse::<StageName>() else { return Vec::new() };
    let mut schema = name.kind.schema();
    schema["properties"]["seeds"] = Value::Object(Default::default());
    below(&schema, &typed[dot + 1..]).into_iter().map(|key| format!("{}{key}", &typed[..=dot])).collect()
}

/// The keys in the table of a schema, after the part of the path that is typed.
fn below(schema: &Value, path: &str) -> Vec<String> {
    let Some((table, rest)) = path.split_once('.') else {
        let end = |key| if properties(key).next().is_some() { '.' } else { '=' };
        return properties(schema).map(|(name, key)| format!("{name}{}", end(key))).collect();
    };
    let key = properties(schema).find(|(name, _)| *name == table);
    let keys = key.map(|(_, key)| below(key, rest)).unwrap_or_default();
    keys.into_iter().map(|key| format!("{table}.{key}")).collect()
}

/// The keys of a table, in any of its forms.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let forms = std::iter::once(schema).chain(schema["anyOf"].as_array().into_iter().flatten());
    forms.filter_map(|form| form["properties"].as_object()).flatten()
}
