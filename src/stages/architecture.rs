//! The networks that can be trained: their parameters, and what these may be.
//!
//! What they compute is the worker's; `train` has one of them as a parameter, and a checkpoint names it.

use super::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// The networks that can be trained.
    pub enum Architecture {
        /// Four convolutions, average pooling, two linear layers.
        ClassCnn(ClassCnn) = "class-cnn",
    }
}

settings! {
    /// The notebook's network (DESIGN 7).
    pub struct ClassCnn {
        /// Channels of the four convolutions.
        channels: [u32; 4] = [32, 64, 128, 256];
        /// Units of the hidden linear layer.
        hidden: u32 = 256;
    }
}

impl Architecture {
    /// Checks the values of a stage's `architecture`.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        match self {
            Self::ClassCnn(network) => network.check(check),
        }
    }
}

impl ClassCnn {
    fn check(&self, check: &mut Check<'_>) {
        let wide = self.channels.iter().all(|channels| (1..=4096).contains(channels));
        check.require(wide, "architecture.class-cnn.channels", "`channels` must lie between 1 and 4096");
        check.within("architecture.class-cnn.hidden", self.hidden.into(), 1.0, 65536.0);
    }
}
