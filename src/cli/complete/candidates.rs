//! The candidates for a value: options, pipeline files, stages, artifacts, keys and numbers.

use std::path::Path;

use serde_json::Value;

use super::{
    super::project::{give_name, store_of},
    line::Line,
};
use crate::{
    pipeline::{self, Pipeline},
    stages::StageName,
};

/// The candidates for what is typed; also others, which do not begin with it.
pub(super) fn candidates(line: &Line) -> Vec<String> {
    let pipeline = || pipeline::load(line.file.as_ref()?, &pipeline::Options::default()).ok();
    let found = match line.wanted.as_str() {
        "FILE" => Some(files(&line.typed)),
        "STAGE" => pipeline().map(|pipeline| stages(&pipeline)),
        "STAGE[/ARTIFACT]" | "STAGE/ARTIFACT" => {
            pipeline().map(|pipeline| with_artifacts(&pipeline, &line.typed))
        }
        "KEY=VALUE" => pipeline().map(|pipeline| keys(&pipeline, &line.typed)),
        "REQUIREMENT" => pipeline().map(|pipeline| requirements(pipeline, line)),
        _ => Some(line.options.clone()),
    };
    found.unwrap_or_default()
}

/// Pipeline files, and folders on the way to them.
fn files(typed: &str) -> Vec<String> {
    let folder = typed.rfind('/').map_or("", |slash| &typed[..=slash]);
    let place = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let hidden = typed[folder.len()..].starts_with('.');
    let names = crate::fsx::list(place).unwrap_or_default();
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

/// Every stage, as the file names it and as its repeats are called.
fn stages(pipeline: &Pipeline) -> Vec<String> {
    let names = pipeline.stages.iter().map(|node| &node.name);
    names.flat_map(|name| [name.written().to_string(), name.to_string()]).collect()
}

/// Stages, and behind a slash the artifacts of one.
fn with_artifacts(pipeline: &Pipeline, typed: &str) -> Vec<String> {
    let Some((stage, _)) = typed.split_once('/') else { return stages(pipeline) };
    let meant = |name: &StageName| name.to_string() == stage || name.written().to_string() == stage;
    let node = pipeline.stages.iter().find(|node| meant(&node.name));
    let artifacts = node.map(|node| node.stage.artifacts()).unwrap_or_default();
    artifacts.iter().map(|artifact| format!("{stage}/{}", artifact.name)).collect()
}

/// The keys of `--set`, one level at a time: `train.base.`, `train.base.optimizer.`, `train.base.epochs=`,
/// and behind that the words that a value may be.
fn keys(pipeline: &Pipeline, typed: &str) -> Vec<String> {
    let stage = typed.match_indices('.').nth(1).map(|(dot, _)| &typed[..dot]);
    let Some(stage) = stage else {
        let written = pipeline.stages.iter().map(|node| format!("{}.", node.name.written()));
        return written.collect();
    };
    let Ok(name) = stage.parse::<StageName>() else { return Vec::new() };
    let mut schema = name.kind.schema();
    schema["properties"]["seeds"] = Value::Object(Default::default());
    let path = &typed[stage.len() + 1..];
    below(&schema, path).into_iter().map(|key| format!("{stage}.{key}")).collect()
}

/// What may follow in the table of a schema, by as much of the path as is typed.
fn below(schema: &Value, path: &str) -> Vec<String> {
    let Some(end) = path.find(['.', '=']) else {
        return properties(schema).map(|(name, key)| format!("{name}{}", end_of(key))).collect();
    };
    let Some((_, key)) = properties(schema).find(|(name, _)| **name == path[..end]) else {
        return Vec::new();
    };
    let head = &path[..=end];
    let rest = if head.ends_with('=') { words(key) } else { below(key, &path[end + 1..]) };
    rest.into_iter().map(|rest| format!("{head}{rest}")).collect()
}

/// The keys of a table, of whichever of its forms has some.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    forms(schema).filter_map(|form| form["properties"].as_object()).flatten()
}

fn end_of(schema: &Value) -> char {
    if properties(schema).next().is_some() { '.' } else { '=' }
}

fn words(schema: &Value) -> Vec<String> {
    let truth = forms(schema).any(|form| form["type"] == "boolean");
    let words = forms(schema).filter_map(|form| form["enum"].as_array()).flatten();
    let words = words.filter_map(|word| word.as_str().map(str::to_owned));
    words.chain(["true", "false"].into_iter().filter(|_| truth).map(str::to_owned)).collect()
}

/// A schema, and those that it is one of.
fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    std::iter::once(schema).chain(schema["anyOf"].as_array().into_iter().flatten())
}

/// The main numbers of every stage's last result; of one that has none, the stage.
fn requirements(mut pipeline: Pipeline, line: &Line) -> Vec<String> {
    let store = store_of(&pipeline, line.store.as_ref()).ok();
    if let Some(store) = &store {
        give_name(&mut pipeline, store);
    }
    let of = |name: &StageName| {
        let previous =
            store.as_ref().and_then(|store| store.previous(&pipeline.name, &name.to_string()).ok()?);
        let numbers = previous.map(|record| record.numbers).unwrap_or_default();
        let written = name.written();
        match numbers.is_empty() {
            true => vec![format!("{written}.")],
            false => numbers.iter().map(|number| format!("{written}.{}", number.name)).collect(),
        }
    };
    pipeline.stages.iter().flat_map(|node| of(&node.name)).collect()
}
