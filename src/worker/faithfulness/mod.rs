//! Insertion and deletion: the logits of a network while the pixels of an image are deleted or inserted in the order
//! of a map.
//!
//! `course` decides when each pixel goes, `walk` computes the logits. Each map is computed alone, in chunks of a fixed
//! size: other methods, threads or images change no bit of its scores.

mod course;
mod pace;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use course::Course;
pub(crate) use pace::Pace;
pub(crate) use walk::{Ends, Walked, Walker};
