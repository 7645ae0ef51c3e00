//! A way to read the tensors of a file as those of a network: under which prefix, and how well it fits.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pcamflow::stages::architecture::Architecture;

use crate::{
    model::{
        architectures::needed,
        fit::{Misfit, Needed, Shapes},
        infer::infer,
    },
    tensors::Header,
};

/// The tensors of a file, by name.
pub(super) type Stored = BTreeMap<String, Header>;

/// What a file has to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Want<'a> {
    /// Any network that pcamflow knows.
    Any,
    /// The start of a training of this network. Its last linear layer may be missing or have another shape if it is
    /// replaced.
    Start { architecture: &'a Architecture, replace_head: bool },
}

/// A way to read a file: as the tensors of a network, all of which have this prefix.
pub(super) struct Reading {
    pub(super) prefix: String,
    pub(super) architecture: Architecture,
    pub(super) needed: Needed,
    pub(super) misfit: Misfit,
}

impl Reading {
    pub(super) fn new(name: &str, prefix: &str, stored: &Stored, want: Want<'_>) -> Result<Self> {
        let below = |(tensor, header): (&String, &Header)| {
            Some((tensor.strip_prefix(prefix)?.to_owned(), header.shape.clone()))
        };
        let shapes: Shapes = stored.iter().filter_map(below).collect();
        let architecture = match want {
            Want::Any => infer(name, &shapes)?,
            Want::Start { architecture, .. } => architecture.clone(),
        };
        let needed = needed(&architecture)?;
        let misfit = Misfit::of(&needed, &shapes);
        Ok(Self { prefix: prefix.to_owned(), architecture, needed, misfit })
    }

    pub(super) fn fits(&self, want: Want<'_>) -> bool {
        match want {
            Want::Start { replace_head: true, .. } => self.misfit.is_only_of(&self.needed.head),
            Want::Start { .. } | Want::Any => self.misfit.is_none(),
        }
    }

    /// The name in the network of a tensor that is used.
    pub(super) fn inside<'a>(&self, tensor: &'a str) -> Option<&'a str> {
        let inside = tensor.strip_prefix(self.prefix.as_str())?;
        (self.needed.has(inside) && !self.misfit.unfit().contains(inside)).then_some(inside)
    }

    /// Whether it has more of the network than another reading, and most tensors of it are the network's.
    pub(super) fn is_nearer_than(&self, other: &Self) -> bool {
        self.found() > other.found() && self.found() > self.misfit.left_over()
    }

    /// How many of the network's tensors are there, in any shape.
    fn found(&self) -> usize {
        self.needed.tensors.len().saturating_sub(self.misfit.missing())
    }
}

/// What may stand before the names of a network: each text before `conv1.weight`, with which all networks begin, and
/// what all names share.
pub(super) fn prefixes(stored: &Stored) -> BTreeSet<String> {
    let before = stored.keys().filter_map(|name| name.strip_suffix("conv1.weight"));
    let whole = before.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    whole.map(str::to_owned).chain([shared(stored)]).collect()
}

/// The parts with which all names begin, with their points.
fn shared(stored: &Stored) -> String {
    // Names are in order: what the first and the last share, all share.
    let ends = stored.first_key_value().zip(stored.last_key_value());
    let Some(((first, _), (last, _))) = ends else { return String::new() };
    let parts = first.split_inclusive('.').zip(last.split_inclusive('.'));
    let same = parts.take_while(|(one, other)| one == other && one.ends_with('.'));
    same.map(|(part, _)| part).collect()
}

/// Whether a prefix is part of the names of a network that begins before it.
pub(super) fn is_inside_network(prefix: &str, stored: &Stored) -> bool {
    let before = |(at, _): (usize, &str)| stored.contains_key(&format!("{}conv1.weight", &prefix[..at]));
    let points = prefix.match_indices('.').map(|(at, point)| (at + 1, point));
    [(0, "")].into_iter().chain(points).filter(|(at, _)| *at < prefix.len()).any(before)
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;

    fn stored(names: &[&str]) -> Stored {
        let header = Header { shape: vec![1], kind: Dtype::F32 };
        names.iter().map(|name| ((*name).to_owned(), header.clone())).collect()
    }

    fn found(names: &[&str]) -> Vec<String> {
        prefixes(&stored(names)).into_iter().collect()
    }

    #[test]
    fn a_network_may_begin_before_each_first_convolution_and_after_what_all_names_share() {
        assert_eq!(found(&["bn1.bias", "conv1.weight"]), [""]);
        assert_eq!(found(&["a.b.conv1.weight", "a.c.conv1.weight"]), ["a.", "a.b.", "a.c."]);
        assert_eq!(found(&["m.bn1.bias", "m.fc.bias"]), ["m."]);
        assert_eq!(found(&["bn1.bias", "myconv1.weight"]), [""]);
        assert_eq!(found(&[]), [""]);
    }

    #[test]
    fn blocks_are_inside_a_network() {
        let stored = stored(&["m.conv1.weight", "m.layer1.0.conv1.weight"]);
        assert!(is_inside_network("m.layer1.0.", &stored));
        assert!(!is_inside_network("m.", &stored) && !is_inside_network("", &stored));
    }
}
