//! A network as data: its operations in order, and the head that makes a logit of the last map.
//!
//! Architectures build it; how it is computed is in other files: `plain` (layer by layer, for any purpose), `folded`
//! and `gradient` (inference), `learn` (a step of training), `local` (small changes of an image), `cut` (other outputs of a
//! layer), `rules` (backward passes that are no derivative).

use super::{
    averaging::Halving,
    group::Symmetry,
    layers::{BatchNorm, Convolution, Linear},
};
use crate::kernels::MaxPool;
use tch::Tensor;

/// A feature map: 0 is the patches, n is the output of operation n - 1.
pub(super) type Map = usize;

/// The operations of a network. Learnt tensors are made in this order: of each operation the convolution's, then the
/// norm's; then those of the head.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) operations: Vec<Operation>,
    pub(super) head: Head,
}

/// An operation, and the layers whose output is its output.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) from: Map,
    pub(super) names: Vec<String>,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Unit(Unit),
    MaxPool(MaxPool),
    /// Means of windows that cover the map, to so many rows and columns.
    AveragePool(i64),
    /// Means of 2x2 pixels.
    Halve(Halving),
    /// A batch normalisation and a ReLU.
    Norm(Norm),
    /// A convolution.
    Convolution(Lone),
    /// The channels of another map behind those of this one, for each of so many elements of a group.
    Join {
        other: Map,
        order: i64,
    },
}

/// A batch normalisation and a ReLU, without a convolution before them.
#[derive(Debug)]
pub(super) struct Norm {
    /// All elements of a group share it.
    pub(super) norm: BatchNorm,
    /// The layer of the norm.
    pub(super) name: String,
}

/// A convolution without a norm behind it.
#[derive(Debug)]
pub(super) struct Lone {
    /// With the learnt filters.
    pub(super) learnt: Convolution,
    /// The group for whose elements filters are derived.
    pub(super) symmetry: Option<Symmetry>,
}

impl Lone {
    /// With the filters of all elements. They are part of the graph.
    pub(super) fn whole(&self) -> Convolution {
        let Convolution { weight, bias, step } = &self.learnt;
        let weight = match self.symmetry {
            Some(symmetry) => symmetry.filters(weight),
            None => weight.shallow_clone(),
        };
        Convolution { weight, bias: bias.as_ref().map(Tensor::shallow_clone), step: *step }
    }
}

/// A convolution, its batch normalisation, a map that is added, and a ReLU.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) convolution: Convolution,
    pub(super) norm: BatchNorm,
    pub(super) shortcut: Option<Map>,
    pub(super) relu: bool,
    /// The layers of the convolution and of the norm, if they have names.
    pub(super) names: [Option<String>; 2],
}

/// Linear layers with ReLUs between them, on all numbers of the last map or on the mean of each channel.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) mean: bool,
    /// The elements of a group, over which the mean goes, too.
    pub(super) order: i64,
    pub(super) layers: Vec<Linear>,
}

impl Body {
    /// Adds an operation, and returns its output.
    pub(super) fn push(&mut self, from: Map, work: Work, names: Vec<String>) -> Map {
        self.operations.push(Operation { from, names, work });
        self.operations.len()
    }

    /// The map that is the output of a layer; `None` for what is inside a unit.
    pub(super) fn map_of(&self, layer: &str) -> Option<Map> {
        let named = |operation: &Operation| operation.names.iter().any(|name| name == layer);
        self.operations.iter().position(named).map(|at| at + 1)
    }

    /// The operation that computes the output of a layer, which may be inside a unit.
    pub(super) fn operation_of(&self, layer: &str) -> Option<usize> {
        let inside = |operation: &Operation| match &operation.work {
            Work::Unit(unit) => unit.names.iter().flatten().any(|name| name == layer),
            Work::Norm(norm) => norm.name == layer,
            Work::MaxPool(_)
            | Work::AveragePool(_)
            | Work::Halve(_)
            | Work::Convolution(_)
            | Work::Join { .. } => false,
        };
        let named = |operation: &Operation| operation.names.iter().any(|name| name == layer);
        self.operations.iter().position(|operation| named(operation) || inside(operation))
    }
}

impl Body {
    /// Whether a map is the output of a ReLU and only pooled: then the backward pass of the pooling is also that of
    /// the ReLU.
    pub(super) fn is_only_pooled(&self, map: Map) -> bool {
        let relu = |work: &Work| matches!(work, Work::Unit(Unit { relu: true, .. }));
        let mut readers =
            self.operations.iter().filter(|operation| operation.reads().any(|read| read == map));
        let last = map == self.operations.len();
        map > 0
            && !last
            && relu(&self.operations[map - 1].work)
            && readers.all(|reader| matches!(reader.work, Work::MaxPool(_)))
    }
}

impl Operation {
    /// The maps that it reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = Map> {
        let second = match &self.work {
            Work::Unit(unit) => unit.shortcut,
            Work::Join { other, .. } => Some(*other),
            Work::MaxPool(_)
            | Work::AveragePool(_)
            | Work::Halve(_)
            | Work::Norm(_)
            | Work::Convolution(_) => None,
        };
        [Some(self.from), second].into_iter().flatten()
    }
}
