//! The operations of each architecture, and the tensors that it needs.

use anyhow::{Context as _, Result};
use pcamflow::stages::architecture::{Architecture, Form};

use super::{
    body::Body, class_cnn::class_cnn, densenet::densenet, fit::Needed, resnet::resnet, source::Maker,
};

/// The operations of a network, with tensors from the maker.
pub(super) fn body(architecture: &Architecture, maker: &mut Maker) -> Result<Body> {
    match architecture.form() {
        Form::ClassCnn(widths) => class_cnn(&widths, maker),
        Form::Resnet(settings) => resnet(&settings, maker),
        Form::Densenet(settings) => densenet(&settings, maker),
    }
}

/// The tensors of a network.
pub(super) fn needed(architecture: &Architecture) -> Result<Needed> {
    let mut maker = Maker::of_anything();
    body(architecture, &mut maker)?;
    let made = maker.finish()?;
    // The last linear layer is made last.
    let last = made.last().and_then(|made| made.name.rsplit_once('.'));
    let head = last.context("the network has no linear layer")?.0.to_owned();
    Ok(Needed { tensors: made.into_iter().map(|made| (made.name, made.tensor.size())).collect(), head })
}
