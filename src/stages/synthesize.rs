//! Stage kind `synthesize`: procedural patches in the official layout.

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Input, RunSettings, Runner, Stage,
    artifact, declare::parameters,
};

parameters! {
    /// Makes H&E-like patches with planted evidence, their masks and their meta table.
    pub struct Synthesize {
        /// How many patches to make.
        semantic patches: u32 = 1200;
        /// How many slides they pretend to come from; each slide has its own stain.
        semantic slides: u32 = 12;
        /// The share of patches with evidence in the centre, 0..1.
        semantic positive_share: f64 = 0.5;
        /// Places outside the centre that resemble tumour and are not, in either class; at most 8.
        semantic decoys: u32 = 2;
        /// How much the stain varies from slide to slide: 0 not at all, 1 as in practice.
        semantic stain_variation: f64 = 1.0;
        /// The share of patches of either class with tumour outside the centre, 0..1.
        semantic tumor_outside: f64 = 0.1;
        /// Makes other patches.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Stage for Synthesize {
    const VERSION: u32 = 1;
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
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("patches", self.patches, 1);
        check.at_least("slides", self.slides, 1);
        check.within("positive-share", self.positive_share, 0.0, 1.0);
        check.require(self.decoys <= 8, "decoys", "`decoys` must be at most 8");
        check.within("stain-variation", self.stain_variation, 0.0, 3.0);
        check.within("tumor-outside", self.tumor_outside, 0.0, 1.0);
    }
}
