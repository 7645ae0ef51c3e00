//! Stage kind `synthesize`: synthetic patches in the official layout.

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Input, RunSettings, Runner, Stage,
    artifact, declare::parameters,
};

parameters! {
    /// Makes patches like H&E sections, with tumour at known places, their masks and their meta table.
    pub struct Synthesize {
        /// How many patches to make.
        semantic patches: u32 = 1200;
        /// How many slides they come from. Each slide has its own stain.
        semantic slides: u32 = 12;
        /// The share of patches with tumour in the centre, 0..1.
        semantic positive_share: f64 = 0.5;
        /// Spots of benign cells outside the centre, in both classes; at most 8.
        semantic decoys: u32 = 2;
        /// How much the stain varies between slides: 0 not at all, 1 as in practice.
        semantic stain_variation: f64 = 1.0;
        /// The share of patches of either class with tumour outside the centre, 0..1.
        semantic tumor_outside: f64 = 0.1;
        /// The seed of all random draws.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Stage for Synthesize {
    // 2: the sheet has a title, a legend and texts, and is an SVG too. The patches are the same.
    const VERSION: u32 = 2;
    const CORRECTIONS: &'static [&'static str] =
        &["the sheet has a title, a legend and texts (the patches are the same)"];
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("images", "images.h5", ArtifactType::Images),
            artifact("labels", "labels.h5", ArtifactType::Labels),
            artifact("meta", "meta.csv", ArtifactType::Meta),
            artifact("masks", "masks.h5", ArtifactType::Masks),
            artifact("sheet", "sheet.png", ArtifactType::Picture),
            artifact("sheet-svg", "sheet.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("patches", self.patches, 1);
        check.at_least("slides", self.slides, 1);
        check.require(self.patches <= 10_000_000, "patches", "`patches` must be at most 10000000");
        check.require(self.slides <= 100_000, "slides", "`slides` must be at most 100000");
        check.within("positive-share", self.positive_share, 0.0, 1.0);
        check.require(self.decoys <= 8, "decoys", "`decoys` must be at most 8");
        check.within("stain-variation", self.stain_variation, 0.0, 3.0);
        check.within("tumor-outside", self.tumor_outside, 0.0, 1.0);
    }
}
