//! The networks that can be trained: their parameters, and what these may be.
//!
//! What they compute is the worker's; `train` has one of them as a parameter, a checkpoint names it, and
//! `explain` asks for one of its layers by name.

use super::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// The networks that can be trained.
    pub enum Architecture {
        /// Four convolutions, average pooling, two linear layers.
        ClassCnn(ClassCnn) = "class-cnn",
        /// Residual blocks in stages, average pooling, one linear layer.
        Resnet(ResNet) = "resnet",
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

settings! {
    /// A small residual network (He et al. 2016, section 4.2) for patches of 96x96 in the place of 32x32:
    /// its stem has stride 2, so that the stages work on 48x48, 24x24, 12x12.
    pub struct ResNet {
        /// Blocks of each stage; each stage after the first halves rows and columns.
        stages: Vec<u32> = vec![2, 2, 2];
        /// Channels of the first stage; each one after it doubles them.
        width: u32 = 16;
    }
}

/// More halvings than these leave nothing of a patch.
const MOST_STAGES: usize = 5;

/// Channels of the widest layer; a wider one would be a slip of the pen.
const MOST_CHANNELS: u64 = 4096;

impl Architecture {
    /// Checks the values of a stage's `architecture`.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        match self {
            Self::ClassCnn(network) => network.check(check),
            Self::Resnet(network) => network.check(check),
        }
    }

    /// The layers whose outputs can be explained, from input to output, under their names in PyTorch.
    #[must_use]
    pub fn layers(&self) -> Vec<String> {
        match self {
            Self::ClassCnn(_) => ClassCnn::LAYERS.map(str::to_owned).to_vec(),
            Self::Resnet(network) => network.layers(),
        }
    }

    /// The last of these that still tells one place from another and is not a mere average of another:
    /// where Grad-CAM looks if nobody says.
    #[must_use]
    pub fn last_layer(&self) -> String {
        match self {
            Self::ClassCnn(_) => "relu4".to_owned(),
            Self::Resnet(network) => format!("layer{}", network.stages.len()),
        }
    }
}

impl ClassCnn {
    const LAYERS: [&str; 15] = [
        "conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "pool1", "conv3", "bn3", "relu3", "pool2", "conv4",
        "bn4", "relu4", "pool3",
    ];

    fn check(&self, check: &mut Check<'_>) {
        let wide = self.channels.iter().all(|channels| (1..=4096).contains(channels));
        check.require(wide, "architecture.class-cnn.channels", "`channels` must lie between 1 and 4096");
        check.within("architecture.class-cnn.hidden", self.hidden.into(), 1.0, 65536.0);
    }
}

impl ResNet {
    fn check(&self, check: &mut Check<'_>) {
        let blocks = (1..=MOST_STAGES).contains(&self.stages.len())
            && self.stages.iter().all(|blocks| (1..=64).contains(blocks));
        let message = format!(
            "`stages` must be 1 to {MOST_STAGES} numbers of blocks, each between 1 and 64: [2, 2, 2]"
        );
        check.require(blocks, "architecture.resnet.stages", message);
        let doublings = self.stages.len().clamp(1, MOST_STAGES) - 1;
        let most = MOST_CHANNELS >> doublings;
        check.within("architecture.resnet.width", self.width.into(), 1.0, most as f64);
    }

    /// conv1, bn1, relu1, and of every block what is in it (`layer1.0.conv1`), then itself (`layer1.0`); a
    /// stage (`layer1`) is its last block.
    fn layers(&self) -> Vec<String> {
        let mut layers = ["conv1", "bn1", "relu1"].map(str::to_owned).to_vec();
        for (stage, &blocks) in (1..).zip(&self.stages) {
            for block in 0..blocks {
                let name = format!("layer{stage}.{block}");
                let shortcut = (stage > 1 && block == 0).then_some("downsample");
                let inside = ["conv1", "bn1", "relu1", "conv2", "bn2"].into_iter().chain(shortcut);
                layers.extend(inside.map(|layer| format!("{name}.{layer}")));
                layers.push(name);
            }
            layers.push(format!("layer{stage}"));
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_residual_network_names_its_blocks_and_what_is_in_them() {
        let network = Architecture::Resnet(ResNet { stages: vec![1, 2], width: 4 });
        let layers = network.layers();
        assert_eq!(layers[..3], ["conv1", "bn1", "relu1"]);
        assert_eq!(
            layers[3..9],
            ["conv1", "bn1", "relu1", "conv2", "bn2"]
                .map(|l| format!("layer1.0.{l}"))
                .into_iter()
                .chain(["layer1.0".to_owned()])
                .collect::<Vec<_>>()
        );
        assert_eq!(layers[9], "layer1");
        assert_eq!(layers[15..17], ["layer2.0.downsample", "layer2.0"]);
        assert!(!layers.contains(&"layer2.1.downsample".to_owned()));
        assert_eq!(layers.last(), Some(&network.last_layer()));
    }
}
