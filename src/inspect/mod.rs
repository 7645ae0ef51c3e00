//! What a file contains, for people: rows of a table, tensors of weights, datasets of an HDF5 file.
//!
//! Reads any artifact without trusting it, and no more of it than is shown. Knows formats, but neither stores
//! nor screens.

pub mod compare;
mod folder;
mod json;
mod picture;
mod safetensors;
mod table;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::data::{Source, h5::H5File};

pub use self::safetensors::Tensor;
pub use self::table::Rows;
pub use crate::data::h5::{Attribute, Dataset};

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "format")]
pub enum Content {
    /// A table (CSV), or the files of a folder.
    Table(Rows),
    /// JSON.
    Json {
        /// The value.
        value: serde_json::Value,
        /// The same as indented text. Keys keep their order, numbers their digits.
        #[serde(skip)]
        text: String,
    },
    /// Text. Also a `.json` file that is not JSON.
    Text {
        /// The text.
        text: String,
    },
    /// Tensors (safetensors).
    Tensors {
        /// By name, sorted.
        tensors: Vec<Tensor>,
    },
    /// An HDF5 file.
    Hdf5 {
        /// The attributes of the file itself.
        attributes: Vec<Attribute>,
        /// The datasets of all groups, sorted by name.
        datasets: Vec<Dataset>,
    },
    /// A picture.
    Picture {
        /// Width in pixels, if known.
        width: Option<u32>,
        /// Height in pixels, if known.
        height: Option<u32>,
    },
    /// Bytes of no known format.
    Bytes,
}

/// How much of a text is read, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;

/// Reads the file at `path`. Its `name` says the format (`metrics.json`). Reads the first `rows` rows of a table.
///
/// # Errors
/// A file that cannot be read, or does not have the format that its name says.
pub fn inspect(path: &Path, name: &str, rows: usize) -> Result<Content> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let content = match ending.as_str() {
        _ if name.ends_with('/') => folder::read(path, rows).map(Content::Table),
        "csv" => table::read(path, rows).map(Content::Table),
        "json" => text(path).map(|text| match serde_json::from_str(&text) {
            Ok(value) => Content::Json { value, text: json::pretty(&text) },
            Err(_) => Content::Text { text },
        }),
        "safetensors" => safetensors::read(path).map(|tensors| Content::Tensors { tensors }),
        "h5" | "hdf5" => H5File::open(&Source::new(path, name))
            .and_then(|file| file.contents())
            .map(|(attributes, datasets)| Content::Hdf5 { attributes, datasets }),
        "png" => picture::png(path).map(|(width, height)| Content::Picture { width, height }),
        "svg" => text(path).map(|text| {
            let (width, height) = picture::svg(&text);
            Content::Picture { width, height }
        }),
        "txt" | "md" | "log" | "toml" => text(path).map(|text| Content::Text { text }),
        _ => Ok(Content::Bytes),
    };
    content.with_context(|| format!("cannot show {name}"))
}

/// Reads a text. Bytes that are not UTF-8 are replaced.
fn text(path: &Path) -> Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST_TEXT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
