//! Stage kind `metrics`: insertion, deletion and localisation of several explanations side by side.
//!
//! Reads the maps that others made, asks the model about images in which their pixels go and come, and
//! leaves what is said of the numbers to the mathematics.

mod artifacts;
mod curves_file;
mod explanations;
mod measuring;
mod subject;

use anyhow::Result;
use pcamflow::{
    metrics::{
        Bootstrap,
        faithfulness::{self, Comparison, FaithfulnessSettings},
    },
    protocol::Outcome,
    stages::{
        Baseline,
        metrics::{Metrics, Protocol},
    },
};

use crate::{
    baseline::Fill,
    faithfulness::{Course, Pace, Walker},
    job::Job,
};
use explanations::Explanations;
use measuring::{Measured, Measuring};
use subject::Subject;

/// Predicted as tumour is what has a probability above it.
const THRESHOLD: f64 = 0.5;

/// Computes the stage.
///
/// # Errors
/// What is wrong with the maps, the patches or the model; maps that do not belong together.
pub(super) fn run(job: &Job<'_>, stage: &Metrics) -> Result<Outcome> {
    let explanations = Explanations::open(job, stage)?;
    let subject = Subject::open(job, stage, &explanations)?;
    let network = job.model()?;
    let course = Course::new(stage.protocol, usize::try_from(stage.pixels_per_step)?);
    let baselines = baselines(stage);
    let pace = Pace::new(&network, &job.task.resources)?;
    let walker = Walker {
        deletion: Fill::new(job, &baselines[0])?,
        insertion: Fill::new(job, &baselines[1])?,
        points: course.points.clone(),
        chunk: pace.chunk,
    };
    let measuring = Measuring { job, stage, explanations: &explanations, subject: &subject, course: &course };
    let measured = measuring.measure(&network, &walker, pace.threads)?;
    subject.report_odd_masks(job.reporter);
    let comparison = comparison(stage, &course, baselines, measured);
    let faithfulness = job.threads()?.install(|| faithfulness::faithfulness(&comparison))?;
    job.write_faithfulness(stage, &explanations, &comparison, &faithfulness)?;
    Ok(Outcome { numbers: artifacts::numbers(&faithfulness.summary), ..Outcome::default() })
}

/// What stands where pixels are missing: of deletions and of insertions.
fn baselines(stage: &Metrics) -> [Baseline; 2] {
    match stage.protocol {
        Protocol::Rank => [stage.deletion_baseline, stage.insertion_baseline],
        Protocol::Threshold => [Baseline::Black; 2],
    }
}

fn comparison(stage: &Metrics, course: &Course, baselines: [Baseline; 2], measured: Measured) -> Comparison {
    let [deletion, insertion] = baselines.map(|baseline| baseline.to_string());
    let mut scores: Vec<_> = [deletion.clone(), insertion.clone()]
        .into_iter()
        .zip(measured.baselines)
        .map(|(name, scores)| faithfulness::Baseline { name, scores })
        .collect();
    scores.dedup_by(|second, first| second.name == first.name);
    let bootstrap = Bootstrap { resamples: stage.resamples, seed: stage.seed, ..Bootstrap::default() };
    Comparison {
        images: measured.images,
        methods: measured.methods,
        baselines: scores,
        protocol: match stage.protocol {
            Protocol::Rank => faithfulness::Protocol::Ranked,
            Protocol::Threshold => faithfulness::Protocol::Threshold,
        },
        fractions: course.fractions.clone(),
        deletion_baseline: deletion,
        insertion_baseline: insertion,
        settings: FaithfulnessSettings { threshold: THRESHOLD, bootstrap },
    }
}

#[cfg(test)]
mod tests;
