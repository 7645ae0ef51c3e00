//! The scalar of the network that a map explains.
//!
//! Every scalar is a function of the logit z, so its gradient is dz times one number per image. Sigmoids are float64:
//! in float32 they saturate.

use pcamflow::{
    metrics::sigmoid,
    stages::explain::{Score, Target},
};

/// The explained class and score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) target: Target,
    pub(crate) score: Score,
}

impl Question {
    /// 1 if the explained class is tumour, else -1.
    pub(crate) fn sign(self, logit: f32, label: u8) -> f64 {
        let tumor = match self.target {
            Target::Tumor => true,
            Target::Predicted => sigmoid(logit) > 0.5,
            Target::Label => label == 1,
        };
        if tumor { 1.0 } else { -1.0 }
    }

    /// The explained scalar of an image with this logit and label.
    pub(crate) fn scalar(self, logit: f32, label: u8) -> Scalar {
        Scalar { sign: self.sign(logit, label), score: self.score }
    }

    /// The question in words.
    pub(crate) fn words(self, classes: &[String; 2]) -> String {
        let class = match self.target {
            Target::Tumor => classes[1].as_str(),
            Target::Predicted => "the predicted class",
            Target::Label => "the labelled class",
        };
        format!("explains the {} of {class}", self.score.word())
    }
}

/// The explained scalar of one image, as a function of the logit. An altered copy keeps the class of its image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scalar {
    sign: f64,
    score: Score,
}

impl Scalar {
    /// Its value at a logit.
    pub(crate) fn value(self, logit: f32) -> f64 {
        match self.score {
            Score::Logit => self.sign * f64::from(logit),
            Score::Probability => sigmoid(self.sign as f32 * logit),
        }
    }

    /// Its derivative by the logit.
    pub(crate) fn slope(self, logit: f32) -> f64 {
        match self.score {
            Score::Logit => self.sign,
            // p (1 - p) without cancellation.
            Score::Probability => self.sign * sigmoid(logit) * sigmoid(-logit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(target: Target, score: Score, logit: f32, label: u8) -> f64 {
        Question { target, score }.scalar(logit, label).slope(logit)
    }

    #[test]
    fn the_target_decides_the_sign() {
        let of = |target| {
            [(2.0, 0), (-2.0, 1), (0.0, 1)].map(|(logit, label)| slope(target, Score::Logit, logit, label))
        };
        assert_eq!(of(Target::Tumor), [1.0, 1.0, 1.0]);
        // p = 0.5 is not above 0.5.
        assert_eq!(of(Target::Predicted), [1.0, -1.0, -1.0]);
        assert_eq!(of(Target::Label), [-1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_slope_of_a_probability_matches_finite_differences() {
        for logit in [-3.0_f32, 0.0, 1.5] {
            let difference = (sigmoid(logit + 1e-2) - sigmoid(logit - 1e-2)) / 2e-2;
            // Error of the difference: h^2/6 times a third derivative below 1/8.
            assert!((slope(Target::Tumor, Score::Probability, logit, 0) - difference).abs() < 5e-6);
            assert!((slope(Target::Label, Score::Probability, logit, 0) + difference).abs() < 5e-6);
        }
    }

    #[test]
    fn a_scalar_keeps_the_class_of_its_image() {
        let question = |score| Question { target: Target::Predicted, score };
        let negative = question(Score::Logit).scalar(-2.0, 1);
        assert_eq!((negative.value(3.0), negative.slope(3.0)), (-3.0, -1.0));
        let probability = question(Score::Probability).scalar(-2.0, 1);
        assert_eq!(probability.value(3.0), sigmoid(-3.0));
        assert!(probability.slope(3.0) < 0.0);
    }

    #[test]
    fn a_saturated_probability_still_has_a_slope() {
        let slope = slope(Target::Tumor, Score::Probability, 60.0, 1);
        assert!((slope / (-60f64).exp() - 1.0).abs() < 1e-12);
    }
}
