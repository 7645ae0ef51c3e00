//! Computes `synthesize`: the files, and a sheet of the first patches.

use anyhow::Result;

use super::outcome::on_cpu;
use crate::{
    data::synthetic::{Patch, Recipe, SynthesisReport, synthesize},
    fsx::{self, Durability},
    protocol::{Outcome, Task},
    report::{self, Grid, Picture, Sample},
    serve::Reporter,
    stages::synthesize::Synthesize,
};

/// The patches on the sheet, in all and side by side.
const SHEET: (usize, usize) = (48, 8);
/// The centre box of the patches, as in PatchCamelyon.
const CENTRE_BOX: usize = 32;

pub(super) fn run(stage: &Synthesize, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let recipe = Recipe {
        patches: stage.patches,
        slides: stage.slides,
        positive_share: stage.positive_share,
        decoys: stage.decoys,
        stain_variation: stage.stain_variation,
        tumor_outside: stage.tumor_outside,
        seed: stage.seed,
    };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(task.resources.threads).build()?;
    let progress = &mut |done, total| reporter.progress(done, total, "patches", "");
    let report = threads.install(|| synthesize(&recipe, &task.staging, SHEET.0, progress))?;
    let sheet = sheet(&report, stage.seed)?;
    for (file, bytes) in [("sheet.png", sheet.png()?), ("sheet.svg", sheet.svg()?.into_bytes())] {
        fsx::write_atomic(&task.staging.join(file), &bytes, Durability::Relaxed)?;
    }
    Ok(on_cpu([
        ("patches", report.patches.into()),
        ("positives", report.positives.into()),
        ("slides", report.slides.into()),
    ]))
}

/// Draws the first patches, with everything that is known about them.
fn sheet(report: &SynthesisReport, seed: u64) -> Result<Picture> {
    let SynthesisReport { patches, positives, slides, first } = report;
    let shown = first.len();
    let subtitle = format!(
        "the first {shown} of {patches} patches of {slides} slides (seed {seed}); {positives} of all have tumour \
         in the centre"
    );
    // The stage has no class names: they belong to what is learnt from the patches.
    let classes = ["no tumour", "tumour"].map(str::to_owned);
    let columns = SHEET.1.min(shown);
    let title = "Synthetic patches";
    let grid = Grid { title, subtitle: &subtitle, classes: &classes, columns, centre_box: Some(CENTRE_BOX) };
    let slides: Vec<String> = first.iter().map(Patch::slide_name).collect();
    let each = first.iter().zip(&slides).zip(0..);
    let samples: Vec<Sample<'_>> = each.map(|((patch, slide), row)| sample(patch, slide, row)).collect();
    report::preview(&samples, &grid)
}

fn sample<'a>(patch: &'a Patch, slide: &'a str, row: i64) -> Sample<'a> {
    let positive = patch.label == 1;
    Sample {
        rgb: &patch.rgb,
        mask: Some(&patch.mask),
        positive,
        row,
        slide: Some(slide),
        position: None,
        tumor_patch: Some(patch.has_tumor()),
        center_tumor_patch: Some(positive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

    #[test]
    fn the_sheet_has_a_title_a_legend_and_a_text_for_each_patch() {
        let recipe = Recipe { patches: 10, slides: 2, ..Recipe::default() };
        let folder = tempfile::tempdir().unwrap();
        let report = synthesize(&recipe, folder.path(), 9, &mut |_, _| {}).unwrap();
        let (size, svg) = drawn("sheet", &sheet(&report, 42).unwrap());
        assert!(size.0 > 2500, "{size:?}");
        assert!(
            svg.contains(">Synthetic patches</text>")
                && svg.contains("the first 9 of 10 patches of 2 slides")
        );
        assert!(svg.contains("label tumour") && svg.contains(">row 8</text>") && svg.contains("true tumour"));
        assert_eq!(svg.matches(">synthetic_slide_00").count(), 9);
    }
}
