//! Measures predictions that were made elsewhere. Reads a CSV with the columns `label` and `probability`,
//! and prints the report of the stage `evaluate`.
//!
//!     cargo run --release --example measure_predictions -- predictions.csv

use pcamflow::{
    metrics::{Bootstrap, EvaluationSettings, Predictions, evaluate},
    report::evaluation_report,
    stages::default_classes,
};
use serde::Deserialize;

/// The columns that are used. Others are ignored.
#[derive(Deserialize)]
struct Row {
    label: u8,
    probability: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which CSV file? It needs the columns label and probability")?;
    let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
    for row in csv::Reader::from_path(&path)?.deserialize() {
        let Row { label, probability } = row?;
        labels.push(label);
        probabilities.push(probability);
    }
    let settings =
        EvaluationSettings { threshold: 0.5, classes: default_classes(), bootstrap: Bootstrap::default() };
    let evaluation = evaluate(&Predictions::new(&labels, &probabilities)?, &settings)?;
    print!("{}", evaluation_report(&evaluation));
    Ok(())
}
