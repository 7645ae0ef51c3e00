//! The learning rate and momentum of every step, by PyTorch's formulas in closed form.
//!
//! They depend only on the place in the training, not on earlier steps.

use std::f64::consts::PI;

use pcamflow::stages::train::{Cosine, OneCycle, Schedule, StepDecay};

use crate::optim::Rates;

/// A step of a training, by its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Completed epochs, counted from the very first.
    pub(crate) epochs: u32,
    /// Completed steps of the current epoch.
    pub(crate) step: usize,
    /// Steps per epoch.
    pub(crate) steps_per_epoch: usize,
}

/// The rates at a place, where `peak` is the optimiser's learning rate.
pub(crate) fn rates(schedule: &Schedule, peak: f64, place: Place) -> Rates {
    let constant = |learning_rate| Rates { learning_rate, momentum: None };
    match schedule {
        Schedule::Constant(_) => constant(peak),
        Schedule::Cosine(cosine) => constant(annealed(cosine, peak, place)),
        Schedule::OneCycle(cycle) => cycled(cycle, peak, place),
        Schedule::Step(StepDecay { step_size, gamma }) => {
            constant(peak * gamma.powf(f64::from(place.epochs / step_size.max(&1))))
        }
    }
}

/// The length of a schedule in epochs. A recipe always has one; without it the schedule would hardly move.
fn length(epochs: Option<u32>) -> f64 {
    f64::from(epochs.unwrap_or(u32::MAX))
}

fn annealed(cosine: &Cosine, peak: f64, place: Place) -> f64 {
    between(peak, cosine.eta_min, f64::from(place.epochs) / length(cosine.epochs))
}

