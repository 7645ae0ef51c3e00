//! One field of a stage table: its name, its part in the key, its documentation.

/// How a field takes part in a stage's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Enters by the content of what it names.
    Input,
    /// Enters by value.
    Semantic,
    /// Enters by value; taken from `[pipeline]` where the stage is silent.
    Inherited,
    /// Says how to compute: no part of the key.
    Execution,
}

/// One field of a stage table.
#[derive(Debug)]
pub struct Field {
    /// The field's name in Rust (`batch_size`); `kebab` gives the file's.
    pub name: &'static str,
    /// Its part in the key.
    pub class: Class,
    /// Its documentation.
    pub doc: &'static str,
}

/// A field's name as pipeline files spell it.
#[must_use]
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}
