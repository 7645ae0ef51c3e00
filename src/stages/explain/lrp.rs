//! The settings of layer-wise relevance propagation.

use super::Settings;
use crate::stages::{
    Check, Model,
    declare::{choice, settings},
};

settings! {
    /// The score, handed back layer by layer in proportion to what each input contributed (Bach et al. 2015).
    pub struct Lrp {
        /// How convolutions after the first hand it back. All else has the epsilon rule.
        rule: LrpRule = LrpRule::Epsilon;
        /// Added to the magnitude of every sum that relevance is divided by.
        epsilon: f64 = 1e-6;
        /// By how much the gamma rule favours positive weights.
        gamma: f64 = 0.25;
    }
}

choice! {
    /// The rules of convolutions.
    pub enum LrpRule {
        /// In proportion to weight times activation.
        Epsilon = "epsilon",
        /// The same after positive weights have grown by the share `gamma` (Montavon et al. 2019).
        Gamma = "gamma",
    }
}

impl Settings for Lrp {
    fn has_rules(&self) -> bool {
        true
    }

    fn check(&self, _model: &Model, check: &mut Check<'_>) {
        check.positive("method.lrp.epsilon", self.epsilon);
        check.within("method.lrp.gamma", self.gamma, 0.0, 1000.0);
        let unused = self.rule == LrpRule::Epsilon && self.gamma != Self::default().gamma;
        check.require(!unused, "method.lrp.gamma", "`gamma` belongs to `rule = \"gamma\"`: set that too");
    }
}
