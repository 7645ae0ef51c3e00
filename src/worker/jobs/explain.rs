//! Stage kind `explain`: one map per patch, and a panel to look at.
//!
//! Maps are written as they come: what is held in memory is one batch, and the panel's patches.

use anyhow::Result;
use pcamflow::{
    metrics::sigmoid,
    protocol::Outcome,
    report::{self, Item, Sheet},
    stages::explain::Explain,
};

use super::{
    completeness::Completeness,
    images::Images,
    localisation::{Located, Truth},
    maps_file::MapsFile,
    odd_maps::OddMaps,
};
use crate::{
    baseline::Fill,
    batch_size::batch_size,
    batches::{self, Batch},
    explain::{Asked, Crew, Explainer, Maps, Question, SIDE, Setup, explainer},
    job::Job,
    model::Network,
};

/// Predicted as tumour is what has a probability above it.
const THRESHOLD: f64 = 0.5;
const PIXELS: usize = SIDE * SIDE;

/// Computes the stage.
///
/// # Errors
/// What is wrong with the model or the patches; settings of the method that do not fit the model.
pub(super) fn run(job: &Job<'_>, stage: &Explain) -> Result<Outcome> {
    let network = job.model()?;
    let stage = &stage.clone().settled(network.architecture());
    let images = Images::open(job, stage.take, stage.seed)?;
    images.note(job);
    // May read all training patches: last of what can go wrong before the first map.
    let fill = stage.method.baseline().map(|(baseline, _)| Fill::new(job, &baseline)).transpose()?;
    let explainer = explainer(&stage.method, &network, Setup { seed: stage.seed, fill })?;
    let (rows, labels) = (images.chosen_rows(), images.chosen_labels());
    let file = MapsFile::create(&job.artifact("maps.h5"), stage, explainer.arrays(), &rows, &labels)?;
    let truth = if images.has_masks() { Truth::Mask } else { Truth::CentreBox };
    let mut made = Made {
        job,
        images: &images,
        file,
        odd: OddMaps::default(),
        completeness: Completeness::new(stage.method.tolerance()),
        located: Located::new(truth),
        shown: Vec::new(),
        to_show: usize::try_from(stage.panel)?,
        done: 0,
    };
    compute(job, stage, &network, &*explainer, &mut made)?;
    made.finish(stage, &*explainer)
}

fn compute(
    job: &Job<'_>,
    stage: &Explain,
    network: &Network,
    explainer: &dyn Explainer,
    made: &mut Made<'_>,
) -> Result<()> {
    let crew = Crew::new(network.device(), job.task.resources.threads)?;
    let question = Question { target: stage.target, score: stage.score };
    let most = batch_size(network, &job.task.resources, crew.usual_batch(network.device()))?;
    let (at_once, size) = (crew.each(most), crew.images_at_once(most, explainer.passes()));
    let images = made.images;
    batches::for_each(images, &images.positions, size, |batch| {
        let (labels, rows) = (images.labels_at(&batch.positions), images.rows_at(&batch.positions));
        let pixels = batch.images(network.device());
        let asked = Asked { images: &pixels, labels: &labels, rows: &rows, question, at_once };
        let maps = crew.explain(explainer, network, &asked)?;
        made.add(&batch, &labels, &maps)
    })
}

/// What has been made so far.
struct Made<'a> {
    job: &'a Job<'a>,
    images: &'a Images,
    file: MapsFile,
    odd: OddMaps,
    completeness: Completeness,
    located: Located,
    shown: Vec<Shown>,
    to_show: usize,
    done: u64,
}

/// A patch of the panel.
struct Shown {
    rgb: Vec<u8>,
    map: Vec<f32>,
    positive: bool,
    logit: f32,
    row: i64,
}

impl Shown {
    fn item(&self) -> Item<'_> {
        let probability = sigmoid(self.logit);
        Item { rgb: &self.rgb, map: &self.map, positive: self.positive, probability, row: self.row }
    }
}

impl Made<'_> {
    fn add(&mut self, batch: &Batch, labels: &[u8], maps: &Maps) -> Result<()> {
        self.file.append(maps)?;
        for (index, (&position, map)) in batch.positions.iter().zip(maps.map.chunks_exact(PIXELS)).enumerate()
        {
            let (positive, logit) = (labels[index] == 1, maps.logits[index]);
            self.odd.look(self.images.row(position), map);
            if let Some(delta) = maps.deltas.get(index) {
                self.completeness.add(self.images.row(position), delta);
            }
            if positive {
                self.located.add(map, self.images.mask(position)?.as_deref())?;
            }
            if self.shown.len() < self.to_show {
                let (rgb, row) = (batch.bytes(index)?, self.images.row(position));
                self.shown.push(Shown { rgb, map: map.to_vec(), positive, logit, row });
            }
            self.done += 1;
            let total = self.images.positions.len() as u64;
            self.job.reporter.progress(self.done, total, "images", "explaining");
        }
        Ok(())
    }

    fn finish(self, stage: &Explain, explainer: &dyn Explainer) -> Result<Outcome> {
        let reporter = self.job.reporter;
        self.images.warn_of_blank(self.job);
        self.odd.report(self.images.positions.len(), reporter);
        self.completeness.report(reporter);
        if self.located.without_region() > 0 {
            let (count, name) = (self.located.without_region(), self.images.name());
            reporter.warn(&format!("{count} positives of {name} have an empty mask: they are not located"));
        }
        if let Some(words) = self.located.words() {
            reporter.info(&words);
        }
        self.job.write("panel.png", &panel(&self.shown, stage, explainer)?)?;
        self.file.finish(&self.odd, &self.completeness)?;
        let mut numbers = self.located.numbers();
        numbers.extend(self.completeness.numbers());
        Ok(Outcome { numbers, ..Outcome::default() })
    }
}

fn panel(shown: &[Shown], stage: &Explain, explainer: &dyn Explainer) -> Result<Vec<u8>> {
    let display = explainer.display();
    let question = Question { target: stage.target, score: stage.score };
    let sheet = Sheet {
        title: &display.title,
        subtitle: &question.words(&stage.classes),
        classes: &stage.classes,
        sign: display.sign,
        full: display.full,
    };
    let items: Vec<Item<'_>> = shown.iter().map(Shown::item).collect();
    report::panel(&items, &sheet, THRESHOLD)?.png()
}

#[cfg(test)]
mod tests;
