//! Adam (Kingma & Ba 2015) as `torch.optim.Adam` computes it, operation by operation.

use pcamflow::stages::train::Adam;
use tch::Tensor;

/// The two moments of every parameter.
#[derive(Debug)]
pub(super) struct AdamState {
    settings: Adam,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
}

impl AdamState {
    pub(super) fn new(settings: Adam, parameters: &[&Tensor]) -> Self {
        Self { settings, means: super::zeros_like(parameters), squares: super::zeros_like(parameters) }
    }

    /// PyTorch's names of the moments.
    pub(super) fn slots(&self) -> [(&'static str, &Vec<Tensor>); 2] {
        [("exp_avg", &self.means), ("exp_avg_sq", &self.squares)]
    }

    /// `step` counts from 1. The factors stand on the tensors on which PyTorch's `value = ...` acts.
    pub(super) fn update(&mut self, index: usize, parameter: &mut Tensor, gradient: Tensor, step: u64) {
        let Adam { learning_rate, beta1, beta2, epsilon, weight_decay } = &self.settings;
        let gradient = if *weight_decay == 0.0 { gradient } else { gradient + &*parameter * *weight_decay };
        let (mean, square) = (&mut self.means[index], &mut self.squares[index]);
        let _ = mean.lerp_(&gradient, 1.0 - beta1);
        let _ = square.g_mul_scalar_(*beta2).addcmul_(&(&gradient * (1.0 - beta2)), &gradient);
        let step = step as f64;
        let (correction1, correction2) = (1.0 - beta1.powf(step), 1.0 - beta2.powf(step));
        let denominator = (square.sqrt() / correction2.sqrt()).g_add_scalar_(*epsilon);
        let _ = parameter.addcdiv_(&(&*mean * (-learning_rate / correction1)), &denominator);
    }
}
