//! The settings of residual networks, and the names of their layers.

use crate::stages::{
    Check,
    declare::{choice, settings},
};

choice! {
    /// What comes before the first stage.
    pub enum Stem {
        /// A 3x3 convolution with stride 2: the stages work on 48x48, 24x24, 12x12.
        Small = "small",
        /// torchvision's: a 7x7 convolution and a 3x3 max-pooling, both with stride 2. The stages work on 24x24,
        /// 12x12, 6x6, 3x3.
        Imagenet = "imagenet",
    }
}

choice! {
    /// The residual blocks.
    pub enum Block {
        /// Two 3x3 convolutions.
        Basic = "basic",
        /// A 1x1 convolution, a 3x3 one, which has the stride (version 1.5 of the network, as in torchvision), and a
        /// 1x1 one with four times the channels.
        Bottleneck = "bottleneck",
    }
}

settings! {
    /// A residual network (He et al. 2016). The default is the small one of section 4.2, for patches of 96x96 instead
    /// of 32x32: its stem has stride 2. With `stem = "imagenet"` it has the layout of torchvision's networks.
    pub struct ResNet {
        /// Blocks of each stage; each stage after the first halves rows and columns.
        stages: Vec<u32> = vec![2, 2, 2];
        /// Channels of the first stage; each later stage doubles them. A bottleneck's output has four times as many.
        width: u32 = 16;
        // Left out if it is the default, so that models and checkpoints of older versions keep their bytes.
        /// What comes before the first stage.
        #[serde(skip_serializing_if = "Stem::is_small")]
        stem: Stem = Stem::Small;
        /// The residual blocks.
        #[serde(skip_serializing_if = "Block::is_basic")]
        block: Block = Block::Basic;
    }
}

/// With more stages, nothing would be left of a patch.
const MOST_STAGES: usize = 5;

/// The channels of the widest layer that is allowed; more are a slip.
const MOST_CHANNELS: u64 = 4096;

impl Stem {
    fn is_small(&self) -> bool {
        *self == Self::Small
    }
}

impl Block {
    /// The channels of its output for each channel inside.
    #[must_use]
    pub fn expansion(self) -> u32 {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }

    fn is_basic(&self) -> bool {
        *self == Self::Basic
    }

    /// The layers inside a block, except its shortcut.
    fn layers(self) -> &'static [&'static str] {
        match self {
            Self::Basic => &["conv1", "bn1", "relu1", "conv2", "bn2"],
            Self::Bottleneck => &["conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "conv3", "bn3"],
        }
    }
}

impl ResNet {
    /// One of torchvision's networks.
    pub(super) fn of_torchvision(stages: [u32; 4], block: Block) -> Self {
        Self { stages: stages.to_vec(), width: 64, stem: Stem::Imagenet, block }
    }

    pub(super) fn check(&self, check: &mut Check<'_>) {
        let blocks = (1..=MOST_STAGES).contains(&self.stages.len())
            && self.stages.iter().all(|blocks| (1..=64).contains(blocks));
        let message = format!(
            "`stages` must be 1 to {MOST_STAGES} numbers of blocks, each between 1 and 64: [2, 2, 2]"
        );
        check.require(blocks, "architecture.resnet.stages", message);
        let doublings = self.stages.len().clamp(1, MOST_STAGES) - 1;
        let most = (MOST_CHANNELS / u64::from(self.block.expansion())) >> doublings;
        check.within("architecture.resnet.width", self.width.into(), 1.0, most as f64);
    }

