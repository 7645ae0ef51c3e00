//! How the learning rate goes along: PyTorch's schedules, counted in absolute epochs.
//!
//! A schedule's place is the absolute epoch alone, so a resumed training goes on along the same curve.
//! Its length is `epochs` where given, else the epochs of the `train` stage where it began, and stays
//! that when the training is resumed. So `train` of a + b epochs equals `train` of a, resumed for b,
//! where the length is given. (`step` has no length.) What the rates are: `worker::train::schedule`.

use super::Optimizer;
use crate::stages::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// The schedules of the learning rate. The optimiser's `learning-rate` is where they begin, and for
    /// `one-cycle` the highest.
    pub enum Schedule {
        /// The same learning rate throughout.
        Constant(Constant) = "constant",
        /// Down along half a cosine, epoch by epoch.
        Cosine(Cosine) = "cosine",
        /// Up and down once, step by step.
        OneCycle(OneCycle) = "one-cycle",
        /// Down by a factor every few epochs.
        Step(StepDecay) = "step",
    }
}

settings! {
    /// No schedule.
    pub struct Constant {}
}

settings! {
    /// `torch.optim.lr_scheduler.CosineAnnealingLR`, once an epoch. After its end it rises again along
    /// the same cosine, as PyTorch's does: the first epoch after it has the rate `eta-min`.
    pub struct Cosine {
        /// Epochs until `eta-min` (PyTorch's `T_max`); those of the stage where absent.
        epochs: Option<u32> = None;
        /// The lowest learning rate.
        eta_min: f64 = 0.0;
    }
}

settings! {
    /// `torch.optim.lr_scheduler.OneCycleLR` (Smith & Topin 2018), once a step, with cosine annealing in
    /// two phases. After its end the last rate and momentum stay; PyTorch's is an error there.
    pub struct OneCycle {
        /// Epochs of the cycle, of as many steps as the training patches make; those of the stage where
        /// absent.
        epochs: Option<u32> = None;
        /// Share of the cycle in which the learning rate rises.
        pct_start: f64 = 0.3;
        /// The first learning rate is the highest divided by this.
        div_factor: f64 = 25.0;
        /// The last learning rate is the first divided by this.
        final_div_factor: f64 = 1e4;
        /// Whether the momentum (Adam's `beta1`) goes down where the learning rate goes up.
        cycle_momentum: bool = true;
        /// The momentum at the highest learning rate.
        base_momentum: f64 = 0.85;
        /// The momentum at both ends.
        max_momentum: f64 = 0.95;
    }
}

settings! {
    /// `torch.optim.lr_scheduler.StepLR`, once an epoch, without an end.
    pub struct StepDecay {
        /// Epochs between two changes.
        step_size: u32;
        /// What the learning rate is multiplied by.
        gamma: f64;
    }
}

impl Schedule {
    /// The same schedule, of this length where none was given.
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
            "`cycle-momentum` needs an optimiser with a `momentum` above 0; else set it to false",
        );
    }
}
