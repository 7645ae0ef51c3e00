//! Stage kind `evaluate`: predicts labelled patches and measures how good the model is.

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{
    metrics::{
        Bootstrap, ChosenThreshold, Criterion, Evaluation, EvaluationSettings, Predictions, evaluate, sigmoid,
    },
    protocol::{Number, Outcome},
    report,
    stages::evaluate::{Choose, Evaluate},
};
use serde::Serialize;

use super::{
    classifier::{self, How},
    images::Images,
};
use crate::{
    batch_size::batch_size,
    job::Job,
    model::Classifier,
    numbers::defined,
    predict::{TOO_LARGE, default_batch, predict},
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
/// The model or the patches are invalid, a logit is not finite, or the validation patches are of one class.
pub(super) fn run(job: &Job<'_>, stage: &Evaluate) -> Result<Outcome> {
    let images = Images::open(job, "images", stage.take, stage.seed)?;
    let validation = stage.validation.as_ref();
    let validation = validation.map(|_| Images::open(job, "validation", None, stage.seed)).transpose()?;
    let all = || [&images].into_iter().chain(&validation);
    let side = images.set.side();
    let other = validation.as_ref().map_or(side, |validation| validation.set.side());
    ensure!(side == other, "the patches have {side} pixels, and those of `validation` {other}");
    all().for_each(|images| images.note(job));
    let total = all().map(|images| images.positions.len() as u64).sum();
    let mut predicting = Predicting::new(job, stage, &images, total)?;
    let slides = images.slides(job)?;
    // The threshold comes first, so that an error in it is found early.
    let chosen =
        validation.as_ref().map(|images| choose(&mut predicting, images, stage.choose)).transpose()?;
    let logits = predicting.logits(&images)?;
    all().for_each(|images| images.warn_of_blank(job));
    job.reporter.progress(total, total, "images", "measuring");
    let mut predictions = predictions(&logits, &images)?;
    if let Some(slides) = slides {
        predictions = predictions.of_slides(&slides)?;
    }
    let evaluation = measure(job, stage, &predictions, chosen)?;
    job.write_table("predictions.csv", &lines(&logits, &images, stage.threshold))?;
    write(job, &predictions, &evaluation)?;
    Ok(Outcome { numbers: numbers(&evaluation), ..Outcome::default() })
}

/// A model, and how many of all images it has predicted.
struct Predicting<'a> {
    job: &'a Job<'a>,
    network: Box<dyn Classifier>,
    batch: usize,
    done: u64,
    total: u64,
}

impl<'a> Predicting<'a> {
    fn new(job: &'a Job<'_>, stage: &Evaluate, images: &Images, total: u64) -> Result<Self> {
        let how =
            How { precision: stage.precision, normalise: stage.normalise.as_ref(), output: stage.output };
        let network = classifier::open(job, &how, images)?;
        let batch = batch_size(&*network, images.set.side(), &job.task.resources, default_batch(job.device))?;
        Ok(Self { job, network, batch, done: 0, total })
    }

    /// The logits of the chosen patches, all finite. Other batch sizes use other kernels, which round
    /// differently. Therefore the last batch is filled up with its last patch. On a CPU the logit of a patch
    /// then does not depend on its position.
    fn logits(&mut self, images: &Images) -> Result<Vec<f32>> {
        let Self { job, network, batch, done, total } = self;
        let (mut positions, all) = (images.positions.clone(), images.positions.len());
        let batch = (*batch).min(all.max(1));
        positions.resize(all.next_multiple_of(batch), positions.last().copied().unwrap_or_default());
        let end = *done + all as u64;
        let mut logits = predict(&**network, &images.set, &positions, batch, |images| {
            *done = (*done + images as u64).min(end);
            job.reporter.progress(*done, *total, "images", "predicting");
        })?;
        logits.truncate(all);
        if let Some((logit, row)) = logits.iter().zip(images.rows()).find(|(logit, _)| !logit.is_finite()) {
            bail!("the model gives the logit {logit} for row {row} of {}: {TOO_LARGE}", images.name);
        }
        Ok(logits)
    }
}

fn choose(predicting: &mut Predicting<'_>, images: &Images, choose: Choose) -> Result<ChosenThreshold> {
    let criterion = match choose {
        Choose::Accuracy => Criterion::Accuracy,
        Choose::Youden => Criterion::Youden,
        Choose::F1 => Criterion::F1,
    };
    let predictions = predictions(&predicting.logits(images)?, images)?;
    let wrong = || format!("cannot choose a threshold on {}", images.name);
    ChosenThreshold::of(&predictions, criterion).with_context(wrong)
}

fn predictions(logits: &[f32], images: &Images) -> Result<Predictions> {
    let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
    Predictions::new(&images.labels(), &probabilities)
}

fn lines(logits: &[f32], images: &Images, threshold: f64) -> Vec<Line> {
    let patches = images.rows().into_iter().zip(images.labels());
    let line = |((row, label), &logit): ((i64, u8), &f32)| {
        let probability = sigmoid(logit);
        Line { row, label, probability, logit, predicted: u8::from(probability > threshold) }
    };
    patches.zip(logits).map(line).collect()
}

/// Measures with as many threads as the stage may use, for the bootstrap.
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
    let evaluation = job.threads()?.install(|| evaluate(predictions, &settings))?;
    Ok(match chosen {
        Some(chosen) => evaluation.beside(chosen, predictions),
        None => evaluation,
    })
}

fn write(job: &Job<'_>, predictions: &Predictions, evaluation: &Evaluation) -> Result<()> {
    job.write_json("metrics.json", evaluation)?;
    job.write("report.txt", report::evaluation_report(evaluation).as_bytes())?;
    job.write_picture("confusion", &report::confusion_matrix(evaluation))?;
    // The bands of the curves are resampled, with as many threads as the stage may use.
    let [roc, precision_recall] = job.threads()?.install(|| {
        [report::roc_curve(predictions, evaluation), report::precision_recall_curve(predictions, evaluation)]
    });
    job.write_picture("roc", &roc)?;
    job.write_picture("precision-recall", &precision_recall)
}

/// The main numbers, the most important first, named as in `metrics.json`.
fn numbers(evaluation: &Evaluation) -> Vec<Number> {
    let chosen = evaluation.chosen_threshold.as_ref();
    defined([
        ("accuracy", Some(evaluation.at.accuracy)),
        ("accuracy-at-chosen-threshold", chosen.map(|chosen| chosen.at.accuracy)),
        ("chosen-threshold", chosen.map(|at| at.chosen.threshold)),
        ("roc-auc", evaluation.roc_auc),
        ("average-precision", evaluation.average_precision),
        ("log-loss", Some(evaluation.log_loss)),
        ("brier", Some(evaluation.brier)),
        ("mcc", Some(evaluation.mcc)),
        ("ece", Some(evaluation.ece)),
    ])
}

#[cfg(test)]
mod tests;
