//! A network as data: its operations in order, and the head that makes a logit of the last map.
//!
//! Architectures build it; how it is computed is in other files: `plain` (layer by layer, for any purpose), `folded`
//! and `gradient` (inference), `learn` (a step of training), `local` (small changes of an image), `cut` (other outputs of a
//! layer), `rules` (backward passes that are no derivative).

use super::layers::{BatchNorm, Convolution, Linear};
use crate::kernels::MaxPool;

/// A feature map: 0 is the patches, n is the output of operation n - 1.
pub(super) type Map = usize;

/// The operations of a network. Learnt tensors are made in this order: of each unit the convolution's, then the
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
            Work::MaxPool(_) | Work::AveragePool(_) => false,
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
        let shortcut = match &self.work {
            Work::Unit(unit) => unit.shortcut,
            Work::MaxPool(_) | Work::AveragePool(_) => None,
        };
        [Some(self.from), shortcut].into_iter().flatten()
    }
}
