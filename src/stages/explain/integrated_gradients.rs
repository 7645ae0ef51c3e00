//! The settings of integrated gradients.
//!
//! Knows which settings fit together. How the integral is computed is decided elsewhere.

use serde::Serialize;

use super::{Settings, Smooth, Steps};
use crate::stages::{
    Baseline, Check, Model,
    declare::{choice, settings},
};

/// The place of its baseline in a stage's table.
const BASELINE: &str = "method.integrated-gradients.baseline";

/// The tolerance of adaptive steps, if none is set.
const USUAL_TOLERANCE: f64 = 0.01;

settings! {
    /// Gradients along the path from a baseline to the image (Sundararajan et al. 2017).
    pub struct IntegratedGradients {
        /// How the integral is computed. Adaptive steps have a rule of their own.
        rule: Rule = Rule::GaussLegendre;
        /// Nodes of the rule, each with a forward and a backward pass per image. With `"adaptive"` each image has as
        /// few as the tolerance allows, from 15 to 512, where the path needs them.
        steps: Steps = Steps::Count(50);
        /// Where the path begins.
        baseline: Baseline = Baseline::Black;
        /// The largest relative error of completeness. Images above it are computed again with twice the steps, up
        /// to 800. With adaptive steps it is 0.01 by default, and says when an image has enough.
        tolerance: Option<f64> = None;
        /// A statistic over noisy copies of the image, each with a line of its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        smooth: Option<Smooth> = None;
    }
}

choice! {
    /// Rules for the integral over [0, 1]; the weights of each sum to 1.
    pub enum Rule {
        /// Exact for polynomials up to degree 2 n - 1.
        GaussLegendre = "gauss-legendre",
        /// Nodes in the middle of n equal parts.
        Midpoint = "midpoint",
        /// n nodes including both ends, which have half the weight.
        Trapezoid = "trapezoid",
    }
}

/// What a file of maps says about adaptive steps: no rule, because the default was not used.
#[derive(Serialize)]
struct AdaptiveSettings {
    steps: Steps,
    baseline: Baseline,
    tolerance: Option<f64>,
}

impl Settings for IntegratedGradients {
    fn baseline(&self) -> Option<(Baseline, &'static str)> {
        Some((self.baseline, BASELINE))
    }

    fn tolerance(&self) -> Option<f64> {
        match self.steps {
            Steps::Adaptive => self.tolerance.or(Some(USUAL_TOLERANCE)),
            Steps::Count(_) => self.tolerance,
        }
    }

    fn draws(&self) -> bool {
        self.smooth.is_some()
    }

    fn to_json(&self) -> serde_json::Result<String> {
        let Self { steps, baseline, .. } = *self;
        match steps {
            Steps::Adaptive => {
                serde_json::to_string(&AdaptiveSettings { steps, baseline, tolerance: self.tolerance() })
            }
            Steps::Count(_) => serde_json::to_string(self),
        }
    }

    fn check(&self, model: &Model, check: &mut Check<'_>) {
        self.steps.check("method.integrated-gradients.steps", check);
        check.require(
            self.steps != Steps::Adaptive || self.rule == Rule::GaussLegendre,
            "method.integrated-gradients.rule",
            "`steps = \"adaptive\"` puts the nodes where the path needs them, and has a rule of its own for that: \
             leave `rule` out, or write a number of steps",
        );
        if let Some(tolerance) = self.tolerance {
            check.positive("method.integrated-gradients.tolerance", tolerance);
        }
        if let Some(smooth) = &self.smooth {
            smooth.check("integrated-gradients", check);
            check.require(
                self.tolerance().is_none(),
                "method.integrated-gradients.smooth",
                "with `smooth`, all noisy copies have the same number of steps: \
                 leave `tolerance` out, and write a number of steps",
            );
        }
        self.baseline.check(model, BASELINE, check);
    }
}
