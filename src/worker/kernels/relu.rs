//! The backward pass of a ReLU.

use super::{maps::each_chunk, widest};

/// Numbers per chunk.
const CHUNK: usize = 1 << 15;

/// Sets a gradient to 0 where the output of a ReLU is 0.
pub(crate) fn close_gate(gradient: &mut [f32], output: &[f32]) {
    each_chunk(gradient, CHUNK, |index, gradient| {
        close(gradient, &output[index * CHUNK..][..gradient.len()]);
    });
}

widest! {
    /// As [`close_gate`], on this thread.
    pub(super) fn close(gradient: &mut [f32], output: &[f32]) {
        for (gradient, &output) in gradient.iter_mut().zip(output) {
            *gradient = if output > 0.0 { *gradient } else { 0.0 };
        }
    }
}
