//! Defaults of inherited fields.

/// The seed if neither the stage nor `[pipeline]` sets one.
pub const DEFAULT_SEED: u64 = 42;

/// The names of the classes if neither the stage nor `[pipeline]` sets them.
#[must_use]
pub fn default_classes() -> [String; 2] {
    ["Non-cancerous".to_owned(), "Cancerous".to_owned()]
}
