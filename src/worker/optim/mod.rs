//! The optimisers of PyTorch, with a state that can be saved and restored exactly. (The state of tch's own
//! optimisers cannot be saved.)

mod adam;
mod clip;
mod rates;
mod sgd;

use anyhow::Result;
use pcamflow::stages::train::{ClipGradients, Optimizer as Settings};
use tch::{Tensor, no_grad};

use crate::tensors::{Named, copy_all};
use adam::AdamState;
pub(crate) use rates::Rates;
use sgd::SgdState;

/// An optimiser and its state. Parameters keep their order.
#[derive(Debug)]
pub(crate) struct Optimizer {
    rule: Rule,
    clip: Option<ClipGradients>,
    parameters: Vec<(String, Tensor)>,
    steps: u64,
}

#[derive(Debug)]
enum Rule {
    Adam(AdamState),
    Sgd(SgdState),
}

impl Optimizer {
    /// A new optimiser of these parameters. With `clip` it clips gradients before it uses them.
    pub(crate) fn new(
        settings: &Settings,
        clip: Option<ClipGradients>,
        parameters: &[(String, Tensor)],
    ) -> Self {
        let tensors: Vec<&Tensor> = parameters.iter().map(|(_, tensor)| tensor).collect();
        let rule = match settings {
            Settings::Adam(adam) => Rule::Adam(AdamState::new(adam.clone(), &tensors)),
            Settings::AdamW(adamw) => Rule::Adam(AdamState::decoupled(adamw, &tensors)),
            Settings::Sgd(sgd) => Rule::Sgd(SgdState::new(sgd.clone(), &tensors)),
        };
        let parameters = parameters.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        Self { rule, clip, parameters: parameters.collect(), steps: 0 }
    }

    /// Sets the rates of the next steps.
    pub(crate) fn set(&mut self, rates: Rates) {
        match &mut self.rule {
            Rule::Adam(adam) => adam.set(rates),
            Rule::Sgd(sgd) => sgd.set(rates),
        }
    }

    /// The learning rate of the last step.
    pub(crate) fn learning_rate(&self) -> f64 {
        match &self.rule {
            Rule::Adam(adam) => adam.learning_rate(),
            Rule::Sgd(sgd) => sgd.learning_rate(),
        }
    }

    /// The number of steps so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Makes one step against the gradients of a scalar loss.
    pub(crate) fn step(&mut self, loss: &Tensor) {
        let inputs: Vec<&Tensor> = self.parameters.iter().map(|(_, tensor)| tensor).collect();
        self.step_against(Tensor::run_backward(&[loss], &inputs, false, false));
    }

    /// Makes one step against these gradients, one for each parameter.
    pub(crate) fn step_against(&mut self, gradients: Vec<Tensor>) {
        no_grad(|| self.apply(gradients));
    }

    fn apply(&mut self, gradients: Vec<Tensor>) {
        self.steps += 1;
        let gradients = match &self.clip {
            None => gradients,
            Some(clip) => clip::clipped(gradients, clip.norm),
        };
        for (index, ((_, parameter), gradient)) in self.parameters.iter_mut().zip(gradients).enumerate() {
            match &mut self.rule {
                Rule::Adam(adam) => adam.update(index, parameter, gradient, self.steps),
                Rule::Sgd(sgd) => sgd.update(index, parameter, gradient),
            }
        }
    }

