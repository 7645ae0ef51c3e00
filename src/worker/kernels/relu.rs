//! The backward pass of a ReLU.

use super::{Number, maps::each_chunk, widest};

/// Numbers per chunk.
const CHUNK: usize = 1 << 15;

/// Sets a gradient to 0 where the output of a ReLU is 0.
pub(crate) fn close_gate<T: Number>(gradient: &mut [T], output: &[T]) {
    each_chunk(gradient, CHUNK, |index, gradient| {
        close(gradient, &output[index * CHUNK..][..gradient.len()]);
    });
}

widest! {
    /// As [`close_gate`], on this thread.
    fn close<T: Number>(gradient: &mut [T], output: &[T]) {
        for (gradient, &output) in gradient.iter_mut().zip(output) {
            *gradient = if output.wide() > 0.0 { *gradient } else { T::nearest(0.0) };
        }
    }
}
