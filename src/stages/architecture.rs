//! The networks that can be trained: their parameters, and what these may be.
//!
//! What they compute is the worker's; `train` has one of them as a parameter, a checkpoint names it, and
//! `explain` asks for one of its layers by name.

use serde::{Deserialize, Serialize};

use super::{
    Canonical, Check, Lines,
    declare::{choice, settings},
};
use crate::nearest::nearest;

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
    /// The notebook's network.
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

const LAST_OF_CLASS_CNN: &str = "relu4";

impl Architecture {
    /// Checks the values of a stage's `architecture`.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        match self {
            Self::ClassCnn(network) => network.check(check),
            Self::Resnet(network) => network.check(check),
        }
    }

    /// How many products its convolutions take for one patch of 96x96, forwards: about, to compare.
    #[must_use]
    pub fn products(&self) -> u64 {
        /// Of 3x3 convolutions between so many channels, on so many rows and columns.
        fn convolution(size: u64, from: u64, to: u64) -> u64 {
            (9 * size * size).saturating_mul(from).saturating_mul(to)
        }
        match self {
            Self::ClassCnn(network) => {
                let [first, second, third, fourth] = network.channels.map(u64::from);
                let all = [(96, 3, first), (96, first, second), (48, second, third), (24, third, fourth)];
                all.into_iter().map(|(size, from, to)| convolution(size, from, to)).sum()
            }
            Self::Resnet(network) => {
                let of_stage = |(stage, blocks): (usize, &u32)| {
                    let (size, width) = (48 >> stage, u64::from(network.width) << stage);
                    u64::from(*blocks) * 2 * convolution(size, width, width)
                };
                convolution(48, 3, network.width.into())
                    + network.stages.iter().enumerate().map(of_stage).sum::<u64>()
            }
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

    /// The last of them before the pooling that ends in one vector: where Grad-CAM looks if nobody says.
    #[must_use]
    pub fn last_layer(&self) -> String {
        match self {
            Self::ClassCnn(_) => LAST_OF_CLASS_CNN.to_owned(),
            Self::Resnet(network) => format!("layer{}", network.stages.len()),
        }
    }

    /// The name of a layer of this network.
    ///
    /// # Errors
    /// It has no such layer: says which may be meant, and which there are.
    pub fn layer(&self, layer: &Layer) -> Result<String, UnknownLayer> {
        let known = self.layers();
        match &layer.0 {
            None => Ok(self.last_layer()),
            Some(name) if known.contains(name) => Ok(name.clone()),
            Some(name) => Err(UnknownLayer::new(name, &known, &self.last_layer())),
        }
    }
}

/// A layer by its name, or, where nobody says, the last before the pooling.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layer(Option<String>);

impl Layer {
    /// The layer of that name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Some(name.into()))
    }
}

impl Canonical for Layer {
    /// ClassCNN's last layer by its name has no line, as no name has none: wherever there is a layer of that
    /// name, the two are one.
    fn write(&self, path: &str, lines: &mut Lines) {
        match self.0.as_deref() {
            None | Some(LAST_OF_CLASS_CNN) => {}
            Some(name) => lines.put(path, format!("{name:?}")),
        }
    }
}

/// A layer that a network does not have.
#[derive(Debug, thiserror::Error)]
#[error("the model has no layer `{layer}`: {meant}its layers are {known}")]
pub struct UnknownLayer {
    layer: String,
    meant: String,
    known: String,
}

impl UnknownLayer {
    /// Layers inside blocks are too many to list.
    fn new(layer: &str, known: &[String], last: &str) -> Self {
        let meant = meant(layer, known, last);
        let (inner, outer): (Vec<_>, Vec<_>) =
            known.iter().map(String::as_str).partition(|name| name.matches('.').count() > 1);
        let inner = inner.first().map(|name| format!(", and those inside each block, such as {name}"));
        Self {
            layer: layer.to_owned(),
            meant: meant.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default(),
            known: outer.join(", ") + &inner.unwrap_or_default(),
        }
    }
}

/// What the last features are called in other networks.
const FEATURES: [&str; 11] = [
    "features",
    "layer",
    "conv",
    "block",
    "blocks",
    "backbone",
    "encoder",
    "last",
    "final",
    "activation",
    "norm",
];

/// The layer that a name of another network means: of the same kind and the nearest number (`conv5`), or the
/// last (`features`, `layer4`); else the one that is spelt most alike.
fn meant<'a>(layer: &str, known: &'a [String], last: &'a str) -> Option<&'a str> {
    let (shape, numbers) = shape(layer);
    let distance = |name: &'a String| {
        let (other, others) = self::shape(name);
        let apart =
            || numbers.iter().zip(&others).fold(0_u64, |sum, (a, b)| sum.saturating_add(a.abs_diff(*b)));
        match others.as_slice() {
            _ if other == shape => Some((apart(), name.as_str())),
            // No number means the last one.
            [number] if numbers.is_empty() && other.strip_suffix('#') == Some(&shape) => {
                Some((u64::MAX - number, name.as_str()))
            }
            _ => None,
        }
    };
    let same = known.iter().filter_map(distance).min_by_key(|(distance, _)| *distance);
    let mut words = layer.split(|c: char| !c.is_ascii_alphabetic());
    let features = || words.any(|word| FEATURES.contains(&word)).then_some(last);
    let spelt = || nearest(layer, known.iter().map(String::as_str));
    // A name with a dot is one of these networks, mistyped.
    let mistyped = || layer.contains('.').then(spelt).flatten();
    same.map(|(_, name)| name).or_else(mistyped).or_else(features).or_else(spelt)
}

