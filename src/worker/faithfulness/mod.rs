//! Insertion and deletion: what a network says while an image's pixels go and come in a map's order.
//!
//! `course` says when each pixel goes, `walk` asks the network at every point. Every image of every
//! method is computed by itself, in chunks that depend on nothing else: another method beside it, more
//! threads or more images change no bit of its scores. Knows no files and no stage.

mod course;
mod pace;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use course::Course;
pub(crate) use pace::Pace;
pub(crate) use walk::{Ends, Walked, Walker};
