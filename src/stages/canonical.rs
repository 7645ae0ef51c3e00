//! The canonical form of parameters: the lines of a fingerprint.
//!
//! A stage's semantic parameters become sorted lines `path = value`. The key is the digest of those lines, and
//! "why did this run" compares them with older lines. Knows no TOML, inputs or stores.
//!
//! A field that equals its default is left out, so that a new option keeps every old key. The name of a variant is
//! always written. The type of a number is that of its field, so `1` and `1.0` are the same value.

use std::{borrow::Cow, collections::BTreeMap};

/// Lines `path -> canonical value`, sorted by path.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Lines {
    lines: BTreeMap<String, String>,
    has_defaults: bool,
}

impl Lines {
    /// Lines that include defaults, for messages about values that a file does not set. Never part of a fingerprint.
    #[must_use]
    pub fn with_defaults() -> Self {
        Self { has_defaults: true, ..Self::default() }
    }

    /// Whether defaults are included.
    #[must_use]
    pub fn has_defaults(&self) -> bool {
        self.has_defaults
    }

    /// Adds one line.
    pub fn put(&mut self, path: &str, value: impl Into<String>) {
        self.lines.insert(path.to_owned(), value.into());
    }

    /// The lines in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(path, value)| (path.as_str(), value.as_str()))
    }

    /// The lines as a map.
    #[must_use]
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.lines
    }
}

/// A value that can be part of a fingerprint.
pub trait Canonical: PartialEq {
    /// Writes this value's lines below `path`.
    fn write(&self, path: &str, lines: &mut Lines);
}

/// `path.name`. A name that is not a bare key is quoted, so that no two paths are equal.
#[must_use]
pub fn join(path: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let name: Cow<'_, str> = if bare { name.into() } else { format!("{name:?}").into() };
    if path.is_empty() { name.into_owned() } else { [path, ".", &name].concat() }
}

macro_rules! canonical_by_display {
    ($($type:ty),*) => { $(
        impl Canonical for $type {
            fn write(&self, path: &str, lines: &mut Lines) {
                lines.put(path, self.to_string());
            }
        }
    )* };
}
canonical_by_display!(bool, u32, u64);

impl Canonical for f64 {
    fn write(&self, path: &str, lines: &mut Lines) {
        // `+ 0.0` makes -0.0 and 0.0 one value; `{:?}` is the shortest text that parses back.
        lines.put(path, format!("{:?}", self + 0.0));
    }
}

impl Canonical for String {
    fn write(&self, path: &str, lines: &mut Lines) {
        lines.put(path, format!("{self:?}"));
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            Some(value) => value.write(path, lines),
            None => lines.put(path, "none"),
        }
    }
}

impl<T: Canonical> Canonical for [T] {
    fn write(&self, path: &str, lines: &mut Lines) {
        lines.put(path, format!("[{}]", self.len()));
        for (index, value) in self.iter().enumerate() {
            value.write(&join(path, &index.to_string()), lines);
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn write(&self, path: &str, lines: &mut Lines) {
        self.as_slice().write(path, lines);
    }
}

impl<K: Ord + std::fmt::Display, T: Canonical> Canonical for BTreeMap<K, T> {
    fn write(&self, path: &str, lines: &mut Lines) {
        for (name, value) in self {
            value.write(&join(path, &name.to_string()), lines);
        }
    }
}

impl<T: Canonical, const N: usize> Canonical for [T; N] {
    fn write(&self, path: &str, lines: &mut Lines) {
        self.as_slice().write(path, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(value: &(impl Canonical + ?Sized)) -> Vec<(String, String)> {
        let mut lines = Lines::default();
        value.write("p", &mut lines);
        lines.into_map().into_iter().collect()
    }

    #[test]
    fn negative_zero_is_zero_and_numbers_are_shortest() {
        assert_eq!(lines(&-0.0), lines(&0.0));
        assert_eq!(lines(&1e-3)[0].1, "0.001");
        assert_eq!(lines(&1.0)[0].1, "1.0");
    }

    #[test]
    fn lists_contain_their_length_so_that_nothing_collides() {
        assert_ne!(lines(&vec![1_u32, 2]), lines(&vec![1_u32]));
        assert_ne!(lines(&Vec::<u32>::new()), lines(&None::<u32>));
        assert_ne!(lines(&"none".to_owned()), lines(&None::<String>));
    }

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(join("a", "b-c"), "a.b-c");
        assert_eq!(join("a", "b.c"), "a.\"b.c\"");
    }
}
