//! The settings of integrated gradients.

use crate::stages::{
    Baseline, Check, Model,
    declare::{choice, settings},
};

/// The place of its baseline in a stage's table.
pub(super) const BASELINE: &str = "method.integrated-gradients.baseline";

settings! {
    /// Gradients along the path from a baseline to the image (Sundararajan et al. 2017).
    pub struct IntegratedGradients {
        /// How the integral is computed.
        rule: Rule = Rule::GaussLegendre;
        /// Nodes of the rule, each with a forward and a backward pass per image.
        steps: u32 = 50;
        /// Where the path begins.
        baseline: Baseline = Baseline::Black;
        /// The largest relative error of completeness. Images above it are computed again with twice the steps, up
        /// to 800.
        tolerance: Option<f64> = None;
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

impl IntegratedGradients {
    pub(super) fn check(&self, model: &Model, check: &mut Check<'_>) {
        check.within("method.integrated-gradients.steps", self.steps.into(), 2.0, 10_000.0);
        if let Some(tolerance) = self.tolerance {
            check.positive("method.integrated-gradients.tolerance", tolerance);
        }
        self.baseline.check(model, BASELINE, check);
    }
}
