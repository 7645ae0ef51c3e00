//! Stage kind `explain`: one map per patch, and a panel of some of them.
//!
//! Maps are written as they are computed. Only one batch and the panel's patches are in memory.

use anyhow::Result;
use pcamflow::{
    metrics::{MapRange, faithfulness::OddMaps, sigmoid},
    protocol::Outcome,
    report::{self, Item, Picture, Sheet},
    stages::explain::{Explain, PanelScale},
};

use super::{
    classifier::{self, How},
    completeness::Completeness,
    explaining::{Explaining, prepare},
    images::Images,
    localisation::Located,
    maps_file::MapsFile,
    odd_maps,
};
use crate::{
    batches::Batch,
    explain::{Display, Maps, Question},
    job::Job,
    model::Classifier,
    numbers::defined,
};

/// A patch is predicted as tumour if its probability is above this.
const THRESHOLD: f64 = 0.5;

/// Computes the stage.
///
/// # Errors
/// The model or the patches are invalid, or the method's settings do not fit the model.
pub(super) fn run(job: &Job<'_>, stage: &Explain) -> Result<Outcome> {
    let images = Images::open(job, "images", stage.take, stage.seed)?.with_box(stage.centre_box)?;
    let how = How { precision: stage.precision, normalise: stage.normalise.as_ref(), output: stage.output };
    let network = &*classifier::open(job, &how, &images)?;
    let stage = &settled(stage, network);
    images.note(job);
    // May read all training patches, so it is the last check before the first map.
    let explainer = prepare(job, &stage.method, network, stage.seed, images.set.side())?;
    let (rows, labels) = (images.rows(), images.labels());
    let file = MapsFile::create(
        &job.artifact("maps.h5"),
        stage,
        explainer.arrays(),
        images.set.side(),
        &rows,
        &labels,
    )?;
    let mut results = Results {
        job,
        images: &images,
        file,
        ranges: Vec::new(),
        completeness: Completeness { tolerance: stage.method.settings().tolerance(), deltas: Vec::new() },
        located: images.truth().map(|truth| Located::new(truth, images.set.side())),
        empty_masks: 0,
        shown: Vec::new(),
        to_show: usize::try_from(stage.panel)?,
    };
    let question = Question { target: stage.target, score: stage.score };
    let explaining = Explaining::new(job, network, &*explainer, &images)?;
    explaining.run(network, question, &labels, |batch, maps| results.add(batch, &maps))?;
    let mut display = explainer.display();
    display.title = format!("Explanation: {} of {}", display.title, network.word());
    results.finish(stage, question, &display)
}

/// The stage with what the network decides: its default layer, and what it returns.
fn settled(stage: &Explain, network: &dyn Classifier) -> Explain {
    Explain { output: network.output(), ..stage.clone().settled(&network.last_layer()) }
}

/// The results so far.
struct Results<'a> {
    job: &'a Job<'a>,
    images: &'a Images,
    file: MapsFile,
    /// The range of each map, with its row.
    ranges: Vec<(i64, MapRange)>,
    completeness: Completeness,
    located: Option<Located>,
    /// Positives whose mask is empty.
    empty_masks: usize,
    shown: Vec<Shown>,
    to_show: usize,
}

/// A patch of the panel.
struct Shown {
    rgb: Vec<u8>,
    map: Vec<f32>,
    mask: Option<Vec<u8>>,
    positive: bool,
    logit: f32,
    row: i64,
}

impl Shown {
    fn item(&self) -> Item<'_> {
        let probability = sigmoid(self.logit);
        Item {
            rgb: &self.rgb,
            map: &self.map,
            mask: self.mask.as_deref(),
            positive: self.positive,
            probability,
            row: self.row,
        }
    }
}

impl Results<'_> {
    fn add(&mut self, batch: &Batch, maps: &Maps) -> Result<()> {
        self.file.append(maps)?;
        let pixels = self.images.set.side().pixels();
        for (index, (&position, map)) in batch.positions.iter().zip(maps.map.chunks_exact(pixels)).enumerate()
        {
            let set = &self.images.set;
            let (row, positive) = (set.rows()[position], set.labels()[position] == 1);
            self.ranges.push((row, MapRange::of(map)));
            self.completeness.deltas.extend(maps.deltas.get(index).map(|delta| (row, *delta)));
            if let Some(located) = self.located.as_mut().filter(|_| positive) {
                match self.images.region(position)? {
                    Some(region) => located.add(map, &region)?,
                    None => self.empty_masks += 1,
                }
            }
            if self.shown.len() < self.to_show {
                let (rgb, logit) = (batch.bytes(index)?, maps.logits[index]);
                let mask = self.images.mask(position)?;
                self.shown.push(Shown { rgb, map: map.to_vec(), mask, positive, logit, row });
            }
            let (done, total) = (self.ranges.len(), self.images.positions.len());
            self.job.reporter.progress(done as u64, total as u64, "images", "explaining");
        }
        Ok(())
    }

    fn finish(self, stage: &Explain, question: Question, display: &Display) -> Result<Outcome> {
        let reporter = self.job.reporter;
        self.images.warn_of_blank(self.job);
        let odd = OddMaps::of(self.ranges.iter().copied());
        odd_maps::warn(reporter, "", &odd, self.ranges.len(), ODD);
        let largest_delta = self.completeness.report(reporter);
        if self.empty_masks > 0 {
            let (count, name) = (self.empty_masks, &self.images.name);
            reporter.warn(&format!("{count} positives of {name} have an empty mask: they are not located"));
        }
        let mut numbers = self.located.as_ref().map(|located| located.report(reporter)).unwrap_or_default();
        numbers.extend(defined([("largest-relative-delta", largest_delta)]));
        let picture = self.panel(stage, question, display)?;
        self.job.write_picture("panel", &picture)?;
        self.file.finish(&odd, self.completeness.failures().len())?;
        Ok(Outcome { numbers, ..Outcome::default() })
    }
}

impl Results<'_> {
    /// Draws the panel of the first explained patches.
    fn panel(&self, stage: &Explain, question: Question, display: &Display) -> Result<Picture> {
        let sheet = Sheet {
            title: &display.title,
            subtitle: &question.words(&stage.classes),
            classes: &stage.classes,
            sign: display.sign,
            full: display.full,
            shared: stage.panel_scale == PanelScale::Shared,
            of: self.ranges.len(),
            centre_box: self.images.centre_box,
        };
        let items: Vec<Item<'_>> = self.shown.iter().map(Shown::item).collect();
        report::panel(&items, &sheet, THRESHOLD)
    }
}

/// What odd maps mean here: zero, constant, not finite.
const ODD: [&str; 3] = [
    "the method finds no evidence for the score there",
    "every pixel has the same value",
    "some pixels are NaN or infinite",
];

#[cfg(test)]
mod tests;
