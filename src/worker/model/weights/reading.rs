//! A way to read the tensors of a file as those of a network: under which prefix, and how well it fits.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use anyhow::Result;
use pcamflow::stages::architecture::Architecture;

use crate::{
    model::{
        architectures::needed,
        fit::{Misfit, Needed, Shapes},
        infer::{FIRST_OF_DENSENET, infer},
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
            Some((newer(tensor.strip_prefix(prefix)?).into_owned(), header.shape.clone()))
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
    pub(super) fn inside<'a>(&self, tensor: &'a str) -> Option<Cow<'a, str>> {
        let inside = newer(tensor.strip_prefix(self.prefix.as_str())?);
        (self.needed.has(&inside) && !self.misfit.unfit().contains(inside.as_ref())).then_some(inside)
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

/// The name of a tensor as torchvision writes it today. Its published densenets are older: `denselayer1.norm.1.weight`
/// is `denselayer1.norm1.weight`.
pub(super) fn newer(tensor: &str) -> Cow<'_, str> {
    let Some((before, rest)) = tensor.rsplit_once("denselayer") else { return tensor.into() };
    let parts: Vec<&str> = rest.split('.').collect();
    match parts[..] {
        [layer, part @ ("norm" | "conv"), number @ ("1" | "2"), of] => {
            format!("{before}denselayer{layer}.{part}{number}.{of}").into()
        }
        _ => tensor.into(),
    }
}

/// A tensor of a network twice in a file, by its older and its newer name.
pub(super) fn twice(stored: &Stored) -> Option<&str> {
    stored
        .keys()
        .map(String::as_str)
        .find(|name| matches!(newer(name), Cow::Owned(new) if stored.contains_key(&new)))
}

/// The tensors with which networks begin.
const FIRST: [&str; 2] = ["conv1.weight", FIRST_OF_DENSENET];

/// What may stand before the names of a network: each text before `conv1.weight` or another tensor with which networks
/// begin, and what all names share.
pub(super) fn prefixes(stored: &Stored) -> BTreeSet<String> {
    let before = stored.keys().flat_map(|name| FIRST.map(|first| name.strip_suffix(first))).flatten();
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
    let before = |(at, _): (usize, &str)| {
        FIRST.iter().any(|first| stored.contains_key(&format!("{}{first}", &prefix[..at])))
    };
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
    fn older_names_of_torchvision_are_known() {
        let new = |old: &str| newer(old).into_owned();
        let layer = "m.features.denseblock1.denselayer12";
        for part in ["norm", "conv"] {
            assert_eq!(new(&format!("{layer}.{part}.2.weight")), format!("{layer}.{part}2.weight"));
        }
        for other in
            ["denselayer1.norm.3.weight", "layer1.norm.1.weight", "denselayer1.norm1.weight", "denselayer1"]
        {
            assert_eq!(new(other), other);
        }
        assert_eq!(twice(&stored(&["denselayer1.conv.1.weight", "denselayer1.conv2.weight"])), None);
        let both = stored(&["denselayer1.conv.1.weight", "denselayer1.conv1.weight"]);
        assert_eq!(twice(&both), Some("denselayer1.conv.1.weight"));
        let prefixed = ["ema.decay", "m.classifier.bias", "m.features.conv0.weight"];
        assert!(found(&prefixed).contains(&"m.".to_owned()));
    }

    #[test]
    fn blocks_are_inside_a_network() {
        let stored = stored(&["m.conv1.weight", "m.layer1.0.conv1.weight"]);
        assert!(is_inside_network("m.layer1.0.", &stored));
        assert!(!is_inside_network("m.", &stored) && !is_inside_network("", &stored));
    }
}
