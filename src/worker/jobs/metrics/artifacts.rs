//! What is left of a comparison: tables, numbers, texts, pictures.

use anyhow::Result;
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
        let Faithfulness { summary, images, .. } = faithfulness;
        summary.methods.iter().for_each(|method| self.warn_of(method));
        summary.warnings.iter().for_each(|warning| self.reporter.warn(warning));
        self.write_json("summary.json", summary)?;
        self.write_table("per-image.csv", images)?;
        curves_file::write(&self.artifact("curves.h5"), stage, explanations, comparison)?;
        self.write("report.txt", report::faithfulness_report(summary).as_bytes())?;
        self.write_picture("curves", &report::faithfulness_curves(faithfulness))?;
        self.write_picture("areas", &report::faithfulness_areas(summary))?;
        let located = report::localisation_plot(summary);
        let none =
            || Picture::of_words("Localisation", "No positive image has a finite map: nothing to find.");
        self.write_picture("localisation", &located.unwrap_or_else(none))
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