/// A name with `#` for each number, and the numbers.
fn shape(name: &str) -> (String, Vec<u64>) {
    let (mut shape, mut numbers) = (String::new(), Vec::new());
    for part in name.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        if !digits.is_empty() {
            shape.push('#');
            numbers.push(digits.parse().unwrap_or(u64::MAX));
        }
        shape.push_str(&part[digits.len()..]);
    }
    (shape, numbers)
}

impl ClassCnn {
    const LAYERS: [&str; 15] = [
        "conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "pool1", "conv3", "bn3", "relu3", "pool2", "conv4",
        "bn4", "relu4", "pool3",
    ];

    fn check(&self, check: &mut Check<'_>) {
        let wide = self.channels.iter().all(|channels| (1..=4096).contains(channels));
        check.require(
            wide,
            "architecture.class-cnn.channels",
            "each of `channels` must lie between 1 and 4096",
        );
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

    fn resnet(stages: &[u32]) -> Architecture {
        Architecture::Resnet(ResNet { stages: stages.to_vec(), width: 4 })
    }

    fn lines(layer: &Layer) -> Vec<(String, String)> {
        let mut lines = Lines::default();
        layer.write("layer", &mut lines);
        lines.into_map().into_iter().collect()
    }

    #[test]
    fn where_nobody_says_the_last_layer_before_the_pooling_is_meant() {
        let class_cnn = Architecture::ClassCnn(ClassCnn::default());
        assert_eq!(class_cnn.layer(&Layer::default()).unwrap(), "relu4");
        assert_eq!(resnet(&[1, 1]).layer(&Layer::default()).unwrap(), "layer2");
        assert_eq!(resnet(&[1, 1]).layer(&Layer::named("layer1.0.bn2")).unwrap(), "layer1.0.bn2");
        for network in [class_cnn, resnet(&[2, 2, 2])] {
            assert!(network.layers().contains(&network.last_layer()));
        }
    }

    #[test]
    fn the_old_default_written_out_is_the_default_and_other_names_are_told_apart() {
        assert_eq!(lines(&Layer::named("relu4")), lines(&Layer::default()));
        assert_eq!(lines(&Layer::named("layer2")), [("layer".to_owned(), "\"layer2\"".to_owned())]);
    }

    #[test]
    fn an_unknown_layer_is_told_with_what_is_meant_and_what_there_is() {
        let told = |name| resnet(&[1, 1]).layer(&Layer::named(name)).unwrap_err().to_string();
        assert_eq!(
            told("layer3"),
            "the model has no layer `layer3`: did you mean `layer2`? its layers are conv1, bn1, relu1, \
             layer1.0, layer1, layer2.0, layer2, and those inside each block, such as layer1.0.conv1"
        );
        assert!(!told("relu4x").contains("did you mean `layer"));
    }

    #[test]
    fn names_of_other_networks_mean_the_layer_in_their_place() {
        let cnn = Architecture::ClassCnn(ClassCnn::default());
        let meant = |network: &Architecture, layer: &str| {
            let told = network.layer(&Layer::named(layer)).unwrap_err().to_string();
            told.split_once("did you mean `").map(|(_, rest)| rest.split('`').next().unwrap().to_owned())
        };
        for (layer, expected) in [
            ("conv5", "conv4"),
            ("conv0", "conv1"),
            ("relu", "relu4"),
            ("features", "relu4"),
            ("features.29", "relu4"),
            ("layer4", "relu4"),
            ("layer4.1.conv2", "relu4"),
            ("last_conv", "relu4"),
        ] {
            assert_eq!(meant(&cnn, layer).as_deref(), Some(expected), "{layer}");
        }
        let resnet = resnet(&[2, 2, 2]);
        for (layer, expected) in
            [("layer4", "layer3"), ("layer4.1.conv2", "layer3.1.conv2"), ("features", "layer3")]
        {
            assert_eq!(meant(&resnet, layer).as_deref(), Some(expected), "{layer}");
        }
        assert_eq!(meant(&cnn, "transformer"), None);
    }

    #[test]
    fn a_residual_network_names_its_blocks_and_what_is_in_them() {
        let network = resnet(&[1, 2]);
        let layers = network.layers();
        assert_eq!(layers[..3], ["conv1", "bn1", "relu1"]);
        let first = ["layer1.0.conv1", "layer1.0.bn1", "layer1.0.relu1", "layer1.0.conv2", "layer1.0.bn2"];
        assert_eq!(layers[3..8], first);
        assert_eq!(layers[8], "layer1.0");
        assert_eq!(layers[9], "layer1");
        assert_eq!(layers[15..17], ["layer2.0.downsample", "layer2.0"]);
        assert!(!layers.contains(&"layer2.1.downsample".to_owned()));
        assert_eq!(layers.last(), Some(&network.last_layer()));
    }
}