    /// The tensors of the state, named `<parameter>.<slot>`. They share memory with the optimiser.
    pub(crate) fn state(&self) -> Named {
        let slots: Vec<(&str, &Vec<Tensor>)> = match &self.rule {
            Rule::Adam(adam) => adam.slots().into(),
            Rule::Sgd(sgd) => sgd.slots().into_iter().collect(),
        };
        let mut state = Named::new();
        for (slot, tensors) in slots {
            let named = self.parameters.iter().zip(tensors);
            state.extend(named.map(|((name, _), tensor)| (format!("{name}.{slot}"), tensor.shallow_clone())));
        }
        state
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub(crate) fn load(&mut self, tensors: &Named, steps: u64) -> Result<()> {
        copy_all(self.state(), tensors)?;
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcamflow::stages::train::{Adam, AdamW, OneCycle, Sgd};

    fn parameters() -> Vec<(String, Tensor)> {
        let tensor = |values: &[f32]| Tensor::from_slice(values).set_requires_grad(true);
        vec![("w".to_owned(), tensor(&[1.0, -2.0, 0.5])), ("b".to_owned(), tensor(&[0.25]))]
    }

    /// sum((w - 3)^4)/10 + (b w_0 - 1)^2
    fn loss(parameters: &[(String, Tensor)]) -> Tensor {
        let (w, b) = (&parameters[0].1, &parameters[1].1);
        let quartic = (w - 3.0).pow_tensor_scalar(4).sum(tch::Kind::Float) / 10.0;
        quartic + (b * w.get(0) - 1.0).square().sum(tch::Kind::Float)
    }

    fn after(settings: &Settings, steps: usize) -> Vec<f64> {
        after_clipped(settings, steps, None)
    }

    fn after_clipped(settings: &Settings, steps: usize, norm: Option<f64>) -> Vec<f64> {
        let parameters = parameters();
        let clip = norm.map(|norm| ClipGradients { norm });
        let mut optimizer = Optimizer::new(settings, clip, &parameters);
        (0..steps).for_each(|_| optimizer.step(&loss(&parameters)));
        values(&parameters)
    }

    fn values(parameters: &[(String, Tensor)]) -> Vec<f64> {
        parameters.iter().flat_map(|(_, tensor)| Vec::<f64>::try_from(tensor).unwrap()).collect()
    }

    #[track_caller]
    fn close(what: &str, got: &[f64], wanted: &[f64]) {
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-6, "{what}: {got} is not {wanted}");
        }
    }

    fn adam(weight_decay: f64) -> Settings {
        let adam = Adam { learning_rate: 0.1, weight_decay, ..Adam::default() };
        Settings::Adam(adam)
    }

    fn adamw(weight_decay: f64) -> Settings {
        Settings::AdamW(AdamW { learning_rate: 0.1, weight_decay, ..AdamW::default() })
    }

    fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> Settings {
        Settings::Sgd(Sgd { learning_rate: 0.01, momentum, nesterov, weight_decay })
    }

    /// The numbers are PyTorch 2.11's, printed by
    /// ```python
    /// import torch
    /// def run(make, steps=5):
    ///     w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True); b = torch.tensor([0.25], requires_grad=True)
    ///     opt = make([w, b])
    ///     for _ in range(steps):
    ///         opt.zero_grad(); (((w - 3) ** 4).sum() / 10 + ((b * w[0] - 1) ** 2).sum()).backward(); opt.step()
    ///     print([*w.tolist(), *b.tolist()])
    /// run(lambda p: torch.optim.Adam(p, 0.1))
    /// run(lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.3))
    /// run(lambda p: torch.optim.AdamW(p, 0.1))
    /// run(lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.3))
    /// run(lambda p: torch.optim.SGD(p, 0.01))
    /// run(lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, weight_decay=0.3))
    /// run(lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True))
    /// ```
    /// Tolerance: a few units in the last place of float32.
    #[test]
    fn five_steps_are_pytorchs() {
        let cases = [
            (adam(0.0), [1.4889488220214844, -1.5034537315368652, 0.9913147687911987, 0.7281169295310974]),
            (adam(0.3), [1.4855587482452393, -1.5034476518630981, 0.9902783632278442, 0.7203696370124817]),
            (adamw(1e-2), [1.4831770658493042, -1.494552731513977, 0.987902045249939, 0.7262716889381409]),
            (adamw(0.3), [1.3239325284957886, -1.2525572776794434, 0.8937909603118896, 0.672439455986023]),
            (
                sgd(0.0, false, 0.0),
                [1.16391122341156, -0.43350470066070557, 0.7717612981796265, 0.324604332447052],
            ),
            (
                sgd(0.9, false, 0.3),
                [1.386035442352295, 2.0508570671081543, 1.1781600713729858, 0.4328727126121521],
            ),
            (
                sgd(0.9, true, 0.0),
                [1.5070747137069702, 2.024693727493286, 1.310086727142334, 0.4898647665977478],
            ),
        ];
        for (settings, wanted) in cases {
            close(&format!("{settings:?}"), &after(&settings, 5), &wanted);
        }
    }

