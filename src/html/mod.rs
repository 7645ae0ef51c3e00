//! The report of a pipeline: one HTML file with everything that people want to see of its results.
//!
//! Plain data in ([`Report`]), text out ([`page`]). The file needs no network and no other file, and everything
//! important can be read without scripts. All text is escaped by the template crate. Opens no store and no file: the
//! caller reads the artifacts.

mod axes;
mod calibration;
mod chart;
#[cfg(test)]
mod contrast;
mod data;
mod evaluation;
mod explanations;
mod faithfulness;
#[cfg(test)]
mod fixture;
mod frame;
mod graph;
mod heat;
mod judge;
mod layout;
mod measures;
mod numbers;
mod page;
mod parallel;
mod pipeline;
mod randomisation;
mod reproduce;
mod summary;
pub mod terms;
mod training;
mod trials;
mod trials_page;
mod verdict;
mod when;

pub use frame::Frame;
pub use page::page;
pub use trials::{Cell, Column, Role, Trial, Trials};
pub use trials_page::trials_page;

use crate::{
    metrics::{
        CalibrationBin, Evaluation, History,
        faithfulness::{Best, Summary},
        sanity::Sanity,
    },
    store::ActionRecord,
};

/// A PNG or an SVG, embedded as it is.
#[derive(Debug, Clone)]
pub enum Picture {
    /// The bytes of a PNG.
    Png(Vec<u8>),
    /// The text of an SVG.
    Svg(Vec<u8>),
}

/// Everything that the page shows.
#[derive(Debug, Default)]
pub struct Report {
    /// The pipeline's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The version of pcamflow.
    pub version: String,
    /// The commit of the project, if it is in a repository.
    pub commit: Option<String>,
    /// The names of the classes 0 and 1.
    pub classes: [String; 2],
    /// Every stage, after its inputs.
    pub stages: Vec<Stage>,
    /// The parts of splits.
    pub parts: Vec<Part>,
    /// What splits have in common that they should not have, one sentence each.
    pub leaks: Vec<String>,
    /// The trainings.
    pub trainings: Vec<Training>,
    /// The evaluations.
    pub evaluations: Vec<Evaluated>,
    /// The explanations, by the patches that they explain.
    pub explanations: Vec<Explained>,
    /// The comparisons of explanations.
    pub comparisons: Vec<Compared>,
    /// The randomisation tests.
    pub sanities: Vec<Randomised>,
    /// The texts of the pipeline's files, with their names.
    pub texts: Vec<(String, String)>,
    /// Commands that make the results again.
    pub commands: Vec<String>,
    /// What could not be read, one sentence each.
    pub gaps: Vec<String>,
}

/// One stage and its result.
#[derive(Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its result, if there is one.
    pub record: Option<ActionRecord>,
    /// Why the result is not the one that the pipeline asks for, or why there is none.
    pub outdated: Option<String>,
    /// Whether the last run computed it.
    pub ran: bool,
    /// Its inputs: slots, and what they read.
    pub inputs: Vec<(String, String)>,
    /// The end of its log.
    pub log: String,
}

/// One part of a split.
#[derive(Debug)]
pub struct Part {
    /// `split.pcam/train`.
    pub name: String,
    /// How many patches of class 0 and of class 1.
    pub counts: [u64; 2],
    /// From how many slides, if known.
    pub slides: Option<usize>,
    /// How many patches the pictures and colours are of.
    pub looked_at: usize,
    /// The frames of its patches.
    pub frame: Frame,
    /// Some patches: PNG and label.
    pub samples: Vec<(Vec<u8>, u8)>,
    /// The mean patch of each class, if it has any.
    pub means: [Option<Vec<u8>>; 2],
    /// The mean colour of each class: red, green, blue, 0 to 255.
    pub colors: [Option<[f64; 3]>; 2],
}

/// One training.
#[derive(Debug)]
pub struct Training {
    /// The stage.
    pub stage: String,
    /// Its epochs, including those of the training that it resumes.
    pub history: History,
    /// The first epoch of this stage, if it resumes another.
    pub resumed_at: Option<u32>,
    /// The curves.
    pub picture: Option<Picture>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// Patches of an epoch, if known.
    pub patches: Option<u64>,
    /// How many numbers the network learns, if known.
    pub parameters: Option<u64>,
}

