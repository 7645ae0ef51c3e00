//! How a network is trained. A checkpoint contains it, for resuming.

use pcamflow::stages::{
    Normalise, Precision,
    train::{Architecture, Augmentation, ClassWeights, ClipGradients, Optimizer, Schedule, Train},
};
use serde::{Deserialize, Serialize};

/// The semantic settings of a training, without data, length and patience.
///
/// Newer options are left out if they are off. So checkpoints of older versions can be read, and checkpoints of
/// trainings without options keep their bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Recipe {
    /// The network.
    pub(crate) architecture: Architecture,
    /// The optimiser.
    pub(crate) optimizer: Optimizer,
    /// Patches per step.
    pub(crate) batch_size: u32,
    /// Whether each epoch has another order.
    pub(crate) shuffle: bool,
    /// Seeds the initialisation, the orders and the augmentation.
    pub(crate) seed: u64,
    /// The schedule of the learning rate, with its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<Schedule>,
    /// Gradient clipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clip_gradients: Option<ClipGradients>,
    /// The weights of the classes in the training loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class_weights: Option<ClassWeights>,
    /// The augmentation of training patches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) augmentation: Option<Augmentation>,
    /// How exactly the network is computed, if not in float32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<Precision>,
    /// How images are normalised for the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) normalise: Option<Normalise>,
}

impl From<&Train> for Recipe {
    fn from(stage: &Train) -> Self {
        let schedule = Some(stage.schedule.lasting(stage.epochs));
        let augmentation = Some(stage.augmentation.clone());
        Self {
            // A checkpoint can be read without knowing torchvision's names.
            architecture: stage.architecture.spelt_out(),
            optimizer: stage.optimizer.clone(),
            batch_size: stage.batch_size,
            shuffle: stage.shuffle,
            seed: stage.seed,
            schedule: schedule.filter(|schedule| !matches!(schedule, Schedule::Constant(_))),
            clip_gradients: stage.clip_gradients.clone(),
            class_weights: stage.class_weights.clone(),
            augmentation: augmentation.filter(|augmentation| *augmentation != Augmentation::default()),
            precision: stage.precision.unusual(),
            normalise: stage.normalise.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first version wrote it.
    const OLD: &str = r#"{"architecture":{"class-cnn":{"channels":[2,3,4,5],"hidden":6}},"optimizer":{"adam":{"learning-rate":0.001,"beta1":0.9,"beta2":0.999,"epsilon":1e-8,"weight-decay":0.0}},"batch-size":8,"shuffle":true,"seed":3}"#;

    #[test]
    fn a_recipe_without_options_keeps_its_old_form() {
        let recipe: Recipe = serde_json::from_str(OLD).unwrap();
        assert_eq!(serde_json::to_string(&recipe).unwrap(), OLD);
    }

    #[test]
    fn every_option_comes_back() {
        let recipe: Recipe = serde_json::from_str(OLD).unwrap();
        let recipe = Recipe {
            schedule: Some(Schedule::OneCycle(Default::default()).lasting(7)),
            clip_gradients: Some(ClipGradients { norm: 1.0 }),
            class_weights: Some(ClassWeights::Given([1.0, 2.0])),
            augmentation: Some(Augmentation { hue: 0.1, ..Augmentation::default() }),
            precision: Some(Precision::Bf16),
            normalise: Some(Normalise { mean: [0.5; 3], std: [0.25; 3] }),
            ..recipe
        };
        let text = serde_json::to_string(&recipe).unwrap();
        assert!(text.contains(r#""epochs":7"#), "{text}");
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    }
}
