//! Computes `synthesize`.

use anyhow::Result;

use super::outcome::on_cpu;
use crate::{
    data::synthetic::{Recipe, synthesize},
    protocol::{Outcome, Task},
    serve::Reporter,
    stages::synthesize::Synthesize,
};

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
    let report = threads.install(|| {
        synthesize(&recipe, &task.staging, &mut |done, total| reporter.progress(done, total, "patches", ""))
    })?;
    Ok(on_cpu([
        ("patches", report.patches.into()),
        ("positives", report.positives.into()),
        ("slides", report.slides.into()),
    ]))
}
