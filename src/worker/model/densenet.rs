//! Densely connected networks (Huang et al. 2017), with torchvision's names, and their equivariant form (Veeling et al.
//! 2018).
//!
//! features.conv0, in torchvision's layout norm0, relu0 and pool0; dense blocks with transitions between them; norm5,
//! relu5; the mean over rows, columns and the elements of the group; classifier. No convolution has a bias.
//!
//! A layer of a block is conv1(relu1(norm1(x))), or in torchvision's layout
//! conv2(relu2(norm2(conv1(relu1(norm1(x)))))), of all channels so far; its output is put behind them. A transition
//! is a 1x1 convolution after a norm and a ReLU, and means of 2x2 pixels.
//!
//! With a group, the first convolution lifts the image to maps of the group, and the others map between such maps.
//! Norms are shared by its elements. Patches of any side keep the symmetry: convolutions have stride 1 and equal
//! padding on all sides, and where a map has an odd number of rows, windows of the pooling overlap instead of leaving
//! one out.

use anyhow::Result;
use pcamflow::stages::architecture::{DenseNet as Settings, Group, Layout};

use super::{
    averaging::Halving,
    body::{Body, Head, Lone, Map, Norm, Unit, Work},
    group::Symmetry,
    layers::{BatchNorm, Convolution, Linear},
    source::Maker,
};
use crate::kernels::MaxPool;

/// The pooling of torchvision's stem.
const STEM_POOL: MaxPool = MaxPool { kernel: 3, stride: 2, padding: 1 };

pub(super) fn densenet(settings: &Settings, maker: &mut Maker) -> Result<Body> {
    let symmetry = symmetry_of(settings.group);
    let order = symmetry.map_or(1, Symmetry::order);
    let head = Head { mean: true, order, layers: Vec::new() };
    let body = Body { operations: Vec::new(), head };
    let mut builder = Builder { settings, symmetry, body, maker };
    let mut channels = i64::from(settings.channels);
    let mut last = builder.stem(channels)?;
    for (at, &layers) in settings.blocks.iter().enumerate() {
        (last, channels) = builder.block(at + 1, layers, last, channels)?;
        if at + 1 < settings.blocks.len() {
            (last, channels) = builder.transition(at + 1, last, channels)?;
        }
    }
    builder.norm(last, "features.norm5", "features.relu5", channels)?;
    builder.body.head.layers = vec![Linear::unbiased("classifier", channels, 1, builder.maker)?];
    Ok(builder.body)
}

fn symmetry_of(group: Group) -> Option<Symmetry> {
    match group {
        Group::None => None,
        Group::P4 => Some(Symmetry::P4),
        Group::P4m => Some(Symmetry::P4m),
    }
}

struct Builder<'a> {
    settings: &'a Settings,
    symmetry: Option<Symmetry>,
    body: Body,
    maker: &'a mut Maker,
}

impl Builder<'_> {
    fn order(&self) -> i64 {
        self.body.head.order
    }

    /// Adds what is before the first block.
    fn stem(&mut self, channels: i64) -> Result<Map> {
        match self.settings.layout {
            Layout::Pcam => {
                let learnt = Convolution::normal("features.conv0", &[channels, 3, 3, 3], 1, self.maker)?;
                let lone = Lone { learnt, symmetry: self.symmetry };
                Ok(self.body.push(0, Work::Convolution(lone), vec!["features.conv0".to_owned()]))
            }
            Layout::Torchvision => {
                let names = ["conv0", "norm0", "relu0"].map(|layer| format!("features.{layer}"));
                let last = self.unit(0, names, &[channels, 3, 7, 7], 2)?;
                Ok(self.body.push(last, Work::MaxPool(STEM_POOL), vec!["features.pool0".to_owned()]))
            }
        }
    }

    /// Adds a dense block. Returns its output and the channels of that, for each element of the group.
    fn block(&mut self, number: usize, layers: u32, x: Map, channels: i64) -> Result<(Map, i64)> {
        let block = format!("features.denseblock{number}");
        let growth = i64::from(self.settings.growth);
        let (mut last, mut channels) = (x, channels);
        for at in 1..=layers {
            let added = self.layer(&format!("{block}.denselayer{at}"), last, channels)?;
            let names = if at == layers { vec![block.clone()] } else { Vec::new() };
            let join = Work::Join { other: added, order: self.order() };
            last = self.body.push(last, join, names);
            channels += growth;
        }
        Ok((last, channels))
    }

    /// Adds a layer of a block. Returns the channels that it adds.
    fn layer(&mut self, layer: &str, x: Map, channels: i64) -> Result<Map> {
        let name = |part: &str| format!("{layer}.{part}");
        let growth = i64::from(self.settings.growth);
        let x = self.norm(x, &name("norm1"), &name("relu1"), channels)?;
        let (x, last, inputs) = match self.settings.inside().map(i64::from) {
            None => (x, name("conv1"), channels),
            Some(inside) => {
                let names = ["conv1", "norm2", "relu2"].map(name);
                (self.unit(x, names, &[inside, channels, 1, 1], 1)?, name("conv2"), inside)
            }
        };
        self.convolution(x, vec![last, layer.to_owned()], [growth, inputs, 3])
    }

    fn transition(&mut self, number: usize, x: Map, channels: i64) -> Result<(Map, i64)> {
        let transition = format!("features.transition{number}");
        let name = |part: &str| format!("{transition}.{part}");
        let after = i64::from(self.settings.after_transition(u32::try_from(channels)?));
        let x = self.norm(x, &name("norm"), &name("relu"), channels)?;
        let x = self.convolution(x, vec![name("conv")], [after, channels, 1])?;
        let halving = match self.settings.layout {
            Layout::Pcam => Halving::Symmetric,
            Layout::Torchvision => Halving::LeavingOut,
        };
        Ok((self.body.push(x, Work::Halve(halving), vec![name("pool"), transition]), after))
    }

    /// Adds a norm and its ReLU.
    fn norm(&mut self, x: Map, name: &str, relu: &str, channels: i64) -> Result<Map> {
        let norm = Norm { norm: BatchNorm::new(name, channels, self.maker)?, name: name.to_owned() };
        Ok(self.body.push(x, Work::Norm(norm), vec![relu.to_owned()]))
    }

    /// Adds a convolution between maps of the group. The first of its names is that of its tensors.
    fn convolution(
        &mut self,
        x: Map,
        names: Vec<String>,
        [outputs, inputs, kernel]: [i64; 3],
    ) -> Result<Map> {
        let size = match self.symmetry {
            None => vec![outputs, inputs, kernel, kernel],
            Some(symmetry) => vec![outputs, inputs, symmetry.order(), kernel, kernel],
        };
        let learnt = Convolution::normal(&names[0], &size, 1, self.maker)?;
        let lone = Lone { learnt, symmetry: self.symmetry };
        Ok(self.body.push(x, Work::Convolution(lone), names))
    }

    /// Adds a convolution with its norm and its ReLU, outside any group.
    fn unit(&mut self, x: Map, names: [String; 3], size: &[i64], stride: i64) -> Result<Map> {
        let [convolution, norm, relu] = names;
        let unit = Unit {
            convolution: Convolution::normal(&convolution, size, stride, self.maker)?,
            norm: BatchNorm::new(&norm, size[0], self.maker)?,
            shortcut: None,
            relu: true,
            names: [Some(convolution), Some(norm)],
        };
        Ok(self.body.push(x, Work::Unit(unit), vec![relu]))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod torchvision;
