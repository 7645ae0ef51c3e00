//! The networks that can be trained: their parameters, the allowed values, and the names of their layers.
//!
//! The worker computes them.

use serde::{Deserialize, Serialize};

mod densenet;
mod resnet;

pub use densenet::{DenseNet, Group, Layout};
pub use resnet::{Block, ResNet, Stem};

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
        /// torchvision's resnet18: `resnet` with `stages = [2, 2, 2, 2]`, `width = 64` and `stem = "imagenet"`.
        Resnet18(Preset) = "resnet18",
        /// torchvision's resnet34: as resnet18, with `stages = [3, 4, 6, 3]`.
        Resnet34(Preset) = "resnet34",
        /// torchvision's resnet50: as resnet34, with `block = "bottleneck"`.
        Resnet50(Preset) = "resnet50",
        /// Dense blocks, each layer of which reads all earlier ones; on request with rotations and reflections built in.
        Densenet(DenseNet) = "densenet",
        /// torchvision's densenet121: `densenet` with `blocks = [6, 12, 24, 16]`, `growth = 32`, `channels = 64` and
        /// `layout = "torchvision"`.
        Densenet121(Preset) = "densenet121",
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
    /// A network whose name says everything: its table is empty.
    pub struct Preset {}
}

/// A network by its settings, whatever its name in the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// The notebook's network.
    ClassCnn(ClassCnn),
    /// A residual network.
    Resnet(ResNet),
    /// A densely connected network.
    Densenet(DenseNet),
}

const LAST_OF_CLASS_CNN: &str = "relu4";

impl Architecture {
    /// The settings of the network. Two architectures with one form are the same network.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            Self::ClassCnn(network) => Form::ClassCnn(network.clone()),
            Self::Resnet(network) => Form::Resnet(network.clone()),
            Self::Resnet18(_) => Form::Resnet(ResNet::of_torchvision([2, 2, 2, 2], Block::Basic)),
            Self::Resnet34(_) => Form::Resnet(ResNet::of_torchvision([3, 4, 6, 3], Block::Basic)),
            Self::Resnet50(_) => Form::Resnet(ResNet::of_torchvision([3, 4, 6, 3], Block::Bottleneck)),
            Self::Densenet(network) => Form::Densenet(network.clone()),
            Self::Densenet121(_) => Form::Densenet(DenseNet::densenet121()),
        }
    }

    /// The same network with all its settings, without a name that stands for them.
    #[must_use]
    pub fn spelt_out(&self) -> Self {
        match self.form() {
            Form::ClassCnn(network) => Self::ClassCnn(network),
            Form::Resnet(network) => Self::Resnet(network),
            Form::Densenet(network) => Self::Densenet(network),
        }
    }

    /// Checks the values of a stage's `architecture`.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        match self.form() {
            Form::ClassCnn(network) => network.check(check),
            Form::Resnet(network) => network.check(check),
            Form::Densenet(network) => network.check(check),
        }
    }

    /// About how many multiplications the convolutions of a forward pass take for one patch.
    #[must_use]
    pub fn products(&self) -> u64 {
        /// A 3x3 convolution on `size` rows and columns, between this number of channels.
        fn convolution(size: u64, from: u64, to: u64) -> u64 {
            (9 * size * size).saturating_mul(from).saturating_mul(to)
        }
        match self.form() {
            Form::ClassCnn(network) => {
                let [first, second, third, fourth] = network.channels.map(u64::from);
                let all = [(96, 3, first), (96, first, second), (48, second, third), (24, third, fourth)];
                all.into_iter().map(|(size, from, to)| convolution(size, from, to)).sum()
            }
            Form::Resnet(network) => network.products(96),
            Form::Densenet(network) => network.products(96),
        }
    }

    /// The layers whose outputs can be explained, from input to output, under their names in PyTorch.
    #[must_use]
    pub fn layers(&self) -> Vec<String> {
        match self.form() {
            Form::ClassCnn(_) => ClassCnn::LAYERS.map(str::to_owned).to_vec(),
            Form::Resnet(network) => network.layers(),
            Form::Densenet(network) => network.layers(),
        }
    }

    /// The last layer before the final pooling: the default of Grad-CAM.
    #[must_use]
    pub fn last_layer(&self) -> String {
        match self.form() {
            Form::ClassCnn(_) => LAST_OF_CLASS_CNN.to_owned(),
            Form::Resnet(network) => format!("layer{}", network.stages.len()),
            Form::Densenet(_) => DenseNet::LAST.to_owned(),
        }
    }

    /// Whether the output of a layer of this name is that of a ReLU, or of a pooling after one: no number is negative.
    #[must_use]
    pub fn is_rectified(layer: &str) -> bool {
        let last = layer.rsplit('.').next().unwrap_or(layer);
        // Dense networks normalise before they rectify, and pool without it.
        if layer.starts_with("features.") {
            return last.starts_with("relu") || last == "pool0";
        }
        !["conv", "bn", "downsample"].iter().any(|kind| last.starts_with(kind))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resnet(stages: &[u32]) -> Architecture {
        Architecture::Resnet(ResNet { stages: stages.to_vec(), width: 4, ..ResNet::default() })
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
    fn a_name_of_torchvision_stands_for_settings() {
        let named = |text: &str| toml::from_str::<Architecture>(text).unwrap();
        let (short, long) = (
            named("resnet50 = {}"),
            named("resnet = { stages = [3, 4, 6, 3], width = 64, stem = 'imagenet', block = 'bottleneck' }"),
        );
        assert_eq!(short.spelt_out(), long);
        assert_eq!(long.spelt_out(), long);
        assert_eq!(short.layers(), long.layers());
        assert_eq!(named("resnet18 = {}").last_layer(), "layer4");
        let long =
            "densenet = { blocks = [6, 12, 24, 16], growth = 32, channels = 64, layout = 'torchvision' }";
        assert_eq!(named("densenet121 = {}").spelt_out(), named(long));
    }
}
