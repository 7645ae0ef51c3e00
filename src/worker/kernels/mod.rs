//! Loops over the numbers of feature maps on a CPU, where libtorch has none, or slower or less precise ones.
//!
//! Feature maps are float32 or bfloat16, [N, C, h, w] stored channels last: the channels of a pixel lie side by side,
//! so every loop runs over channels and is vectorised. Nothing here knows networks.

mod gather;
mod maps;
mod norm;
mod number;
mod pool;
mod relu;
mod scale;
mod widest;

pub(crate) use gather::{Shared, Squares, assemble};
pub(crate) use maps::{dense, empty_map, numbers, numbers_mut};
pub(crate) use norm::{Affine, Moments};
pub(crate) use number::{Number, with_number};
pub(crate) use pool::{MaxPool, Pooled, max_pool, max_pool_backward};
pub(crate) use relu::close_gate;
pub(crate) use scale::Scale;
use widest::widest;
