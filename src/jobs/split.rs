//! Computes `split`: from the stage's table and its inputs to the request.

use anyhow::{Context, Result};

use super::outcome::on_cpu;
use crate::{
    data::{
        Source,
        split::{Algorithm, GroupBy, Parts, SplitRequest, split},
    },
    protocol::{Outcome, Task},
    serve::Reporter,
    stages::split::{self as stages, Split},
};

pub(super) fn run(stage: &Split, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let source = |slot: &str| {
        let input = task.inputs.get(slot)?;
        Some(Source::new(&input.path, &input.name))
    };
    let request = SplitRequest {
        images: source("images").context("the task names no images")?,
        labels: source("labels").context("the task names no labels")?,
        meta: source("meta"),
        masks: source("masks"),
        sizes: Parts { train: stage.sizes.train, validation: stage.sizes.validation, test: stage.sizes.test },
        algorithm: match stage.algorithm {
            stages::Algorithm::Pcamflow => Algorithm::Pcamflow,
            stages::Algorithm::ScikitLearn => Algorithm::ScikitLearn,
        },
        seed: stage.seed,
        group_by: stage
            .group_by
            .as_ref()
            .map(|column| GroupBy { column: column.clone(), tolerance: stage.group_tolerance }),
        folder: task.staging.clone(),
    };
    let report = split(&request, &mut |done, total| reporter.progress(done, total, "patches", ""))?;
    Ok(on_cpu(report.parts.named().map(|(name, part)| (name, part.got.patches))))
}
