//! What is in a file, for people: the rows of a table, the tensors of weights, the datasets of an HDF5 file.
//!
//! Reads any artifact without trusting it, and no more of it than is shown. Knows formats; knows neither
//! stores nor screens.

pub mod compare;
mod folder;
mod hdf5;
mod json;
mod picture;
mod safetensors;
mod table;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

pub use self::hdf5::{Attribute, Dataset};
pub use self::safetensors::Tensor;
pub use self::table::Rows;

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "format")]
pub enum Content {
    /// A table (CSV), or the files of a folder.
    Table(Rows),
    /// JSON.
    Json {
        /// What it says.
        value: serde_json::Value,
        /// The same as a text in an even layout, with the keys in the order and the digits of the file.
        #[serde(skip)]
        text: String,
    },
    /// Text; also what is called JSON and is none.
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
        /// Pixels from left to right, where they are known.
        width: Option<u32>,
        /// Pixels from top to bottom.
        height: Option<u32>,
    },
    /// Bytes of no known format.
    Bytes,
}

/// The most bytes of a text that are read.
const LONGEST_TEXT: u64 = 16 << 20;

/// Reads what is in the file at `path`, whose name tells the format (`metrics.json`); of a table the first
/// `rows` rows.
///
/// # Errors
/// A file that cannot be read, or is not what its name says.
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
        "h5" | "hdf5" => {
            hdf5::read(path, name).map(|(attributes, datasets)| Content::Hdf5 { attributes, datasets })
        }
        "png" => picture::png(path).map(|(width, height)| Content::Picture { width, height }),
        "svg" => text(path)
            .map(|text| picture::svg(&text))
            .map(|(width, height)| Content::Picture { width, height }),
        "txt" | "md" | "log" | "toml" => text(path).map(|text| Content::Text { text }),
        _ => Ok(Content::Bytes),
    };
    content.with_context(|| format!("cannot show {name}"))
}

/// A text, as far as it is UTF-8.
fn text(path: &Path) -> Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST_TEXT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
