//! Schedules of the learning rate: PyTorch's, counted in absolute epochs.
//!
//! A resumed training continues on the same curve. The length of a schedule is `epochs`, by default the epochs of
//! the first `train` stage, and does not change when the training is resumed. So, if the length is set, `train` of
//! a + b epochs equals `train` of a epochs, resumed for b. (`step` has no length.) The rates themselves are computed
//! in `worker::train::schedule`.

use super::Optimizer;
use crate::stages::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// The schedules of the learning rate. The optimiser's `learning-rate` is the first rate; for `one-cycle` it is
    /// the highest.
    pub enum Schedule {
        /// A constant learning rate.
        Constant(Constant) = "constant",
        /// Decreases along half a cosine, epoch by epoch.
        Cosine(Cosine) = "cosine",
        /// Increases and decreases once, step by step.
        OneCycle(OneCycle) = "one-cycle",
        /// Decreases by a factor every few epochs.
        Step(StepDecay) = "step",
    }
}

settings! {
    /// No schedule.
    pub struct Constant {}
}

settings! {
    /// `torch.optim.lr_scheduler.CosineAnnealingLR`, once per epoch. As in PyTorch, the rate increases again along
    /// the same cosine after the end; the first epoch after the end has the rate `eta-min`.
    pub struct Cosine {
        /// Epochs until `eta-min` (PyTorch's `T_max`; default: the epochs of the stage).
        epochs: Option<u32> = None;
        /// The lowest learning rate.
        eta_min: f64 = 0.0;
    }
}

settings! {
    /// `torch.optim.lr_scheduler.OneCycleLR` (Smith & Topin 2018), once per step, with cosine annealing in two
    /// phases. After the end, rate and momentum stay the same, where PyTorch reports an error.
    pub struct OneCycle {
        /// Epochs of the cycle (default: the epochs of the stage). The training patches determine the steps per
        /// epoch.
        epochs: Option<u32> = None;
        /// Share of the cycle in which the learning rate increases.
        pct_start: f64 = 0.3;
        /// The first learning rate is the highest divided by this.
        div_factor: f64 = 25.0;
        /// The last learning rate is the first divided by this.
        final_div_factor: f64 = 1e4;
        /// Whether the momentum (Adam's `beta1`) decreases while the learning rate increases.
        cycle_momentum: bool = true;
        /// The momentum at the highest learning rate.
        base_momentum: f64 = 0.85;
        /// The momentum at both ends.
        max_momentum: f64 = 0.95;
    }
}

settings! {
    /// `torch.optim.lr_scheduler.StepLR`, once per epoch, without an end.
    pub struct StepDecay {
        /// Epochs between two changes.
        step_size: u32;
        /// What the learning rate is multiplied by.
        gamma: f64;
    }
}

impl Schedule {
    /// The same schedule, with this length if none is set.
    #[must_use]
    pub fn lasting(&self, stage_epochs: u32) -> Self {
        let mut schedule = self.clone();
        match &mut schedule {
            Self::Constant(_) | Self::Step(_) => (),
            Self::Cosine(Cosine { epochs, .. }) | Self::OneCycle(OneCycle { epochs, .. }) => {
                *epochs = epochs.or(Some(stage_epochs));
            }
        }
        schedule
    }

    pub(super) fn check(&self, optimizer: &Optimizer, check: &mut Check<'_>) {
        match self {
            Self::Constant(_) => (),
            Self::Cosine(cosine) => {
                check.at_least("schedule.cosine.epochs", cosine.epochs.unwrap_or(1), 1);
                let highest = optimizer.learning_rate();
                check.within("schedule.cosine.eta-min", cosine.eta_min, 0.0, highest);
            }
            Self::OneCycle(cycle) => cycle.check(optimizer, check),
            Self::Step(step) => {
                check.at_least("schedule.step.step-size", step.step_size, 1);
                check.positive("schedule.step.gamma", step.gamma);
            }
        }
    }
}

impl OneCycle {
    fn check(&self, optimizer: &Optimizer, check: &mut Check<'_>) {
        check.at_least("schedule.one-cycle.epochs", self.epochs.unwrap_or(1), 1);
        check.within("schedule.one-cycle.pct-start", self.pct_start, 0.0, 1.0);
        check.positive("schedule.one-cycle.div-factor", self.div_factor);
        check.positive("schedule.one-cycle.final-div-factor", self.final_div_factor);
        check.below_one("schedule.one-cycle.base-momentum", self.base_momentum);
        check.below_one("schedule.one-cycle.max-momentum", self.max_momentum);
        check.require(
            !self.cycle_momentum || optimizer.has_momentum(),
            "schedule.one-cycle.cycle-momentum",
            "`cycle-momentum` needs an optimiser with a `momentum` above 0: set it, or set `cycle-momentum` to false",
        );
    }
}
