//! What a file of arrays holds: names, types, shapes and notes. Plain data.

use super::element::Element;

/// One array of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its name; `a/b` puts it into group `a`.
    pub name: String,
    /// What its elements are.
    pub element: Element,
    /// Its extents; the first counts rows.
    pub shape: Vec<usize>,
}

impl Array {
    /// An array to be filled.
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

/// What goes into a file beside its arrays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    /// Attributes of the file, written in this order.
    pub attributes: Vec<(String, Attribute)>,
    /// Datasets of texts, `[N]`, UTF-8 of variable length.
    pub texts: Vec<(String, Vec<String>)>,
}
