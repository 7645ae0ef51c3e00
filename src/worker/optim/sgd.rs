//! Stochastic gradient descent with momentum and weight decay, as `torch.optim.SGD` computes it.

use pcamflow::stages::train::Sgd;
use tch::Tensor;

use super::rates::{Rates, zeros_like};

/// The velocity of every parameter, if there is momentum.
#[derive(Debug)]
pub(super) struct SgdState {
    settings: Sgd,
    velocities: Option<Vec<Tensor>>,
}

impl SgdState {
    pub(super) fn new(settings: Sgd, parameters: &[&Tensor]) -> Self {
        let velocities = (settings.momentum != 0.0).then(|| zeros_like(parameters));
        Self { settings, velocities }
    }

    pub(super) fn set(&mut self, Rates { learning_rate, momentum }: Rates) {
        self.settings.learning_rate = learning_rate;
        self.settings.momentum = momentum.unwrap_or(self.settings.momentum);
    }

    pub(super) fn learning_rate(&self) -> f64 {
        self.settings.learning_rate
    }

    /// The velocities under PyTorch's name.
    pub(super) fn slots(&self) -> Option<(&'static str, &Vec<Tensor>)> {
        self.velocities.as_ref().map(|velocities| ("momentum_buffer", velocities))
    }

    /// Makes a step. The first velocity is the gradient: momentum * 0 + gradient.
    pub(super) fn update(&mut self, index: usize, parameter: &mut Tensor, gradient: Tensor) {
        let Sgd { learning_rate, momentum, nesterov, weight_decay } = &self.settings;
        let gradient = if *weight_decay == 0.0 { gradient } else { gradient + &*parameter * *weight_decay };
        let direction = match &mut self.velocities {
            None => gradient,
            Some(velocities) => {
                let velocity = velocities[index].g_mul_scalar_(*momentum).g_add_(&gradient);
                if *nesterov { gradient + velocity * *momentum } else { velocity }
            }
        };
        let _ = parameter.g_sub_(&(direction * *learning_rate));
    }
}
