//! The repeats of a stage together: mean and spread of each of its main numbers.
//!
//! Knows stages by name and their numbers; the statistics are `spread`'s, the files `files`'.

mod files;
mod spread;

use crate::engine::tell::ended::FinishedStage;
use crate::{pipeline::Pipeline, stages::StageName};

pub(in crate::engine) use files::show;
pub use spread::{Repeated, Spread};

/// What the finished stages of a run say together, in the order of the file. Stages of which the run is
/// about some repeats only, and those of which none is finished, are left out.
pub(in crate::engine) fn repeats(
    pipeline: &Pipeline,
    order: &[usize],
    finished: &[FinishedStage],
) -> Vec<Repeated> {
    let mut groups: Vec<(StageName, Vec<usize>)> = Vec::new();
    for (index, node) in pipeline.stages.iter().enumerate().filter(|(_, node)| node.name.repeat.is_some()) {
        let written = node.name.of_any_seed();
        match groups.last_mut() {
            // Repeats stand side by side.
            Some((name, stages)) if *name == written => stages.push(index),
            _ => groups.push((written, vec![index])),
        }
    }
    let whole = groups.iter().filter(|(_, stages)| stages.iter().all(|stage| order.contains(stage)));
    let result = |name: &StageName| {
        let text = name.to_string();
        Some((name.repeat?, finished.iter().find(|stage| stage.stage == text)))
    };
    let together = whole.map(|(name, stages)| {
        let names = stages.iter().map(|stage| &pipeline.stages[*stage].name);
        together(name, names.filter_map(result))
    });
    together.filter(|repeated| repeated.missing.len() < repeated.seeds.len()).collect()
}

/// The repeats of one stage: each seed with what was finished.
pub(in crate::engine) fn together<'a>(
    name: &StageName,
    each: impl Iterator<Item = (u64, Option<&'a FinishedStage>)>,
) -> Repeated {
    let (seeds, results): (Vec<u64>, Vec<Option<&FinishedStage>>) = each.unzip();
    let missing = seeds.iter().zip(&results).filter(|(_, result)| result.is_none());
    Repeated {
        stage: name.to_string(),
        missing: missing.map(|(seed, _)| *seed).collect(),
        numbers: numbers(&results),
        seeds,
    }
}

/// Every number that one of the results has, as they come.
fn numbers(results: &[Option<&FinishedStage>]) -> Vec<Spread> {
    let mut names: Vec<&str> = Vec::new();
    for number in results.iter().flatten().flat_map(|result| &result.numbers) {
        if !names.contains(&number.name.as_str()) {
            names.push(&number.name);
        }
    }
    let value = |result: &Option<&FinishedStage>, name: &str| {
        let number = result.as_ref()?.numbers.iter().find(|number| number.name == name)?;
        Some(number.value).filter(|value| value.is_finite())
    };
    let values = |name: &str| results.iter().map(|result| value(result, name)).collect();
    names.into_iter().map(|name| Spread::of(name, values(name))).collect()
}
