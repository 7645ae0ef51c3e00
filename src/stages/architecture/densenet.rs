//! The settings of densely connected networks, and the names of their layers.

use crate::{
    side::Side,
    stages::{
        Check,
        declare::{choice, settings},
    },
};

choice! {
    /// What a densely connected network consists of.
    pub enum Layout {
        /// The network of PatchCamelyon's paper: a 3x3 convolution; layers of one 3x3 convolution; transitions that
        /// keep all channels.
        Pcam = "pcam",
        /// torchvision's: a 7x7 convolution and a 3x3 max-pooling, both with stride 2; layers of a 1x1 convolution with
        /// four times the channels of the 3x3 one that follows; transitions that keep half of the channels.
        Torchvision = "torchvision",
    }
}

choice! {
    /// The symmetries under which a network's logits do not change.
    pub enum Group {
        /// Shifts only, as in every convolutional network.
        None = "none",
        /// Also quarter turns.
        P4 = "p4",
        /// Also quarter turns and reflections.
        P4m = "p4m",
    }
}

settings! {
    /// A densely connected network (Huang et al. 2017). The default is the baseline of PatchCamelyon's paper (Veeling
    /// et al. 2018), with zero padding.
    pub struct DenseNet {
        /// Layers of each dense block. Between blocks, a transition halves rows and columns.
        blocks: Vec<u32> = vec![1, 1, 1, 1, 1];
        /// Channels that each layer adds; with `group`, for each symmetry.
        growth: u32 = 24;
        /// Channels of the first convolution; with `group`, for each symmetry.
        channels: u32 = 24;
        /// What it consists of.
        layout: Layout = Layout::Pcam;
        /// The symmetries under which its logits do not change.
        group: Group = Group::None;
    }
}

/// The channels of the widest map that is allowed; more are a slip.
const MOST_CHANNELS: u64 = 16384;

impl Layout {
    /// Rows of a patch for each row of the first dense block.
    fn reduction(self) -> usize {
        match self {
            Self::Pcam => 1,
            Self::Torchvision => 4,
        }
    }

    /// With more blocks, nothing would be left of the smallest patches.
    fn most_blocks(self) -> usize {
        (Side::LEAST / self.reduction()).ilog2() as usize + 1
    }

    /// The layers of the first convolution and of what follows it.
    fn stem(self) -> &'static [&'static str] {
        match self {
            Self::Pcam => &["conv0"],
            Self::Torchvision => &["conv0", "norm0", "relu0", "pool0"],
        }
    }

    /// The parts of a layer of a dense block.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Pcam => &["norm1", "relu1", "conv1"],
            Self::Torchvision => &["norm1", "relu1", "conv1", "norm2", "relu2", "conv2"],
        }
    }
}

impl Group {
    /// How many rotations and reflections it has.
    #[must_use]
    pub fn order(self) -> u32 {
        match self {
            Self::None => 1,
            Self::P4 => 4,
            Self::P4m => 8,
        }
    }
}

impl DenseNet {
    /// The last layer before the final pooling.
    pub(super) const LAST: &str = "features.relu5";

    /// torchvision's smallest network.
    pub(super) fn densenet121() -> Self {
        let (layout, group) = (Layout::Torchvision, Group::None);
        Self { blocks: vec![6, 12, 24, 16], growth: 32, channels: 64, layout, group }
    }

    /// The channels inside a layer, before its last convolution; `None` if it has only one.
    #[must_use]
    pub fn inside(&self) -> Option<u32> {
        match self.layout {
            Layout::Pcam => None,
            Layout::Torchvision => Some(4 * self.growth),
        }
    }

    /// The channels after a transition.
    #[must_use]
    pub fn after_transition(&self, channels: u32) -> u32 {
        match self.layout {
            Layout::Pcam => channels,
            Layout::Torchvision => channels / 2,
        }
    }

    pub(super) fn check(&self, check: &mut Check<'_>) {
        let most = self.layout.most_blocks();
        let blocks = (1..=most).contains(&self.blocks.len())
            && self.blocks.iter().all(|layers| (1..=64).contains(layers));
        let message =
            format!("`blocks` must be 1 to {most} numbers of layers, each between 1 and 64: [1, 1, 1]");
        check.require(blocks, "architecture.densenet.blocks", message);
        check.within("architecture.densenet.growth", self.growth.into(), 1.0, 512.0);
        // The first transition of torchvision's layout halves them.
        let least = if self.layout == Layout::Torchvision { 2.0 } else { 1.0 };
        check.within("architecture.densenet.channels", self.channels.into(), least, 4096.0);
        let message =
            format!("the widest map has more than {MOST_CHANNELS} channels: a smaller `growth` may be meant");
        check.require(!blocks || self.widest() <= MOST_CHANNELS, "architecture.densenet.growth", message);
        let symmetric = self.group == Group::None || self.layout == Layout::Pcam;
        let message = "`group` needs `layout = \"pcam\"`: torchvision's strides keep the first of two pixels, and a \
                       turned patch has another first one";
        check.require(symmetric, "architecture.densenet.group", message);
    }

