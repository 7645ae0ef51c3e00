//! Explains the patches of a stage batch by batch, on all cores that the stage may use.

use anyhow::Result;
use pcamflow::{side::Side, stages::explain::Method};

use super::images::Images;
use crate::{
    baseline::Fill,
    batch_size::batch_size,
    batches::{self, Batch},
    explain::{Crew, Explainer, Maps, Query, Question, explainer},
    job::Job,
    model::Classifier,
};

/// The explainer of a method, with the baseline that it needs.
///
/// # Errors
/// The settings do not fit the network, or the patches of a mean baseline are invalid.
pub(super) fn prepare(
    job: &Job<'_>,
    method: &Method,
    network: &dyn Classifier,
    seed: u64,
    side: Side,
) -> Result<Box<dyn Explainer>> {
    let fill = method.settings().baseline().map(|(baseline, _)| Fill::new(job, &baseline)).transpose()?;
    explainer(method, network, seed, fill, side)
}

/// An explainer and the patches that it explains.
pub(super) struct Explaining<'a> {
    images: &'a Images,
    explainer: &'a dyn Explainer,
    crew: Crew,
    rows: Vec<i64>,
    /// Images per batch.
    size: usize,
    /// How many images each thread may compute with at once.
    at_once: usize,
}

impl<'a> Explaining<'a> {
    /// # Errors
    /// The system starts no threads.
    pub(super) fn new(
        job: &Job<'_>,
        network: &dyn Classifier,
        explainer: &'a dyn Explainer,
        images: &'a Images,
    ) -> Result<Self> {
        let crew = Crew::new(network.device(), job.task.resources.threads)?;
        let most =
            batch_size(network, images.set.side(), &job.task.resources, crew.usual_batch(network.device()))?;
        let (at_once, size) = (crew.each(most), crew.images_at_once(most, explainer.passes()));
        Ok(Self { images, explainer, crew, rows: images.rows(), size, at_once })
    }

    /// Explains all chosen patches in order, and hands each batch and its maps to `consume`.
    ///
    /// # Errors
    /// The patches cannot be read, the explainer fails, or `consume` does.
    pub(super) fn run(
        &self,
        network: &dyn Classifier,
        question: Question,
        labels: &[u8],
        mut consume: impl FnMut(&Batch, Maps) -> Result<()>,
    ) -> Result<()> {
        let mut before = 0;
        batches::for_each(&self.images.set, &self.images.positions, self.size, |batch| {
            let range = before..before + batch.len();
            let images = batch.images(network.device());
            let (labels, rows) = (&labels[range.clone()], &self.rows[range]);
            let query = Query { images: &images, labels, rows, question, at_once: self.at_once };
            let maps = self.crew.explain(self.explainer, network, &query)?;
            consume(&batch, maps)?;
            before += batch.len();
            Ok(())
        })
    }
}
