//! The optimisers: settings with PyTorch's names and defaults, and the allowed values.

use crate::stages::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// The optimisers, with PyTorch's names and defaults. As in PyTorch, weight decay applies to all parameters,
    /// including biases and batch norms.
    pub enum Optimizer {
        /// Adam (Kingma & Ba 2015).
        Adam(Adam) = "adam",
        /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
        AdamW(AdamW) = "adamw",
        /// Stochastic gradient descent.
        Sgd(Sgd) = "sgd",
    }
}

settings! {
    /// `torch.optim.Adam`.
    pub struct Adam {
        /// Step size.
        learning_rate: f64 = 1e-3;
        /// Decay of the first moment.
        beta1: f64 = 0.9;
        /// Decay of the second moment.
        beta2: f64 = 0.999;
        /// Added to the root of the second moment.
        epsilon: f64 = 1e-8;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = 0.0;
    }
}

settings! {
    /// `torch.optim.AdamW`.
    pub struct AdamW {
        /// Step size.
        learning_rate: f64 = 1e-3;
        /// Decay of the first moment.
        beta1: f64 = 0.9;
        /// Decay of the second moment.
        beta2: f64 = 0.999;
        /// Added to the root of the second moment.
        epsilon: f64 = 1e-8;
        /// Each step reduces a parameter by this share of it, times the step size.
        weight_decay: f64 = 1e-2;
    }
}

settings! {
    /// `torch.optim.SGD`.
    pub struct Sgd {
        /// Step size.
        learning_rate: f64 = 1e-2;
        /// Share of the last step that is kept.
        momentum: f64 = 0.0;
        /// Nesterov's variant of momentum.
        nesterov: bool = false;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = 0.0;
    }
}

impl Optimizer {
    /// The step size, which a schedule changes.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam(adam) => adam.learning_rate,
            Self::AdamW(adamw) => adamw.learning_rate,
            Self::Sgd(sgd) => sgd.learning_rate,
        }
    }

    /// Whether it has a momentum that a schedule can cycle.
    #[must_use]
    pub fn has_momentum(&self) -> bool {
        match self {
            Self::Adam(_) | Self::AdamW(_) => true,
            Self::Sgd(sgd) => sgd.momentum > 0.0,
        }
    }

    pub(super) fn check(&self, check: &mut Check<'_>) {
        let at = |field: &str| format!("optimizer.{}.{field}", self.word());
        check.positive(&at("learning-rate"), self.learning_rate());
        match self {
            Self::Adam(Adam { beta1, beta2, epsilon, weight_decay, .. })
            | Self::AdamW(AdamW { beta1, beta2, epsilon, weight_decay, .. }) => {
                check.below_one(&at("beta1"), *beta1);
                check.below_one(&at("beta2"), *beta2);
                check.positive(&at("epsilon"), *epsilon);
                check.within(&at("weight-decay"), *weight_decay, 0.0, 1e6);
            }
            Self::Sgd(sgd) => {
                check.within(&at("momentum"), sgd.momentum, 0.0, 1.0);
                check.within(&at("weight-decay"), sgd.weight_decay, 0.0, 1e6);
                let usable = !sgd.nesterov || sgd.momentum > 0.0;
                check.require(usable, &at("nesterov"), "`nesterov` needs a `momentum` above 0");
            }
        }
    }
}
