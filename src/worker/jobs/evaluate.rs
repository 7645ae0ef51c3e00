//! Stage kind `evaluate`: predicts labelled patches and says what the model is worth.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    metrics::{
        Bootstrap, ChosenThreshold, Criterion, Evaluation, EvaluationSettings, Predictions, evaluate, sigmoid,
    },
    protocol::{Number, Outcome},
    report::{self, Picture},
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
    // First, for what can be wrong with it is told before the rest is computed.
    let chosen = validation.as_ref().map(|images| choose(&mut asking, images, stage.choose)).transpose()?;
    let logits = asking.logits(&images)?;
    [Some(&images), validation.as_ref()].into_iter().flatten().for_each(|images| images.warn_of_blank(job));
    asking.measures();
    let lines = lines(&logits, &images, stage.threshold);
    let predictions = predictions(&logits, &images)?;
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

    /// The logits of the chosen patches, all finite.
    fn logits(&mut self, images: &Images) -> Result<Vec<f32>> {
        let Self { job, network, batch, done, total } = self;
        let logits = predict(network, images, &images.positions, *batch, |images| {
            *done += images as u64;
            job.reporter.progress(*done, *total, "images", "predicting");
        })?;
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
    Ok(Predictions::new(&images.chosen_labels(), &probabilities)?)
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
    let threads = job.task.resources.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.with_context(|| format!("cannot start {threads} threads"))?;
    pool.install(|| {
        let evaluation = evaluate(predictions, &settings)?;
        Ok(match chosen {
            Some(chosen) => evaluation.beside(chosen, predictions),
            None => evaluation,
        })
    })
}

fn write(job: &Job<'_>, lines: &[Line], predictions: &Predictions, evaluation: &Evaluation) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(evaluation)?;
    json.push(b'\n');
    job.write("metrics.json", &json)?;
    job.write("predictions.csv", &table(lines)?)?;
    job.write("report.txt", report::evaluation_report(evaluation).as_bytes())?;
    draw(job, "confusion", &report::confusion_matrix(evaluation))?;
    draw(job, "roc", &report::roc_curve(predictions, evaluation)?)?;
    draw(job, "precision-recall", &report::precision_recall_curve(predictions, evaluation)?)
}

/// Floats in the shortest form that reads back as the same number.
fn table(lines: &[Line]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    lines.iter().try_for_each(|line| writer.serialize(line))?;
    writer.into_inner().context("cannot finish predictions.csv")
}

fn draw(job: &Job<'_>, name: &str, picture: &Picture) -> Result<()> {
    job.write(&format!("{name}.png"), &picture.png()?)?;
    job.write(&format!("{name}.svg"), picture.svg()?.as_bytes())
}

/// The most telling first, under their names in `metrics.json`; what is undefined is left out.
fn numbers(evaluation: &Evaluation) -> Vec<Number> {
    let chosen = evaluation.chosen_threshold.as_ref();
    let all = [
        ("accuracy", Some(evaluation.accuracy)),
        ("accuracy-at-chosen-threshold", chosen.map(|at| at.accuracy)),
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
