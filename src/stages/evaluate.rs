//! Stage kind `evaluate`: what a model is worth on labelled patches.

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Images, Input, Model, RunSettings,
    Runner, Stage, artifact, declare::parameters, default_classes, question_inputs,
};

parameters! {
    /// Predicts every patch and computes every number of the definitions.
    pub struct Evaluate {
        /// The model.
        input model: Model;
        /// The patches.
        input images: Images;
        /// Only so many: the first of a split, drawn by seed from files.
        semantic take: Option<u32> = None;
        /// Positive if the probability is above it.
        semantic threshold: f64 = 0.5;
        /// Resamples of the bootstrap confidence intervals; 0 for none.
        semantic resamples: u32 = 10_000;
        /// What the classes 0 and 1 are called.
        inherited classes: [String; 2] = default_classes();
        /// Seeds the bootstrap and the drawing.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Stage for Evaluate {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    fn inputs(&self) -> Vec<Input> {
        question_inputs(&self.model, &self.images)
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("metrics", "metrics.json", ArtifactType::Numbers),
            artifact("predictions", "predictions.csv", ArtifactType::Table),
            artifact("report", "report.txt", ArtifactType::Text),
            artifact("confusion", "confusion.png", ArtifactType::Picture),
            artifact("confusion-svg", "confusion.svg", ArtifactType::Picture),
            artifact("roc", "roc.png", ArtifactType::Picture),
            artifact("roc-svg", "roc.svg", ArtifactType::Picture),
            artifact("precision-recall", "precision-recall.png", ArtifactType::Picture),
            artifact("precision-recall-svg", "precision-recall.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("take", self.take.unwrap_or(1), 1);
        check.within("threshold", self.threshold, 0.0, 1.0);
        let named =
            self.classes.iter().all(|class| !class.trim().is_empty()) && self.classes[0] != self.classes[1];
        check.require(named, "classes", "`classes` must be two different names");
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}
