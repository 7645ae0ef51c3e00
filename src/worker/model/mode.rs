//! The mode of a forward pass, and the layers that it keeps or replaces.

use tch::Tensor;

/// The purpose of a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Batch normalisation uses the statistics of the batch and updates the running ones.
    Training,
    /// Batch normalisation uses the running statistics: a logit depends only on its image.
    Inference,
}

/// Keeps the outputs of named layers, or replaces one, or neither.
pub(crate) enum Tape<'a> {
    Off,
    On { taps: &'a mut Vec<(String, Tensor)>, leaf: Option<&'a str> },
    Replace { layer: &'a str, by: &'a Tensor },
}

impl Tape<'_> {
    /// Keeps the output of a layer, and returns it, or what replaces it.
    pub(super) fn keep(&mut self, layer: &str, output: Tensor) -> Tensor {
        match self {
            Self::Off => output,
            Self::On { taps, leaf } => {
                let cut = *leaf == Some(layer);
                let output = if cut { output.detach().set_requires_grad(true) } else { output };
                taps.push((layer.to_owned(), output.shallow_clone()));
                output
            }
            Self::Replace { layer: replaced, by } if *replaced == layer => by.shallow_clone(),
            Self::Replace { .. } => output,
        }
    }

    /// max(x, 0): in place if nobody else has x.
    pub(super) fn relu(&self, mut x: Tensor) -> Tensor {
        match self {
            Self::Off => x.relu_(),
            Self::On { .. } | Self::Replace { .. } => x.relu(),
        }
    }
}
