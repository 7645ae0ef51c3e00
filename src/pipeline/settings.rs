//! The tables `[pipeline]` and `[run]`.

use crate::stages::declare::parameters;

parameters! {
    /// `[pipeline]`: what holds for every stage.
    pub struct Settings {
        /// The pipeline's name; its file's name where absent.
        execution name: Option<String> = None;
        /// The seed of every stage that names none.
        execution seed: Option<u64> = None;
        /// What the classes 0 and 1 are called.
        execution classes: Option<[String; 2]> = None;
        /// The folder of the source files, relative to the project root.
        execution data: Option<String> = None;
    }
}
