//! Makes files in the official layout of a folder or an archive of pictures.
//!
//! Pictures are ordered by path, so the result does not depend on the file system or the archive. They are decoded on all
//! threads, a few hundred at a time. What cannot be used is named, each with its reason.

mod archive;
mod classes;
mod decode;
mod report;
mod run;
mod write;

pub use classes::{Classes, Table};
pub use report::{Dropped, ImportReport};
pub use run::{ImportRequest, import};