    /// About how many multiplications the convolutions take for one patch with this side.
    pub(super) fn products(&self, side: u64) -> u64 {
        let product =
            |factors: &[u64]| factors.iter().fold(1, |all: u64, factor| all.saturating_mul(*factor));
        let width = u64::from(self.width);
        let (kernel, first) = match self.stem {
            Stem::Small => (3, side / 2),
            Stem::Imagenet => (7, side / 4),
        };
        // For each pair of channels inside: two 3x3 convolutions, or one and two 1x1 ones with four times the channels.
        let of_block = match self.block {
            Block::Basic => 18,
            Block::Bottleneck => 17,
        };
        let of_stage = |(stage, &blocks): (usize, &u32)| {
            let (size, width) = (first >> stage, width << stage);
            product(&[blocks.into(), of_block, size, size, width, width])
        };
        let stem = product(&[kernel, kernel, side / 2, side / 2, 3, width]);
        self.stages.iter().enumerate().map(of_stage).fold(stem, u64::saturating_add)
    }

    /// Whether the first block of a stage, counted from 1, has a convolution on its shortcut: its output has another
    /// shape than its input.
    fn has_downsample(&self, stage: usize) -> bool {
        stage > 1 || self.block.expansion() > 1
    }

    /// conv1, bn1, relu1, maxpool if there is one, then for each block its parts (`layer1.0.conv1`) and itself
    /// (`layer1.0`). A stage (`layer1`) is its last block.
    pub(super) fn layers(&self) -> Vec<String> {
        let pool = (self.stem == Stem::Imagenet).then_some("maxpool");
        let stem = ["conv1", "bn1", "relu1"].into_iter().chain(pool);
        let mut layers: Vec<String> = stem.map(str::to_owned).collect();
        for (stage, &blocks) in (1..).zip(&self.stages) {
            for block in 0..blocks {
                let name = format!("layer{stage}.{block}");
                let shortcut = (block == 0 && self.has_downsample(stage)).then_some("downsample");
                let inside = self.block.layers().iter().copied().chain(shortcut);
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
        let layers = ResNet { stages: vec![1, 2], ..ResNet::default() }.layers();
        assert_eq!(layers[..3], ["conv1", "bn1", "relu1"]);
        let first = ["layer1.0.conv1", "layer1.0.bn1", "layer1.0.relu1", "layer1.0.conv2", "layer1.0.bn2"];
        assert_eq!(layers[3..8], first);
        assert_eq!(layers[8], "layer1.0");
        assert_eq!(layers[9], "layer1");
        assert_eq!(layers[15..17], ["layer2.0.downsample", "layer2.0"]);
        assert!(!layers.contains(&"layer2.1.downsample".to_owned()));
        assert_eq!(layers.last().unwrap(), "layer2");
    }

    #[test]
    fn torchvisions_networks_have_a_pooling_and_bottlenecks_a_third_convolution() {
        let layers = ResNet::of_torchvision([3, 4, 6, 3], Block::Bottleneck).layers();
        assert_eq!(layers[..4], ["conv1", "bn1", "relu1", "maxpool"]);
        for layer in ["layer1.0.downsample", "layer1.2.conv3", "layer4.2.relu2", "layer4"] {
            assert!(layers.contains(&layer.to_owned()), "{layer}");
        }
        assert!(!layers.contains(&"layer1.1.downsample".to_owned()));
    }

    #[test]
    fn defaults_are_not_written() {
        let json = |network: &ResNet| serde_json::to_string(network).unwrap();
        assert_eq!(json(&ResNet::default()), r#"{"stages":[2,2,2],"width":16}"#);
        let other = ResNet::of_torchvision([2, 2, 2, 2], Block::Bottleneck);
        let text = r#"{"stages":[2,2,2,2],"width":64,"stem":"imagenet","block":"bottleneck"}"#;
        assert_eq!(json(&other), text);
        assert_eq!(serde_json::from_str::<ResNet>(text).unwrap(), other);
    }

    #[test]
    fn the_work_of_a_patch_is_known_in_thousands_of_millions() {
        // 1.8e9 for 224x224, from which 96x96 is a share of 0.18.
        let resnet18 = ResNet::of_torchvision([2, 2, 2, 2], Block::Basic).products(96) as f64;
        assert!((resnet18 / 0.33e9 - 1.0).abs() < 0.15, "{resnet18:e}");
    }
}
