//! The course of a training: the contents of `history.json`.

use serde::{Deserialize, Serialize};

/// Every epoch of a training, including those before a resumption.
///
/// ```
/// use pcamflow::metrics::{Epoch, History};
///
/// let json = r#"{"epochs": [{"epoch": 1, "train-loss": 0.5, "train-accuracy": 0.8,
///                            "validation-loss": 0.6, "validation-accuracy": 0.7}]}"#;
/// let history: History = serde_json::from_str(json)?;
/// assert_eq!(history.best().map(|best| best.epoch), Some(1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The epochs in order.
    pub epochs: Vec<Epoch>,
}

/// The results of one pass over the training patches. Losses are means over images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Epoch {
    /// Its number, from 1; a resumed training continues the numbers.
    pub epoch: u32,
    /// Over the training patches, while the weights changed. Like the other numbers null in JSON if not finite.
    #[serde(with = "crate::finite")]
    pub train_loss: f64,
    /// Over the training patches, while the weights changed; 0 to 1.
    #[serde(with = "crate::finite")]
    pub train_accuracy: f64,
    /// Over the validation patches, after the epoch.
    #[serde(with = "crate::finite")]
    pub validation_loss: f64,
    /// Over the validation patches, after the epoch; 0 to 1.
    #[serde(with = "crate::finite")]
    pub validation_accuracy: f64,
    /// Of the last step of the epoch; `None` in results of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
}

impl History {
    /// The first epoch with the smallest validation loss; `None` if no validation loss is a number.
    #[must_use]
    pub fn best(&self) -> Option<&Epoch> {
        let comparable = self.epochs.iter().filter(|epoch| !epoch.validation_loss.is_nan());
        // `min_by` returns the first of equals: a later epoch must be strictly better.
        comparable.min_by(|a, b| a.validation_loss.total_cmp(&b.validation_loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(losses: &[f64]) -> History {
        let epoch = |(index, &validation_loss): (usize, &f64)| Epoch {
            epoch: index as u32 + 1,
            train_loss: 0.1,
            train_accuracy: 0.9,
            validation_loss,
            validation_accuracy: 0.8,
            learning_rate: None,
        };
        History { epochs: losses.iter().enumerate().map(epoch).collect() }
    }

    fn best(losses: &[f64]) -> Option<u32> {
        history(losses).best().map(|epoch| epoch.epoch)
    }

    #[test]
    fn the_best_epoch_is_the_first_with_the_smallest_loss() {
        assert_eq!(best(&[0.5, 0.3, 0.3, 0.4]), Some(2));
        assert_eq!(best(&[f64::NAN, 0.3, f64::INFINITY]), Some(2));
        assert_eq!(best(&[f64::NAN]), None);
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn is_written_in_kebab_case_without_nan() {
        let json = serde_json::to_string(&history(&[f64::NAN])).unwrap();
        let expected = r#"{"epochs":[{"epoch":1,"train-loss":0.1,"train-accuracy":0.9,"validation-loss":null,"validation-accuracy":0.8}]}"#;
        assert_eq!(json, expected);
        let back: History = serde_json::from_str(&json).unwrap();
        assert!(back.epochs[0].validation_loss.is_nan());
    }

    #[test]
    fn a_missing_number_is_an_error_not_nan() {
        let error = serde_json::from_str::<History>(r#"{"epochs":[{"epoch":1}]}"#).unwrap_err();
        assert!(error.to_string().contains("missing field `train-loss`"), "{error}");
    }
}
