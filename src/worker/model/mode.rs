//! What a forward pass is for, and what is kept of it.

use tch::Tensor;

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Batch norm takes the batch's own statistics, and lets the running ones follow.
    Training,
    /// Batch norm takes the running statistics: an image's logit depends on that image alone.
    Inference,
}

/// Whether a forward pass keeps what comes by.
pub(crate) enum Tape<'a> {
    Off,
    On { taps: &'a mut Vec<(String, Tensor)>, leaf: Option<&'a str> },
}

impl Tape<'_> {
    /// Passes the output of a named layer on.
    pub(super) fn keep(&mut self, layer: &str, output: Tensor) -> Tensor {
        self.keep_in("", layer, output)
    }

    /// Passes the output of a layer on that is inside another: `layer1.0` and `.conv1`, say.
    pub(super) fn keep_in(&mut self, outer: &str, layer: &str, output: Tensor) -> Tensor {
        match self {
            Self::Off => output,
            Self::On { taps, leaf } => {
                let name = format!("{outer}{layer}");
                let cut = *leaf == Some(name.as_str());
                let output = if cut { output.detach().set_requires_grad(true) } else { output };
                taps.push((name, output.shallow_clone()));
                output
            }
        }
    }

    /// max(x, 0): in place where nobody has kept x.
    pub(super) fn relu(&self, mut x: Tensor) -> Tensor {
        match self {
            Self::Off => x.relu_(),
            Self::On { .. } => x.relu(),
        }
    }
}
