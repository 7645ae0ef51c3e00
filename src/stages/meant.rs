//! Which key of a pipeline file somebody means who writes a word of PyTorch, scikit-learn or Captum.
//!
//! Knows words only; whether a table has the key is the caller's to say.

use crate::nearest::nearest;

/// Words, and the keys that they may mean: the first whose beginning the table knows.
const MEANT: [(&[&str], &[&str]); 38] = [
    (&["lr", "rate", "learning-rate"], &["learning-rate", "optimizer.adam.learning-rate"]),
    (&["bs", "batch"], &["batch-size"]),
    (&["momentum"], &["beta1", "optimizer.sgd.momentum"]),
    (&["nesterov"], &["optimizer.sgd.nesterov"]),
    (&["betas", "beta"], &["beta1", "optimizer.adam.beta1"]),
    (&["beta1"], &["optimizer.adam.beta1"]),
    (&["beta2"], &["optimizer.adam.beta2"]),
    (&["eps", "epsilon"], &["epsilon", "optimizer.adam.epsilon"]),
    (&["wd", "decay", "l2", "weight-decay"], &["weight-decay", "optimizer.adamw.weight-decay"]),
    (&["optim", "opt"], &["optimizer"]),
    (&["scheduler", "lr-scheduler", "lr-schedule"], &["schedule"]),
    (&["t-max"], &["epochs"]),
    (&["n-epochs", "num-epochs", "max-epochs"], &["epochs"]),
    (&["patience"], &["early-stopping.patience"]),
    (&["augment", "augmentations", "transform", "transforms"], &["augmentation"]),
    (&["pos-weight", "class-weight"], &["class-weights"]),
    (&["clip", "grad-clip", "clip-grad", "clip-grad-norm", "max-norm"], &["norm", "clip-gradients.norm"]),
    (&["network", "net", "arch", "backbone", "model"], &["architecture", "model"]),
    (&["pretrained", "checkpoint", "init"], &["weights", "from"]),
    (&["channels", "hidden"], &["architecture.class-cnn.channels"]),
    (&["val", "valid", "dev"], &["validation"]),
    (&["x", "image", "patches", "data"], &["images"]),
    (&["y", "label", "targets"], &["labels"]),
    (&["images"], &["x"]),
    (&["labels"], &["y"]),
    (&["random-state", "random-seed", "rng"], &["seed"]),
    (&["n", "size", "count", "limit", "subset"], &["take", "patches"]),
    (&["layer", "target-layer", "layers"], &["layer", "method.grad-cam.layer"]),
    (&["window", "window-size", "kernel-size"], &["window", "method.occlusion.window"]),
    (&["stride", "strides"], &["stride", "method.occlusion.stride"]),
    (&["n-steps", "num-steps", "steps"], &["steps", "method.integrated-gradients.steps"]),
    (&["nt-samples", "n-samples", "num-samples"], &["samples"]),
    (&["stdevs", "stdev", "sigma", "std"], &["noise"]),
    (&["grad-cam", "gradcam"], &["grad-cam", "method.grad-cam"]),
    (&["saliency", "occlusion", "integrated-gradients"], &["method"]),
    (&["ig"], &["integrated-gradients", "method.integrated-gradients"]),
    (&["workers", "num-workers", "n-jobs", "cores", "cpus"], &["threads", "run.threads"]),
    (&["gpu", "cuda"], &["device", "run.device"]),
];

/// The key that a word means, of those that a table knows: by its spelling, else by what it is called elsewhere.
#[must_use]
pub(crate) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let is_known = |path: &str| known.iter().any(|key| Some(*key) == path.split('.').next());
    let same = known.iter().find(|key| **key == word).copied();
    let called = || {
        let of_word = MEANT.iter().filter(|(words, _)| words.contains(&word.as_str()));
        of_word.flat_map(|(_, paths)| *paths).copied().find(|path| is_known(path))
    };
    same.or_else(called).or_else(|| nearest(&word, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Kind;

    #[test]
    fn words_of_other_libraries_are_understood() {
        let train = ["epochs", "batch-size", "optimizer", "early-stopping", "seed", "run"];
        for (word, key) in [
            ("lr", "optimizer.adam.learning-rate"),
            ("learning_rate", "optimizer.adam.learning-rate"),
            ("bs", "batch-size"),
            ("batch_size", "batch-size"),
            ("Batch_Size", "batch-size"),
            ("momentum", "optimizer.sgd.momentum"),
            ("num_epochs", "epochs"),
            ("patience", "early-stopping.patience"),
            ("random_state", "seed"),
            ("num_workers", "run.threads"),
            ("epoch", "epochs"),
        ] {
            assert_eq!(meant(word, &train), Some(key), "{word}");
        }
        assert_eq!(meant("lr", &["learning-rate", "beta1"]), Some("learning-rate"));
        assert_eq!(meant("val", &["train", "validation", "test"]), Some("validation"));
        assert_eq!(meant("transformer", &train), None);
    }

    #[test]
    fn every_key_that_is_suggested_exists() {
        let schemas = Kind::ALL.map(|kind| kind.schema().to_string()).concat();
        let run = crate::stages::RunSettings::KEYS;
        for key in MEANT.iter().flat_map(|(_, paths)| *paths).flat_map(|path| path.split('.')) {
            assert!(schemas.contains(&format!("\"{key}\"")) || run.contains(&key), "{key}");
        }
    }
}
