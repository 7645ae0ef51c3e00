//! Stage kind `evaluate`: measures a model on labelled patches.

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, FileOrArtifact, Images, Input, Model,
    NetworkOutput, Normalise, Peers, Precision, RunSettings, Runner, Stage, artifact,
    declare::{choice, parameters},
    default_classes, file_input, images_inputs, question_inputs,
    split::{check_own, check_take},
};

parameters! {
    /// Predicts the class of every patch and computes all metrics.
    pub struct Evaluate {
        /// The model.
        input model: Model;
        /// The patches.
        input images: Images;
        /// Other patches. A second threshold is chosen on them.
        input validation: Option<Images> = None;
        /// The meta table of `images` from files: CSV with a column `wsi`; gives each patch its slide.
        input meta: Option<FileOrArtifact> = None;
        /// Only N patches: the first ones of a split, or drawn from files by seed.
        semantic take: Option<u32> = None;
        /// A patch is positive if its probability is above it.
        semantic threshold: f64 = 0.5;
        /// What the threshold chosen on the validation patches maximises.
        semantic choose: Choose = Choose::Accuracy;
        /// Resamples of the bootstrap confidence intervals; 0 for none.
        semantic resamples: u32 = 10_000;
        /// How images are normalised for the network, unless the model tells it.
        inherited normalise: Option<Normalise> = None;
        /// What a TorchScript network returns (default: what a trial run tells, if it tells).
        inherited output: Option<NetworkOutput> = None;
        /// How exactly the network is computed.
        inherited precision: Precision = Precision::Float32;
        /// The names of the classes 0 and 1.
        inherited classes: [String; 2] = default_classes();
        /// Seeds the bootstrap and the drawing.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// What a chosen threshold maximises.
    pub enum Choose {
        /// The share of correct predictions.
        Accuracy = "accuracy",
        /// Youden's J: the true positive rate minus the false positive rate.
        Youden = "youden",
        /// F1 of the positive class.
        F1 = "f1",
    }
}

impl Stage for Evaluate {
    // 2: intervals of shares are Wilson's, slides are allowed for, probabilities equal up to rounding are ties.
    // 3: titles name the stage and the number of images, curves the criterion of the chosen threshold; the class 0 is
    // "Non-cancerous" if it has no name.
    // 4: curves have bands.
    const VERSION: u32 = 4;
    const CORRECTIONS: &'static [&'static str] = &[
        "intervals of shares are Wilson's, slides are allowed for, and probabilities that are equal up to rounding are ties",
        "pictures name the number of images and the criterion of the chosen threshold (the numbers are the same)",
        "the curves in the pictures have confidence bands (the numbers are the same)",
    ];
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = question_inputs(&self.model, &self.images);
        let validation = self.validation.as_ref();
        inputs.extend(validation.into_iter().flat_map(|it| images_inputs("validation", "validation", it)));
        inputs.extend(self.meta.as_ref().map(|meta| file_input("meta", meta, ArtifactType::Meta)));
        inputs
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
        check.resamples(self.resamples);
        let others = self.validation.as_ref() != Some(&self.images);
        let leak = "`validation` must be other patches than `images`: a threshold must not be measured on the \
                    patches that it was chosen on";
        check.require(others, "validation", leak);
        let used = self.validation.is_some() || self.choose == Choose::Accuracy;
        check.require(used, "choose", "`choose` needs `validation`, the patches to choose a threshold on");
        let named =
            self.classes.iter().all(|class| !class.trim().is_empty()) && self.classes[0] != self.classes[1];
        Normalise::check(self.normalise.as_ref(), check);
        self.precision.check(&self.model, check);
        check.require(named, "classes", "`classes` must be two different names");
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        check_take(self.take, &self.images, peers, check);
        check_own(self.meta.is_some(), "meta", "slides", &self.images, peers, check);
    }
}
