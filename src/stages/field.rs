//! A field of a stage's table: its name, its class, its documentation.

/// How a field enters a stage's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// By the content of what it names.
    Input,
    /// By value.
    Semantic,
    /// By value; taken from `[pipeline]` if the stage does not set it.
    Inherited,
    /// Not at all: it says how to compute.
    Execution,
}

/// One field of a stage table.
#[derive(Debug)]
pub struct Field {
    /// Its name in Rust (`batch_size`). [`kebab`] gives the name in pipeline files.
    pub name: &'static str,
    /// Its class.
    pub class: Class,
    /// Its documentation.
    pub doc: &'static str,
}

/// A field's name in pipeline files.
#[must_use]
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}
