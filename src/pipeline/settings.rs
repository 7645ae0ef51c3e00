//! The tables `[pipeline]` and `[report]`.

use crate::stages::{CentreBox, NetworkOutput, Normalise, Precision, declare::parameters};

parameters! {
    /// `[pipeline]`: settings for all stages.
    pub struct Settings {
        /// The pipeline's name (default: the name of its file).
        execution name: Option<String> = None;
        /// The seed of every stage that does not set one.
        execution seed: Option<u64> = None;
        /// The names of the classes 0 and 1.
        execution classes: Option<[String; 2]> = None;
        /// The centre box that labels describe, for every stage that does not say.
        execution centre_box: Option<CentreBox> = None;
        /// How images are normalised for networks, in every stage that does not say.
        execution normalise: Option<Normalise> = None;
        /// What TorchScript networks return, in every stage that does not say.
        execution output: Option<NetworkOutput> = None;
        /// How exactly networks are computed, in every stage that does not say.
        execution precision: Option<Precision> = None;
        /// The folder of the source files, relative to the project root.
        execution data: Option<String> = None;
    }
}

parameters! {
    /// `[report]`: the page that a run writes about its results.
    pub struct ReportSettings {
        /// Whether a run writes `report.html` (default: true).
        execution enabled: bool = true;
    }
}
