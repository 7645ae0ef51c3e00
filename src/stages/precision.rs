//! The precision of a network's arithmetic. It changes results, so it is part of keys.

use super::{Check, Model, declare::choice};

choice! {
    /// How exactly a network is computed. Sums, statistics, weights of a training and the last layers are float32 in
    /// any case.
    pub enum Precision {
        /// Single precision, on every device.
        Float32 = "float32",
        /// As `float32`, but convolutions round their factors to 10 bits. Needs a GPU (NVIDIA Ampere or newer).
        Tf32 = "tf32",
        /// Feature maps, and the factors of convolutions, have 8 bits (bfloat16). Needs a GPU (NVIDIA Ampere or newer)
        /// or a CPU with instructions for it (AVX-512 BF16 or AMX).
        Bf16 = "bf16",
    }
}

impl Precision {
    /// Checks that the model can be computed like this.
    pub(super) fn check(self, model: &Model, check: &mut Check<'_>) {
        let message = "a TorchScript network is computed in float32: leave `precision` out";
        let script = matches!(model, Model::Script(_));
        check.require(!script || self == Self::Float32, "precision", message);
    }

    /// Itself, if it is another than the default: then it is part of keys and files.
    #[must_use]
    pub fn unusual(self) -> Option<Self> {
        (self != Self::Float32).then_some(self)
    }
}
