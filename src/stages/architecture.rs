//! The networks that can be trained: their parameters, the allowed values, and the names of their layers.
//!
//! The worker computes them.

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
    /// A small residual network (He et al. 2016, section 4.2) for patches of 96x96 instead of 32x32: its stem has
    /// stride 2, so that the stages work on 48x48, 24x24, 12x12.
    pub struct ResNet {
        /// Blocks of each stage; each stage after the first halves rows and columns.
        stages: Vec<u32> = vec![2, 2, 2];
        /// Channels of the first stage; each later stage doubles them.
        width: u32 = 16;
    }
}

/// With more stages, nothing would be left of a patch.
const MOST_STAGES: usize = 5;

/// The channels of the widest layer that is allowed; more are a slip.
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

    /// About how many multiplications the convolutions of a forward pass take for one patch.
    #[must_use]
    pub fn products(&self) -> u64 {
        /// A 3x3 convolution on `size` rows and columns, between this number of channels.
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

    /// The last layer before the final pooling: the default of Grad-CAM.
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
    /// It has no such layer: the message suggests one and lists them.
    pub fn layer(&self, layer: &Layer) -> Result<String, String> {
        let known = self.layers();
        match &layer.0 {
            None => Ok(self.last_layer()),
            Some(name) if known.contains(name) => Ok(name.clone()),
            Some(name) => Err(unknown_layer(name, &known, &self.last_layer())),
        }
    }
}

/// A layer by its name; by default the last one before the final pooling.
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
    /// The name of ClassCNN's last layer has no line either: in each network with a layer of that name, it is the
    /// default.
    fn write(&self, path: &str, lines: &mut Lines) {
        match self.0.as_deref() {
            None | Some(LAST_OF_CLASS_CNN) => {}
            Some(name) => lines.put(path, format!("{name:?}")),
        }
    }
}

/// The message about a layer that a network does not have. It lists one of the layers inside blocks, because they
/// are many.
fn unknown_layer(layer: &str, known: &[String], last: &str) -> String {
    let near =
        suggest_layer(layer, known, last).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    let (inner, outer): (Vec<_>, Vec<_>) =
        known.iter().map(String::as_str).partition(|name| name.matches('.').count() > 1);
    let inner = inner.first().map(|name| format!(", and those inside each block, such as {name}"));
    let (outer, inner) = (outer.join(", "), inner.unwrap_or_default());
    format!("the model has no layer `{layer}`: {near}its layers are {outer}{inner}")
}

/// What other networks call their last features.
const FEATURES: [&str; 8] = ["features", "layer", "conv", "block", "backbone", "encoder", "last", "final"];

/// The layer of the same kind with the nearest number (`conv4` for `conv5`); the last layer for a name of features
/// in another network (`features.29`); else the layer with the most similar name.
fn suggest_layer<'a>(layer: &str, known: &'a [String], last: &'a str) -> Option<&'a str> {
    let (kind, number) = kind_and_number(layer);
    let distance = |name: &&String| kind_and_number(name).1.abs_diff(number);
    let dotted = layer.contains('.');
    let same_kind = known.iter().filter(|name| !dotted && kind_and_number(name).0 == kind);
    let similar = || nearest(layer, known.iter().map(String::as_str));
    let foreign = |word: &&str| layer.contains(*word) && !known.iter().any(|name| name.contains(*word));
    let features = || FEATURES.iter().any(foreign).then_some(last);
    same_kind
        .min_by_key(distance)
        .map(String::as_str)
        .or_else(|| similar().filter(|_| dotted))
        .or_else(features)
        .or_else(similar)
}

/// The letters of a name, and its digits; without digits, a number above all others.
fn kind_and_number(name: &str) -> (String, u64) {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    (name.chars().filter(char::is_ascii_alphabetic).collect(), digits.parse().unwrap_or(u64::MAX))
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

    /// conv1, bn1, relu1, then for each block its parts (`layer1.0.conv1`) and itself (`layer1.0`). A stage
    /// (`layer1`) is its last block.
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
    fn the_default_is_the_last_layer_before_the_pooling() {
        let class_cnn = Architecture::ClassCnn(ClassCnn::default());
        assert_eq!(class_cnn.layer(&Layer::default()).unwrap(), "relu4");
        assert_eq!(resnet(&[1, 1]).layer(&Layer::default()).unwrap(), "layer2");
        assert_eq!(resnet(&[1, 1]).layer(&Layer::named("layer1.0.bn2")).unwrap(), "layer1.0.bn2");
        for network in [class_cnn, resnet(&[2, 2, 2])] {
            assert!(network.layers().contains(&network.last_layer()));
        }
    }

    #[test]
    fn the_default_of_class_cnn_written_out_has_no_line_and_other_names_have() {
        assert_eq!(lines(&Layer::named("relu4")), lines(&Layer::default()));
        assert_eq!(lines(&Layer::named("layer2")), [("layer".to_owned(), "\"layer2\"".to_owned())]);
    }

    #[test]
    fn an_unknown_layer_is_reported_with_a_suggestion_and_all_layers() {
        let error = |name| resnet(&[1, 1]).layer(&Layer::named(name)).unwrap_err();
        assert_eq!(
            error("layer2x"),
            "the model has no layer `layer2x`: did you mean `layer2`? its layers are conv1, bn1, relu1, \
             layer1.0, layer1, layer2.0, layer2, and those inside each block, such as layer1.0.conv1"
        );
        assert!(!error("relu4x").contains("did you mean `layer"));
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
