//! Computes `split`, and warns of parts that are bad for measuring.

use anyhow::{Context, Result};

use super::outcome::on_cpu;
use crate::{
    data::{
        Source,
        split::{Algorithm, ClassCounts, GroupBy, Parts, SplitReport, SplitRequest, split},
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
        images: source("images").context("the task has no images")?,
        labels: source("labels").context("the task has no labels")?,
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
    report.warnings.iter().for_each(|text| reporter.warn(text));
    warn(&report, reporter);
    Ok(on_cpu(report.parts.named().map(|(name, part)| (name, part.got.patches))))
}

/// Warns of parts on which measuring is doubtful.
fn warn(report: &SplitReport, reporter: &dyn Reporter) {
    for (count, part, with) in report.duplicates.across() {
        let of = report.parts.named().find(|(name, _)| *name == part).map_or(0, |(_, part)| part.got.patches);
        reporter.warn(&format!(
            "{count} of {of} patches of `{part}` are also in `{with}`, pixel for pixel: measuring on them tests \
             nothing; remove duplicates from the source, or keep their slides together (`group-by`)"
        ));
    }
    for (name, part) in report.parts.named() {
        let ClassCounts { patches, class_0, class_1, .. } = part.got;
        if class_0 == 0 || class_1 == 0 {
            let class = u8::from(class_0 == 0);
            reporter.warn(&format!("all {patches} patches of `{name}` are of class {class}"));
        }
    }
}