    /// As above, with `torch.nn.utils.clip_grad_norm_([w, b], norm)` before `opt.step()`, by
    /// ```python
    /// run(lambda p: torch.optim.SGD(p, 0.01), norm=1.0)
    /// run(lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, weight_decay=0.3), norm=5.0)
    /// run(lambda p: torch.optim.Adam(p, 0.1), norm=100.0)  # never reached
    /// ```
    #[test]
    fn five_steps_with_clipped_gradients_are_pytorchs() {
        let cases = [
            (
                sgd(0.0, false, 0.0),
                1.0,
                [1.0035722255706787, -1.9505422115325928, 0.506237804889679, 0.25150176882743835],
            ),
            (
                sgd(0.9, false, 0.3),
                5.0,
                [1.01094651222229, -1.277217984199524, 0.5668444037437439, 0.26123547554016113],
            ),
            (
                adam(0.0),
                100.0,
                [1.4889488220214844, -1.5034537315368652, 0.9913147687911987, 0.7281169295310974],
            ),
        ];
        for (settings, norm, wanted) in cases {
            close(&format!("{settings:?}, {norm}"), &after_clipped(&settings, 5, Some(norm)), &wanted);
        }
    }

    #[test]
    fn a_gradient_of_nothing_is_clipped_to_nothing() {
        let zeros = Tensor::zeros([3], (tch::Kind::Float, tch::Device::Cpu));
        assert_eq!(clip::clipped(vec![zeros.copy()], 1.0), [zeros]);
    }

    /// As above, with a scheduler that steps after `opt.step()`, by
    /// ```python
    /// one_cycle = lambda top: lambda o: torch.optim.lr_scheduler.OneCycleLR(o, top, total_steps=7)
    /// run(lambda p: torch.optim.Adam(p, 0.1), sched=one_cycle(0.1))
    /// run(lambda p: torch.optim.SGD(p, 0.01, momentum=0.9), sched=one_cycle(0.01))
    /// ```
    /// Only the first five steps are made.
    #[test]
    fn five_steps_of_one_cycle_are_pytorchs() {
        let cycle =
            pcamflow::stages::train::Schedule::OneCycle(OneCycle { epochs: Some(7), ..OneCycle::default() });
        let cases = [
            (adam(0.0), [1.2552012205123901, -1.743208885192871, 0.7551403045654297, 0.5054960250854492]),
            (
                sgd(0.9, false, 0.0),
                [1.2665594816207886, 0.9721646308898926, 0.95093834400177, 0.3675646483898163],
            ),
        ];
        for (settings, wanted) in cases {
            let parameters = parameters();
            let mut optimizer = Optimizer::new(&settings, None, &parameters);
            for epochs in 0..5 {
                let place = crate::train::Place { epochs, step: 0, steps_per_epoch: 1 };
                optimizer.set(crate::train::rates(&cycle, settings.learning_rate(), place));
                optimizer.step(&loss(&parameters));
            }
            close(&format!("{settings:?}"), &values(&parameters), &wanted);
        }
    }

    #[test]
    fn a_restored_optimiser_goes_on_bit_for_bit() {
        for settings in [adam(0.1), adamw(0.1), sgd(0.9, true, 0.1), sgd(0.0, false, 0.0)] {
            let first = parameters();
            let mut optimizer = Optimizer::new(&settings, None, &first);
            (0..3).for_each(|_| optimizer.step(&loss(&first)));
            let saved = optimizer.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
            let second = parameters();
            for ((_, from), (_, to)) in first.iter().zip(&second) {
                no_grad(|| to.shallow_clone().copy_(from));
            }
            let mut restored = Optimizer::new(&settings, None, &second);
            restored.load(&saved, optimizer.steps()).unwrap();
            (0..3).for_each(|_| optimizer.step(&loss(&first)));
            (0..3).for_each(|_| restored.step(&loss(&second)));
            assert_eq!(first[0].1, second[0].1);
            assert_eq!(first[1].1, second[1].1);
        }
    }

    #[test]
    fn the_state_of_another_optimiser_is_refused() {
        let other = Optimizer::new(&adam(0.0), None, &parameters()).state();
        let error = Optimizer::new(&sgd(0.9, false, 0.0), None, &parameters()).load(&other, 1).unwrap_err();
        assert_eq!(error.to_string(), "there is no tensor `b.momentum_buffer`");
    }
}
