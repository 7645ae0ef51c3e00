//! Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) as `torch.optim` computes them, operation
//! by operation.

use pcamflow::stages::train::{Adam, AdamW};
use tch::Tensor;

use super::rates::{Rates, zeros_like};

/// The two moments of every parameter.
#[derive(Debug)]
pub(super) struct AdamState {
    settings: Adam,
    /// Whether weight decay changes the parameter directly (AdamW) instead of its gradient.
    decoupled: bool,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
}

impl AdamState {
    pub(super) fn new(settings: Adam, parameters: &[&Tensor]) -> Self {
        let (means, squares) = (zeros_like(parameters), zeros_like(parameters));
        Self { settings, decoupled: false, means, squares }
    }

    /// AdamW.
    pub(super) fn decoupled(settings: &AdamW, parameters: &[&Tensor]) -> Self {
        let &AdamW { learning_rate, beta1, beta2, epsilon, weight_decay } = settings;
        let settings = Adam { learning_rate, beta1, beta2, epsilon, weight_decay };
        Self { decoupled: true, ..Self::new(settings, parameters) }
    }

    pub(super) fn set(&mut self, Rates { learning_rate, momentum }: Rates) {
        self.settings.learning_rate = learning_rate;
        self.settings.beta1 = momentum.unwrap_or(self.settings.beta1);
    }

    pub(super) fn learning_rate(&self) -> f64 {
        self.settings.learning_rate
    }

    /// The moments under PyTorch's names.
    pub(super) fn slots(&self) -> [(&'static str, &Vec<Tensor>); 2] {
        [("exp_avg", &self.means), ("exp_avg_sq", &self.squares)]
    }

    /// Makes step number `step`, counted from 1. Factors are multiplied where PyTorch does it (`value = ...`).
    pub(super) fn update(&mut self, index: usize, parameter: &mut Tensor, gradient: Tensor, step: u64) {
        let Adam { learning_rate, beta1, beta2, epsilon, weight_decay } = &self.settings;
        let gradient = match (*weight_decay == 0.0, self.decoupled) {
            (true, _) => gradient,
            (false, false) => gradient + &*parameter * *weight_decay,
            (false, true) => {
                let _ = parameter.g_mul_scalar_(1.0 - learning_rate * weight_decay);
                gradient
            }
        };
        let (mean, square) = (&mut self.means[index], &mut self.squares[index]);
        let _ = mean.lerp_(&gradient, 1.0 - beta1);
        let _ = square.g_mul_scalar_(*beta2).addcmul_(&(&gradient * (1.0 - beta2)), &gradient);
        let step = step as f64;
        let (correction1, correction2) = (1.0 - beta1.powf(step), 1.0 - beta2.powf(step));
        let denominator = (square.sqrt() / correction2.sqrt()).g_add_scalar_(*epsilon);
        let _ = parameter.addcdiv_(&(&*mean * (-learning_rate / correction1)), &denominator);
    }
}
