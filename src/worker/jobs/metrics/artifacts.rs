//! The artifacts and main numbers of a comparison.

use anyhow::Result;
use pcamflow::{
    metrics::faithfulness::{Comparison, Faithfulness, MethodSummary, Summary},
    protocol::Number,
    report::{self, Picture},
    stages::metrics::Metrics,
};

use super::{Explanations, curves_file};
use crate::{job::Job, jobs::odd_maps, numbers::defined};

/// What odd maps mean here: zero, constant, not finite.
const ODD: [&str; 3] = [
    "their pixels go in row-major order",
    "their pixels go in row-major order",
    "they have no curve and are in no mean",
];

/// Writes every artifact. Warns of odd maps, and of baselines that already score as the explained class.
///
/// # Errors
/// The disk is full.
pub(super) fn write(
    job: &Job<'_>,
    stage: &Metrics,
    explanations: &Explanations,
    comparison: &Comparison,
    faithfulness: &Faithfulness,
) -> Result<()> {
    let Faithfulness { summary, images, .. } = faithfulness;
    for method in &summary.methods {
        let prefix = format!("{}: ", method.label);
        odd_maps::warn(job.reporter, &prefix, &method.odd_maps, comparison.images.len(), ODD);
    }
    summary.warnings.iter().for_each(|warning| job.reporter.warn(warning));
    job.write_json("summary.json", summary)?;
    job.write_table("per-image.csv", images)?;
    curves_file::write(&job.artifact("curves.h5"), stage, explanations, comparison)?;
    job.write("report.txt", report::faithfulness_report(summary).as_bytes())?;
    job.write_picture("curves", &report::faithfulness_curves(faithfulness))?;
    job.write_picture("areas", &report::faithfulness_areas(summary))?;
    let nothing =
        || Picture::of_words("Metrics: localisation", "No positive image has a finite map: nothing to find.");
    job.write_picture("localisation", &report::localisation_plot(summary).unwrap_or_else(nothing))
}

/// The mean area under each curve of each explanation, named as in `curves.h5`.
pub(super) fn numbers(summary: &Summary) -> Vec<Number> {
    let areas = |method: &MethodSummary| {
        let name = |curve: &str| format!("{}/{curve}", method.label);
        [(name("insertion"), method.insertion.mean), (name("deletion"), method.deletion.mean)]
    };
    defined(summary.methods.iter().filter(|method| !method.control).flat_map(areas))
}
