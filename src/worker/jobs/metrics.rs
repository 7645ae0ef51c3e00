//! Stage kind `metrics`: insertion, deletion and localisation of several explanations side by side.
//!
//! Asks the model about images whose pixels are deleted and inserted in the order of existing maps. The
//! numbers are summarised in `pcamflow::metrics`.

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

use super::{
    classifier::{self, How},
    making,
};
use crate::{
    baseline::Fill,
    faithfulness::{Course, Pace, Walker},
    job::Job,
};
use explanations::Explanations;
use measuring::{Measured, Measuring};
use subject::Subject;

/// An image is predicted as tumour if its probability is above this.
const THRESHOLD: f64 = 0.5;

/// Computes the stage.
///
/// # Errors
/// The maps, the patches or the model are invalid, or the maps do not belong together.
pub(super) fn run(job: &Job<'_>, stage: &Metrics) -> Result<Outcome> {
    let explanations = Explanations::open(job, stage)?;
    let subject = Subject::open(job, stage, &explanations)?;
    let side = subject.images.set.side();
    let output = making::output(explanations.first())?;
    let normalise = making::normalise(explanations.first(), stage.normalise.as_ref())?;
    let how = How { precision: stage.precision, normalise: normalise.as_ref(), output };
    let network = &*classifier::open(job, &how, &subject.images)?;
    let course = Course::new(stage.protocol, side, usize::try_from(stage.pixels_per_step)?);
    let baselines = baselines(stage);
    let pace = Pace::new(network, side, &job.task.resources)?;
    let walker = Walker {
        deletion: Fill::new(job, &baselines[0])?,
        insertion: Fill::new(job, &baselines[1])?,
        side,
        points: course.points.clone(),
        chunk: pace.chunk,
    };
    let centre_box = subject.images.box_region();
    let (explanations, subject, course) = (&explanations, &subject, &course);
    let measuring = Measuring { job, stage, explanations, subject, course, centre_box };
    let measured = measuring.measure(network, &walker, pace.threads)?;
    if measured.empty_masks > 0 {
        let (count, name) = (measured.empty_masks, &subject.images.name);
        let text =
            format!("{count} positives of {name} have an empty mask: only the centre box counts for them");
        job.reporter.warn(&text);
    }
    let comparison = comparison(&measuring, baselines, measured);
    let faithfulness = job.threads()?.install(|| faithfulness::faithfulness(&comparison))?;
    artifacts::write(job, stage, explanations, &comparison, &faithfulness)?;
    Ok(Outcome { numbers: artifacts::numbers(&faithfulness.summary), ..Outcome::default() })
}

/// The baselines of deletions and of insertions.
fn baselines(stage: &Metrics) -> [Baseline; 2] {
    match stage.protocol {
        Protocol::Rank => [stage.deletion_baseline, stage.insertion_baseline],
        Protocol::Threshold => [Baseline::Black; 2],
    }
}

fn comparison(measuring: &Measuring<'_>, baselines: [Baseline; 2], measured: Measured) -> Comparison {
    let Measuring { stage, course, .. } = measuring;
    let [deletion_baseline, insertion_baseline] = baselines.map(|baseline| baseline.to_string());
    let named = [deletion_baseline.clone(), insertion_baseline.clone()].into_iter().zip(measured.baselines);
    let mut baselines: Vec<_> = named.map(|(name, scores)| faithfulness::Baseline { name, scores }).collect();
    baselines.dedup_by(|second, first| second.name == first.name);
    let bootstrap = Bootstrap { resamples: stage.resamples, seed: stage.seed, ..Bootstrap::default() };
    Comparison {
        images: measured.images,
        methods: measured.methods,
        baselines,
        protocol: match stage.protocol {
            Protocol::Rank => faithfulness::Protocol::Ranked,
            Protocol::Threshold => faithfulness::Protocol::Threshold,
        },
        fractions: course.fractions.clone(),
        deletion_baseline,
        insertion_baseline,
        settings: FaithfulnessSettings {
            threshold: THRESHOLD,
            bootstrap,
            centre_box: measuring.centre_box.is_some(),
        },
    }
}

#[cfg(test)]
mod tests;
