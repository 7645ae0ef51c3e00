//! Explains a batch on all cores that a stage may use.
//!
//! On a CPU every core computes its share of the images through all layers, with one libtorch thread each. No
//! core then waits at the end of every layer; this was about twice as fast as two libtorch threads on one batch.
//! A GPU gets the whole batch.

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use tch::{Device, Tensor};

use super::{Explainer, Maps, Query};
use crate::{model::Classifier, predict::default_batch};

/// Images per CPU thread at once.
const PER_THREAD: usize = 8;

/// The threads of a stage.
pub(crate) struct Crew {
    /// Threads that each compute alone; `None` if libtorch uses the threads, or a GPU.
    pool: Option<rayon::ThreadPool>,
    /// The number of libtorch's own threads before.
    libtorch_threads: i32,
    #[cfg(test)]
    _alone: crate::alone::Alone,
}

impl Crew {
    /// # Errors
    /// The system starts no threads.
    pub(crate) fn new(device: Device, threads: usize) -> Result<Self> {
        #[cfg(test)]
        let alone = crate::alone::alone();
        let mut crew = Self {
            pool: None,
            libtorch_threads: tch::get_num_threads(),
            #[cfg(test)]
            _alone: alone,
        };
        if device == Device::Cpu && threads > 1 {
            // New threads take this over at their first computation.
            tch::set_num_threads(1);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            crew.pool = Some(pool.with_context(|| format!("cannot start {threads} threads"))?);
        }
        Ok(crew)
    }

    /// How many images each member may compute with at once, if all together may compute with `most`.
    pub(crate) fn each(&self, most: usize) -> usize {
        (most / self.members()).max(1)
    }

    /// How many images to pass at once to an explainer that makes `copies` of each, if `most` copies may exist at
    /// a time. Every member has work, and progress is frequent.
    pub(crate) fn images_at_once(&self, most: usize, copies: usize) -> usize {
        (most / copies.max(1)).max(most.min(self.members())).max(1)
    }

    fn members(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// The default number of images at once. On a CPU it fits the caches: with two threads, 8 images each were
    /// 1.5 times as fast as 16 each.
    pub(crate) fn usual_batch(&self, device: Device) -> usize {
        match device {
            Device::Cuda(_) => default_batch(device),
            Device::Cpu | Device::Mps | Device::Vulkan => PER_THREAD * self.members(),
        }
    }

    /// Computes a result for each item, in order. On a CPU one thread computes an item completely, so its result
    /// does not depend on the others.
    ///
    /// # Errors
    /// `compute` fails; remaining items are not computed.
    pub(crate) fn map<T: Sync, R: Send>(
        &self,
        network: &dyn Classifier,
        items: &[T],
        compute: impl Fn(&dyn Classifier, &T) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let Some(pool) = &self.pool else {
            return items.iter().map(|item| compute(network, item)).collect();
        };
        let network = ReadOnly(network);
        // An idle thread can take over any single item.
        let items = items.par_iter().with_max_len(1);
        pool.install(|| items.map(|item| compute(network.get(), item)).collect())
    }

    /// Explains a batch of images [N, 3, S, S]. `query.at_once` applies to each member.
    ///
    /// # Errors
    /// The explainer fails.
    pub(crate) fn explain(
        &self,
        explainer: &dyn Explainer,
        network: &dyn Classifier,
        query: &Query<'_>,
    ) -> Result<Maps> {
        let &Query { images, labels, rows, question, at_once } = query;
        let (images, count) = (ReadOnly(images), labels.len());
        let share = match &self.pool {
            Some(_) if explainer.is_uneven() => 1,
            _ => count.div_ceil(self.members()).max(1),
        };
        let starts: Vec<usize> = (0..count).step_by(share).collect();
        let parts = self.map(network, &starts, |network, &start| {
            let range = start..(start + share).min(count);
            let images = images.get().narrow(0, start as i64, range.len() as i64);
            let (labels, rows) = (&labels[range.clone()], &rows[range]);
            explainer.explain(network, &Query { images: &images, labels, rows, question, at_once })
        })?;
        Ok(parts.into_iter().fold(Maps::default(), |mut all, part| {
            all.append(part);
            all
        }))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        tch::set_num_threads(self.libtorch_threads);
    }
}

/// A network or tensor that several threads read.
struct ReadOnly<'a, T: ?Sized>(&'a T);

// SAFETY: explainers only read networks and images, and any number of threads may read a libtorch tensor. There are
// no writes while a `ReadOnly` exists: it borrows its value until all threads are done.
unsafe impl Sync for ReadOnly<'_, dyn Classifier + '_> {}
// SAFETY: as above.
unsafe impl Sync for ReadOnly<'_, Tensor> {}

impl<'a, T: ?Sized> ReadOnly<'a, T> {
    fn get(&self) -> &'a T {
        self.0
    }
}
