//! What a network that comes with its code returns.

use super::declare::choice;

choice! {
    /// What a TorchScript network returns for N patches. Class 1 is tumour.
    pub enum NetworkOutput {
        /// `[N]` or [N, 1]: the logit of tumour.
        Logit = "logit",
        /// `[N]` or [N, 1]: the probability of tumour. Near 0 and 1 it has few digits left, so export the logit if you can.
        Probability = "probability",
        /// [N, 2]: a logit for each class; the explained one is the second minus the first.
        TwoLogits = "two-logits",
    }
}