/// From `start` (share 0) to `end` (share 1) along half a cosine.
fn between(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

/// Two phases: rising until the step `turn`, then falling until the last step.
fn cycled(cycle: &OneCycle, peak: f64, place: Place) -> Rates {
    let steps = length(cycle.epochs) * place.steps_per_epoch as f64;
    let at = f64::from(place.epochs) * place.steps_per_epoch as f64 + place.step as f64;
    let first = peak / cycle.div_factor;
    let turn = cycle.pct_start * steps - 1.0;
    let along = |rising: f64, top: f64, falling: f64| match at <= turn {
        true => between(rising, top, share(at, 0.0, turn)),
        false => between(top, falling, share(at, turn, steps - 1.0)),
    };
    let momentum = || along(cycle.max_momentum, cycle.base_momentum, cycle.max_momentum);
    Rates {
        learning_rate: along(first, peak, first / cycle.final_div_factor),
        momentum: cycle.cycle_momentum.then(momentum),
    }
}

/// The share of the way from `start` to `end` at `at`; 1 after the end.
fn share(at: f64, start: f64, end: f64) -> f64 {
    if at < end { (at - start) / (end - start) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(schedule: &Schedule, count: u32) -> Vec<f64> {
        let place = |epochs| Place { epochs, step: 7, steps_per_epoch: 10 };
        (0..count).map(|epochs| rates(schedule, 1e-3, place(epochs)).learning_rate).collect()
    }

    #[track_caller]
    fn close(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-15, "{got} is not {wanted}");
        }
    }

    /// The numbers are PyTorch 2.11's, printed by
    /// ```python
    /// import torch; L = torch.optim.lr_scheduler
    /// def rates(make, n):
    ///     opt = torch.optim.Adam([torch.zeros(1, requires_grad=True)], 1e-3); s = make(opt)
    ///     for _ in range(n):
    ///         print(opt.param_groups[0]["lr"], opt.param_groups[0]["betas"][0]); opt.step(); s.step()
    /// rates(lambda o: L.CosineAnnealingLR(o, 4), 7)
    /// rates(lambda o: L.CosineAnnealingLR(o, 3, eta_min=1e-4), 5)
    /// rates(lambda o: L.StepLR(o, 2, gamma=0.5), 6)
    /// ```
    /// Tolerance: PyTorch multiplies from epoch to epoch, which rounds differently.
    #[test]
    fn schedules_by_epoch_are_pytorchs_beyond_their_end_too() {
        let cosine = |epochs, eta_min| Schedule::Cosine(Cosine { epochs: Some(epochs), eta_min });
        let wanted = [
            0.001,
            0.0008535533905932737,
            0.0005,
            0.00014644660940672628,
            0.0,
            0.00014644660940672623,
            0.0005,
        ];
        close(&epochs(&cosine(4, 0.0), 7), &wanted);
        close(&epochs(&cosine(3, 1e-4), 5), &[0.001, 0.000775, 0.000325, 0.0001, 0.000325]);
        let step = Schedule::Step(StepDecay { step_size: 2, gamma: 0.5 });
        close(&epochs(&step, 6), &[0.001, 0.001, 0.0005, 0.0005, 0.00025, 0.00025]);
    }

    fn steps(cycle: &OneCycle, epochs: u32, steps_per_epoch: usize) -> Vec<Rates> {
        let schedule = Schedule::OneCycle(cycle.clone());
        let places = (0..epochs)
            .flat_map(|epochs| (0..steps_per_epoch).map(move |step| Place { epochs, step, steps_per_epoch }));
        places.map(|place| rates(&schedule, 1e-3, place)).collect()
    }

    /// As above, by
    /// ```python
    /// rates(lambda o: L.OneCycleLR(o, 1e-3, total_steps=10), 10)
    /// rates(lambda o: L.OneCycleLR(o, 1e-3, total_steps=6, pct_start=0.5, div_factor=10,
    ///                              final_div_factor=100, cycle_momentum=False), 6)
    /// ```
    #[test]
    fn one_cycle_is_pytorchs_step_by_step() {
        let found = steps(&OneCycle { epochs: Some(2), ..OneCycle::default() }, 2, 5);
        let wanted = [
            (4e-05, 0.95),
            (0.00052, 0.9),
            (0.001, 0.85),
            (0.0009504846320134736, 0.854951556604879),
            (0.000811745653949763, 0.8688255099070633),
            (0.0006112620219362892, 0.8888739533021842),
            (0.00038874197806371076, 0.9111260466978157),
            (0.00018825834605023698, 0.9311744900929366),
            (4.9519367986526286e-05, 0.945048443395121),
            (4e-09, 0.95),
        ];
        let (rate, momentum): (Vec<f64>, Vec<f64>) = wanted.into_iter().unzip();
        close(&found.iter().map(|rates| rates.learning_rate).collect::<Vec<_>>(), &rate);
        close(&found.iter().map(|rates| rates.momentum.unwrap()).collect::<Vec<_>>(), &momentum);

        let other = OneCycle {
            epochs: Some(3),
            pct_start: 0.5,
            div_factor: 10.0,
            final_div_factor: 100.0,
            cycle_momentum: false,
            ..OneCycle::default()
        };
        let found = steps(&other, 3, 2);
        let wanted = [0.0001, 0.00055, 0.001, 0.00075025, 0.00025075, 1e-06];
        close(&found.iter().map(|rates| rates.learning_rate).collect::<Vec<_>>(), &wanted);
        assert!(found.iter().all(|rates| rates.momentum.is_none()));
    }

    #[test]
    fn after_its_cycle_the_last_rate_stays_and_a_cycle_of_one_step_is_a_number() {
        let cycle = OneCycle { epochs: Some(2), ..OneCycle::default() };
        let found = steps(&cycle, 4, 3);
        assert!(found[6..].iter().all(|rates| *rates == found[5]));
        for pct_start in [0.0, 0.3, 1.0] {
            let one = OneCycle { epochs: Some(1), pct_start, ..OneCycle::default() };
            assert!(steps(&one, 2, 1).iter().all(|rates| rates.learning_rate.is_finite()));
        }
    }
}
