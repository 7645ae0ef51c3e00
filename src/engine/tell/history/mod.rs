//! Recorded runs: their parameters, results and differences.
//!
//! Knows records and pipelines; knows neither tables nor pictures. Runs nothing.

mod better;
mod comparison;
mod differences;
mod facts;
mod main_number;
mod pipeline_of;
mod short;

pub use better::{Better, better};
pub use comparison::{Cell, Column, Comparison, Row, What, compare};
pub use differences::{Difference, differences};
pub use facts::Facts;
pub use main_number::main_number;
pub use pipeline_of::pipeline_of;
pub use short::shortened;
