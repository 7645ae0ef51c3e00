//! Stage kind `explain`: where a model sees the evidence; one stage per method.

mod integrated_gradients;
mod occlusion;
mod saliency;

use super::{
    Appetite, Artifact, ArtifactType, Baseline, Check, DEFAULT_SEED, Equality, Images, Input, Model,
    RunSettings, Runner, Stage, artifact,
    declare::{choice, parameters, settings},
    default_classes, question_inputs,
};

pub use integrated_gradients::{IntegratedGradients, Rule};
pub use occlusion::Occlusion;
pub use saliency::{Saliency, Smooth};

parameters! {
    /// Computes one map per patch.
    pub struct Explain {
        /// The model that is asked.
        input model: Model;
        /// The patches it is asked about.
        input images: Images;
        /// Only so many: the first of a split, drawn by seed from files.
        semantic take: Option<u32> = None;
        /// How it is asked.
        semantic method: Method;
        /// Which class is explained.
        semantic target: Target = Target::Tumor;
        /// Which scalar is explained.
        semantic score: Score = Score::Logit;
        /// Patches on the panel; 0 for no patches.
        semantic panel: u32 = 30;
        /// What the classes 0 and 1 are called.
        inherited classes: [String; 2] = default_classes();
        /// Seeds what the method draws.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// The methods.
    pub enum Method {
        /// Gradient-weighted activations of one layer (Selvaraju et al. 2017).
        GradCam(GradCam) = "grad-cam",
        /// The gradient at the image (Simonyan et al. 2014), or its mean under noise (SmoothGrad).
        Saliency(Saliency) = "saliency",
        /// What is lost where a window hides the image (Zeiler & Fergus 2014).
        Occlusion(Occlusion) = "occlusion",
        /// Gradients along the way from a baseline (Sundararajan et al. 2017).
        IntegratedGradients(IntegratedGradients) = "integrated-gradients",
    }
}

settings! {
    /// Grad-CAM and HiResCAM.
    pub struct GradCam {
        /// The layer whose activations are weighted.
        layer: String = "relu4".to_owned();
        /// How gradient and activation are combined.
        variant: Variant = Variant::Plain;
    }
}

choice! {
    /// The forms of Grad-CAM.
    pub enum Variant {
        /// One weight per channel: the mean of its gradient.
        Plain = "plain",
        /// Every position weighted by its own gradient (HiResCAM, Draelos & Carin 2020).
        HiRes = "hires",
    }
}

choice! {
    /// Which class a map explains.
    pub enum Target {
        /// Always tumour: z.
        Tumor = "tumor",
        /// The predicted class: z where p > 0.5, else -z.
        Predicted = "predicted",
        /// The labelled class.
        Label = "label",
    }
}

choice! {
    /// Which scalar a map explains.
    pub enum Score {
        /// The logit: does not saturate.
        Logit = "logit",
        /// The probability of the explained class.
        Probability = "probability",
    }
}

impl Method {
    /// What it puts in the place of evidence, where it does, and where that stands in the stage's table.
    #[must_use]
    pub fn baseline(&self) -> Option<(Baseline, &'static str)> {
        match self {
            Self::GradCam(_) | Self::Saliency(_) => None,
            Self::Occlusion(settings) => Some((settings.baseline, occlusion::BASELINE)),
            Self::IntegratedGradients(settings) => Some((settings.baseline, integrated_gradients::BASELINE)),
        }
    }

    /// How complete its attributions have to be, where that is asked for.
    #[must_use]
    pub fn tolerance(&self) -> Option<f64> {
        match self {
            Self::GradCam(_) | Self::Saliency(_) | Self::Occlusion(_) => None,
            Self::IntegratedGradients(settings) => settings.tolerance,
        }
    }

    fn check(&self, model: &Model, check: &mut Check<'_>) {
        match self {
            Self::GradCam(_) => {} // Only the model knows its layers.
            Self::Saliency(settings) => settings.check(check),
            Self::Occlusion(settings) => settings.check(model, check),
            Self::IntegratedGradients(settings) => settings.check(model, check),
        }
    }
}

impl Stage for Explain {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = question_inputs(&self.model, &self.images);
        let baseline = self.method.baseline();
        inputs.extend(baseline.and_then(|(baseline, field)| baseline.input_beside(field, &self.model)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("maps", "maps.h5", ArtifactType::Maps),
            artifact("panel", "panel.png", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("take", self.take.unwrap_or(1), 1);
        check.require(self.panel <= 1000, "panel", "`panel` must be at most 1000");
        self.method.check(&self.model, check);
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}
