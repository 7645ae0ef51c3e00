//! The mathematics of evaluating classifiers and explanations.
//!
//! Plain slices in, plain numbers out. Knows no tensors, no files and no stages. Formulas agree with
//! scikit-learn's, if it has them.
//!
//! - A classifier: [`evaluate`] turns [`Predictions`] (labels and probabilities, checked once) into an
//!   [`Evaluation`], the contents of `metrics.json`. Its parts can be used alone: [`ConfusionMatrix`],
//!   [`classification_report`], [`RocCurve`], [`PrecisionRecallCurve`], [`brier`], [`log_loss`],
//!   [`calibration_error`], [`calibration_bins`]. A [`ChosenThreshold`] is the best for other images.
//! - A map: [`Localisation`] in a [`Region`], the centre box or a mask; [`MapRange`] distinguishes ordinary maps
//!   from constant ones; [`spearman`] measures how similar two maps are.
//! - Comparisons of explanations: [`faithfulness`].
//! - Uncertainty: [`percentile_interval`], a seeded bootstrap of any statistic; [`roc_band`] and
//!   [`precision_recall_band`], the same for curves; shares have Wilson's interval.
//! - A training: [`History`], the contents of `history.json`.

mod at_threshold;
mod bootstrap;
mod brier;
mod calibration;
mod class_scores;
mod classification_report;
mod confusion;
mod controls;
mod curve_band;
mod evaluation;
pub mod faithfulness;
mod history;
mod localisation;
mod log_loss;
mod map_range;
mod precision_recall;
mod predictions;
mod ranking;
mod ranks;
mod region;
mod roc;
pub mod sanity;
mod share;
mod sigmoid;
mod spearman;
mod threshold;
mod ties;
mod undefined;

pub use at_threshold::{AtChosenThreshold, AtThreshold};
pub use bootstrap::{Bootstrap, Interval, percentile_interval};
pub use brier::brier;
pub use calibration::{CalibrationBin, calibration_bins, calibration_error};
pub use class_scores::{ClassScores, Scores};
pub use classification_report::classification_report;
pub use confusion::ConfusionMatrix;
pub use controls::{centre_map, random_map};
pub use curve_band::{CurveBand, precision_recall_band, roc_band};
pub use evaluation::{Evaluation, EvaluationSettings, evaluate};
pub use history::{Epoch, History};
pub use localisation::{Localisation, LocalisationSummary};
pub use log_loss::log_loss;
pub use map_range::MapRange;
pub use precision_recall::{PrecisionRecallCurve, average_precision_interval};
pub use predictions::Predictions;
pub use ranking::by_value_descending;
pub use region::Region;
pub use roc::{RocCurve, roc_auc, roc_auc_interval};
pub use sigmoid::sigmoid;
pub use spearman::spearman;
pub use threshold::{ChosenThreshold, Criterion};
pub use undefined::Undefined;

#[cfg(test)]
mod reference;