/// One evaluation.
#[derive(Debug)]
pub struct Evaluated {
    /// The stage.
    pub stage: String,
    /// The model, as the pipeline names it.
    pub model: String,
    /// The images, as the pipeline names them.
    pub images: String,
    /// The numbers.
    pub numbers: Evaluation,
    /// Label and probability of every image.
    pub predictions: Vec<(u8, f64)>,
    /// The bins of the calibration diagram.
    pub calibration: Vec<CalibrationBin>,
    /// Pictures, with a title each.
    pub pictures: Vec<(String, Picture)>,
    /// The frames of the mistakes; none without images.
    pub frame: Option<Frame>,
    /// The most confident mistakes: PNG, row, label, probability.
    pub mistakes: Vec<Mistake>,
    /// The ROC AUC of the patches' mean colour alone, if it could be measured.
    pub color_auc: Option<f64>,
}

/// A patch that the model gets wrong.
#[derive(Debug)]
pub struct Mistake {
    /// The patch as PNG.
    pub png: Vec<u8>,
    /// Its row in the source.
    pub row: i64,
    /// Its label.
    pub label: u8,
    /// The probability of class 1.
    pub probability: f64,
}

/// Explanations of the same patches, side by side.
#[derive(Debug)]
pub struct Explained {
    /// The model and the images, as the pipeline names them.
    pub model: String,
    /// The images, as the pipeline names them.
    pub images: String,
    /// The frames of the patches.
    pub frame: Frame,
    /// The methods: a column each.
    pub methods: Vec<ExplainedBy>,
    /// The patches: a row each.
    pub patches: Vec<Patch>,
    /// How many patches were explained; more than `patches` if there are too many for one page.
    pub explained: usize,
    /// The decision threshold of the groups.
    pub threshold: f64,
}

/// One method.
#[derive(Debug)]
pub struct ExplainedBy {
    /// The stage.
    pub stage: String,
    /// The method (`grad-cam`), the class and the score that it explains.
    pub method: String,
    /// Which class its maps explain: `tumor`, `predicted` or `label`.
    pub target: String,
    /// Its parameters, in words.
    pub settings: String,
    /// The mean map of each class.
    pub means: [Option<Vec<u8>>; 2],
    /// The largest scale of its maps.
    pub scale: f64,
    /// Rows whose maps are 0 or the same everywhere.
    pub odd: Vec<i64>,
}

/// One explained patch.
#[derive(Debug)]
pub struct Patch {
    /// Its row in the source.
    pub row: i64,
    /// Its label.
    pub label: u8,
    /// The probability of class 1.
    pub probability: f64,
    /// The patch as PNG, if the images could be read.
    pub png: Option<Vec<u8>>,
    /// The outline of the true mask, as the points of an SVG path in patch pixels.
    pub mask: Option<String>,
    /// The map of each method, in the order of the methods: PNG and scale.
    pub maps: Vec<Option<(Vec<u8>, f64)>>,
    /// The measures of each method, by name; only those that exist.
    pub measures: Vec<Vec<(String, f64)>>,
    /// Deletion and insertion curves of each method, if measured.
    pub curves: Vec<Option<[Vec<f64>; 2]>>,
}

/// One comparison of explanations.
#[derive(Debug)]
pub struct Compared {
    /// The stage.
    pub stage: String,
    /// The numbers.
    pub summary: Summary,
    /// The best method on true positives by each area, and whether it is clearly better than all others.
    pub best: Vec<Best>,
    /// Pictures, with a title each.
    pub pictures: Vec<(String, Picture)>,
}

/// One randomisation test.
#[derive(Debug)]
pub struct Randomised {
    /// The stage.
    pub stage: String,
    /// The numbers.
    pub numbers: Sanity,
    /// Pictures, with a title each.
    pub pictures: Vec<(String, Picture)>,
}
