//! What is left of a comparison: tables, numbers, texts, pictures.

use anyhow::{Context as _, Result};
use pcamflow::{
    metrics::faithfulness::{Comparison, Faithfulness, MethodSummary, Summary},
    protocol::Number,
    report::{self, Picture},
    stages::metrics::Metrics,
};

use super::{Explanations, curves_file};
use crate::{job::Job, jobs::odd_maps::name};

impl Job<'_> {
    /// Writes every artifact, and warns of baselines that score as the class and of maps that are not ordinary.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn write_faithfulness(
        &self,
        stage: &Metrics,
        explanations: &Explanations,
        comparison: &Comparison,
        faithfulness: &Faithfulness,
    ) -> Result<()> {
        faithfulness.summary.warnings.iter().for_each(|warning| self.reporter.warn(warning));
        faithfulness.summary.methods.iter().for_each(|method| self.warn_of(method));
        let mut json = serde_json::to_vec_pretty(&faithfulness.summary)?;
        json.push(b'\n');
        self.write("summary.json", &json)?;
        self.write("per-image.csv", &table(faithfulness)?)?;
        curves_file::write(&self.artifact("curves.h5"), stage, explanations, comparison)?;
        self.write("report.txt", report::faithfulness_report(&faithfulness.summary).as_bytes())?;
        self.draw("curves", &report::faithfulness_curves(faithfulness)?)?;
        self.draw("areas", &report::faithfulness_areas(&faithfulness.summary)?)?;
        let located = report::localisation_plot(&faithfulness.summary)?;
        let none =
            || Picture::of_words("Localisation", "No positive image has a finite map: nothing to find.");
        self.draw("localisation", &located.unwrap_or_else(none))
    }

    fn draw(&self, name: &str, picture: &Picture) -> Result<()> {
        self.write(&format!("{name}.png"), &picture.png()?)?;
        self.write(&format!("{name}.svg"), picture.svg()?.as_bytes())
    }

    fn warn_of(&self, method: &MethodSummary) {
        let (odd, images) =
            (&method.odd_maps, method.deletion.images as usize + method.odd_maps.not_finite.len());
        let sorts = [
            (&odd.zero, "0 everywhere: their pixels go in row-major order"),
            (&odd.constant, "constant: their pixels go in row-major order"),
            (&odd.not_finite, "not finite: they have no curve and are in no mean"),
        ];
        for (rows, what) in sorts.into_iter().filter(|(rows, _)| !rows.is_empty()) {
            let (label, count, rows) = (&method.label, rows.len(), name(rows));
            self.reporter.warn(&format!("{label}: {count} of {images} maps are {what} ({rows})"));
        }
    }
}

/// Floats in the shortest form that reads back as the same number.
fn table(faithfulness: &Faithfulness) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    faithfulness.images.iter().try_for_each(|line| writer.serialize(line))?;
    writer.into_inner().context("cannot finish per-image.csv")
}

/// The mean areas under the curves of each explanation, under the names of the curves; what is undefined is
/// left out.
pub(super) fn numbers(summary: &Summary) -> Vec<Number> {
    let areas = |method: &MethodSummary| {
        let name = |curve: &str| format!("{}/{curve}", method.label);
        [(name("insertion"), method.insertion.mean), (name("deletion"), method.deletion.mean)]
    };
    let number = |(name, value): (String, Option<f64>)| Some(Number { name, value: value? });
    summary.methods.iter().filter(|method| !method.control).flat_map(areas).filter_map(number).collect()
}