    /// The channels of the widest map.
    fn widest(&self) -> u64 {
        let (mut channels, mut widest) = (u64::from(self.channels), 0);
        for &layers in &self.blocks {
            channels += u64::from(layers) * u64::from(self.growth);
            widest = channels.max(widest);
            if self.layout == Layout::Torchvision {
                channels /= 2;
            }
        }
        widest * u64::from(self.group.order())
    }

    /// About how many multiplications the convolutions take for one patch with this side.
    pub(super) fn products(&self, side: u64) -> u64 {
        let order = u64::from(self.group.order());
        let wide = |factors: &[u64]| factors.iter().fold(1, |all: u64, factor| all.saturating_mul(*factor));
        let (growth, mut channels) = (u64::from(self.growth), u64::from(self.channels));
        let (stem_side, kernel) = match self.layout {
            Layout::Pcam => (side, 3),
            Layout::Torchvision => (side / 2, 7),
        };
        let mut sum = wide(&[kernel, kernel, stem_side, stem_side, 3, channels, order]);
        let mut side = side / self.layout.reduction() as u64;
        for (at, &layers) in self.blocks.iter().enumerate() {
            let pixels = wide(&[side, side, order, order]);
            for _ in 0..layers {
                let of_layer = match self.inside().map(u64::from) {
                    None => wide(&[9, channels, growth]),
                    Some(inside) => wide(&[channels, inside]).saturating_add(wide(&[9, inside, growth])),
                };
                sum = sum.saturating_add(wide(&[pixels, of_layer]));
                channels += growth;
            }
            if at + 1 < self.blocks.len() {
                let after = u64::from(self.after_transition(u32::try_from(channels).unwrap_or(u32::MAX)));
                sum = sum.saturating_add(wide(&[pixels, channels, after]));
                (channels, side) = (after, side / 2);
            }
        }
        sum
    }

    /// What is before the first block; for each layer of a block its parts, and itself
    /// (`features.denseblock1.denselayer1`, the channels that it adds); the block (all channels); the parts of a
    /// transition, and itself; norm5 and relu5.
    pub(super) fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> =
            self.layout.stem().iter().map(|layer| format!("features.{layer}")).collect();
        for (number, &count) in (1..).zip(&self.blocks) {
            let block = format!("features.denseblock{number}");
            for at in 1..=count {
                let layer = format!("{block}.denselayer{at}");
                layers.extend(self.layout.parts().iter().map(|part| format!("{layer}.{part}")));
                layers.push(layer);
            }
            layers.push(block);
            if number < self.blocks.len() {
                let transition = format!("features.transition{number}");
                layers.extend(["norm", "relu", "conv", "pool"].map(|part| format!("{transition}.{part}")));
                layers.push(transition);
            }
        }
        layers.extend(["features.norm5".to_owned(), Self::LAST.to_owned()]);
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_torchvisions_names() {
        let layers = DenseNet::densenet121().layers();
        assert_eq!(
            layers[..4],
            ["conv0", "norm0", "relu0", "pool0"].map(|layer| format!("features.{layer}"))
        );
        for layer in
            ["denseblock4.denselayer16.conv2", "denseblock3.denselayer24", "transition3.pool", "relu5"]
        {
            assert!(layers.contains(&format!("features.{layer}")), "{layer}");
        }
        assert!(!layers.contains(&"features.transition4".to_owned()));
        let small = DenseNet { blocks: vec![1], ..DenseNet::default() }.layers();
        let wanted = ["conv0", "denseblock1.denselayer1.norm1", "denseblock1.denselayer1.relu1"];
        assert_eq!(small[..3], wanted.map(|layer| format!("features.{layer}")));
        assert_eq!(small.len(), 1 + 3 + 1 + 1 + 2);
        assert_eq!(small.last().unwrap(), DenseNet::LAST);
    }

    #[test]
    fn the_work_of_a_patch_is_known_in_thousands_of_millions() {
        // torchvision's documentation: 2.83e9 for 224x224, from which 96x96 is a share of 0.184.
        let densenet121 = DenseNet::densenet121().products(96) as f64;
        assert!((densenet121 / 0.52e9 - 1.0).abs() < 0.05, "{densenet121:e}");
        let plain = DenseNet { channels: 8, growth: 8, ..DenseNet::default() };
        let (plain, p4m) = (plain.products(96), DenseNet { group: Group::P4m, ..plain }.products(96));
        assert!((40..64).contains(&(p4m / plain)), "{p4m} to {plain}");
    }

    #[test]
    fn the_smallest_patches_leave_a_pixel() {
        assert_eq!((Layout::Pcam.most_blocks(), Layout::Torchvision.most_blocks()), (6, 4));
    }
}
