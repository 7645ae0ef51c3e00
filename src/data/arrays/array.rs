//! The contents of a file of arrays: names, types, shapes and notes. Plain data.

use super::element::Element;

/// One array of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its name; `a/b` puts it into group `a`.
    pub name: String,
    /// The type of its elements.
    pub element: Element,
    /// Its extents. The first is the number of rows.
    pub shape: Vec<usize>,
}

impl Array {
    /// An array to fill.
    pub fn new(name: impl Into<String>, element: Element, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), element, shape: shape.into() }
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.shape.iter().skip(1).product::<usize>() * self.element.bytes()
    }

    pub(super) fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
}

/// A note on a file: `method = "grad-cam"`.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// UTF-8 text.
    Text(String),
    /// int64.
    Integer(i64),
    /// float64.
    Number(f64),
}

/// The contents of a file besides its arrays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    /// Attributes of the file, written in this order.
    pub attributes: Vec<(String, Attribute)>,
    /// Datasets of texts, `[N]`, UTF-8 of variable length.
    pub texts: Vec<(String, Vec<String>)>,
}
