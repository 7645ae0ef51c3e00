//! Stage kind `evaluate`: predicts labelled patches and says what the model is worth.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    metrics::{
        Bootstrap, ChosenThreshold, Criterion, Evaluation, EvaluationSettings, Predictions, evaluate, sigmoid,
    },
    protocol::{Number, Outcome},
    report,
    stages::evaluate::{Choose, Evaluate},
};
use serde::Serialize;

use super::images::Images;
use crate::{
    batch_size::batch_size,
    job::Job,
    model::Network,
    predict::{default_batch, predict},
};

/// One line of `predictions.csv`.
#[derive(Debug, Serialize)]
struct Line {
    row: i64,
    label: u8,
    probability: f64,
    logit: f32,
    predicted: u8,
}

/// Computes the stage.
///
/// # Errors
/// What is wrong with the model or the patches; a model that gives no finite logit; validation patches of
/// one class.
pub(super) fn run(job: &Job<'_>, stage: &Evaluate) -> Result<Outcome> {
    let images = Images::open(job, stage.take, stage.seed)?;
    let validation = match stage.validation {
        Some(_) => Some(Images::open_slot(job, "validation", None, stage.seed)?),
        None => None,
    };
    images.note(job);
    validation.iter().for_each(|images| images.note(job));
    let mut asking = Asking::new(job, [Some(&images), validation.as_ref()])?;
    let slides = images.chosen_slides(job)?;
    // First, so that an error in it comes before the rest is computed.
    let chosen = validation.as_ref().map(|images| choose(&mut asking, images, stage.choose)).transpose()?;
    let logits = asking.logits(&images)?;
    [Some(&images), validation.as_ref()].into_iter().flatten().for_each(|images| images.warn_of_blank(job));
    asking.measures();
    let lines = lines(&logits, &images, stage.threshold);
    let mut predictions = predictions(&logits, &images)?;
    if let Some(slides) = slides {
        predictions = predictions.of_slides(&slides)?;
    }
    let evaluation = measure(job, stage, &predictions, chosen)?;
    write(job, &lines, &predictions, &evaluation)?;
    Ok(Outcome { numbers: numbers(&evaluation), ..Outcome::default() })
}

/// A model, and how far it has come with all that it is asked.
struct Asking<'a> {
    job: &'a Job<'a>,
    network: Network,
    batch: usize,
    done: u64,
    total: u64,
}

impl<'a> Asking<'a> {
    fn new(job: &'a Job<'_>, all: [Option<&Images>; 2]) -> Result<Self> {
        let network = job.model()?;
        let batch = batch_size(&network, &job.task.resources, default_batch(job.device))?;
        let total = all.into_iter().flatten().map(|images| images.positions.len() as u64).sum();
        Ok(Self { job, network, batch, done: 0, total })
    }

    /// The logits of the chosen patches, all finite. A batch of another size is computed by other kernels,
    /// which round otherwise: so all are of one size, the last one filled with its last patch. On a CPU the
    /// logit of a patch then does not depend on its place.
    fn logits(&mut self, images: &Images) -> Result<Vec<f32>> {
        let Self { job, network, batch, done, total } = self;
        let (mut positions, all) = (images.positions.clone(), images.positions.len());
        let batch = (*batch).min(all.max(1));
        positions.resize(all.next_multiple_of(batch), positions.last().copied().unwrap_or_default());
        let end = *done + all as u64;
        let mut logits = predict(network, images, &positions, batch, |images| {
            *done = (*done + images as u64).min(end);
            job.reporter.progress(*done, *total, "images", "predicting");
        })?;
        logits.truncate(all);
        check_finite(&logits, images)?;
        Ok(logits)
    }

    fn measures(&self) {
        self.job.reporter.progress(self.total, self.total, "images", "measuring");
    }
}

fn choose(asking: &mut Asking<'_>, images: &Images, choose: Choose) -> Result<ChosenThreshold> {
    let criterion = match choose {
        Choose::Accuracy => Criterion::Accuracy,
        Choose::Youden => Criterion::Youden,
        Choose::F1 => Criterion::F1,
    };
    let predictions = predictions(&asking.logits(images)?, images)?;
    let wrong = || format!("cannot choose a threshold on {}", images.name());
    ChosenThreshold::of(&predictions, criterion).with_context(wrong)
}

fn predictions(logits: &[f32], images: &Images) -> Result<Predictions> {
    let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
    Predictions::new(&images.chosen_labels(), &probabilities)
}

fn check_finite(logits: &[f32], images: &Images) -> Result<()> {
    let wrong = logits.iter().zip(&images.positions).find(|(logit, _)| !logit.is_finite());
    let (logit, row) = wrong.map_or((0.0, 0), |(logit, &at)| (*logit, images.row(at)));
    ensure!(
        wrong.is_none(),
        "the model gives the logit {logit} for row {row} of {}: its weights are too large to compute with; \
         train it anew with a smaller learning rate",
        images.name()
    );
    Ok(())
}

fn lines(logits: &[f32], images: &Images, threshold: f64) -> Vec<Line> {
    let known = images.chosen_rows().into_iter().zip(images.chosen_labels());
    let line = |((row, label), &logit): ((i64, u8), &f32)| {
        let probability = sigmoid(logit);
        Line { row, label, probability, logit, predicted: u8::from(probability > threshold) }
    };
    known.zip(logits).map(line).collect()
}

/// The bootstrap runs on as many threads as the stage may use.
fn measure(
    job: &Job<'_>,
    stage: &Evaluate,
    predictions: &Predictions,
    chosen: Option<ChosenThreshold>,
) -> Result<Evaluation> {
    let settings = EvaluationSettings {
        threshold: stage.threshold,
        classes: stage.classes.clone(),
        bootstrap: Bootstrap { resamples: stage.resamples, seed: stage.seed, ..Bootstrap::default() },
    };
    job.threads()?.install(|| {
        let evaluation = evaluate(predictions, &settings)?;
        Ok(match chosen {
            Some(chosen) => evaluation.beside(chosen, predictions),
            None => evaluation,
        })
    })
}

fn write(job: &Job<'_>, lines: &[Line], predictions: &Predictions, evaluation: &Evaluation) -> Result<()> {
    job.write_json("metrics.json", evaluation)?;
    job.write_table("predictions.csv", lines)?;
    job.write("report.txt", report::evaluation_report(evaluation).as_bytes())?;
    job.write_picture("confusion", &report::confusion_matrix(evaluation))?;
    job.write_picture("roc", &report::roc_curve(predictions, evaluation))?;
    job.write_picture("precision-recall", &report::precision_recall_curve(predictions, evaluation))
}

/// The most telling first, under their names in `metrics.json`; what is undefined is left out.
fn numbers(evaluation: &Evaluation) -> Vec<Number> {
    let chosen = evaluation.chosen_threshold.as_ref();
    let all = [
        ("accuracy", Some(evaluation.at.accuracy)),
        ("accuracy-at-chosen-threshold", chosen.map(|chosen| chosen.at.accuracy)),
        ("chosen-threshold", chosen.map(|at| at.chosen.threshold)),
        ("roc-auc", evaluation.roc_auc),
        ("average-precision", evaluation.average_precision),
        ("log-loss", Some(evaluation.log_loss)),
        ("brier", Some(evaluation.brier)),
        ("mcc", Some(evaluation.mcc)),
        ("ece", Some(evaluation.ece)),
    ];
    let number = |(name, value): (&str, Option<f64>)| Some(Number { name: name.to_owned(), value: value? });
    all.into_iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests;
