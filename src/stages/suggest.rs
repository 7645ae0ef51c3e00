//! Suggests a key for an unknown word, including words of PyTorch, scikit-learn and Captum.
//!
//! Knows words only. The caller passes the keys of the table.

use crate::nearest::nearest;

/// Words, and the keys that they may mean. The first one applies that begins with a key of the table.
const SYNONYMS: [(&[&str], &[&str]); 38] = [
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

/// The key of a table that an unknown word probably means: another spelling, a synonym, or the nearest key.
#[must_use]
pub(crate) fn suggestion<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let is_known = |path: &str| known.iter().any(|key| Some(*key) == path.split('.').next());
    let same = known.iter().find(|key| **key == word).copied();
    let synonym = || {
        let of_word = SYNONYMS.iter().filter(|(words, _)| words.contains(&word.as_str()));
        of_word.flat_map(|(_, paths)| *paths).copied().find(|path| is_known(path))
    };
    same.or_else(synonym).or_else(|| nearest(&word, known.iter().copied()))
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
            assert_eq!(suggestion(word, &train), Some(key), "{word}");
        }
        assert_eq!(suggestion("lr", &["learning-rate", "beta1"]), Some("learning-rate"));
        assert_eq!(suggestion("val", &["train", "validation", "test"]), Some("validation"));
        assert_eq!(suggestion("transformer", &train), None);
    }

    #[test]
    fn every_key_that_is_suggested_exists() {
        let schemas = Kind::ALL.map(|kind| kind.schema().to_string()).concat();
        for key in SYNONYMS.iter().flat_map(|(_, paths)| *paths).flat_map(|path| path.split('.')) {
            assert!(schemas.contains(&format!("\"{key}\"")), "{key}");
        }
    }
}
