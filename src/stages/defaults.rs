//! What stages take where neither they nor `[pipeline]` say otherwise.

/// The seed where neither the stage nor `[pipeline]` names one.
pub const DEFAULT_SEED: u64 = 42;

/// The class names where neither the stage nor `[pipeline]` names them.
#[must_use]
pub fn default_classes() -> [String; 2] {
    ["Non cancerous".to_owned(), "Cancerous".to_owned()]
}
