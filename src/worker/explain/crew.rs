//! Explains a batch on all the cores that a stage may use.
//!
//! On a CPU every core takes its share of the images from the first layer to the last, with libtorch's
//! own threads held down to one each: that leaves no core waiting at the end of every layer, and gave
//! about twice the images a second of libtorch's two threads on one batch. On a GPU
//! the batch goes there whole.

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use tch::{Device, Tensor};

use super::{Asked, Explainer, Maps, Question};
use crate::{model::Network, predict::default_batch};

/// Images at once on one thread of a CPU.
const A_THREAD: usize = 8;

/// Who computes.
pub(crate) struct Crew {
    team: Option<Team>,
}

/// Threads of which each computes alone.
struct Team {
    pool: rayon::ThreadPool,
    threads_before: i32,
}

impl Crew {
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn new(device: Device, threads: usize) -> Result<Self> {
        let alone = device != Device::Cpu || threads < 2;
        Ok(Self { team: if alone { None } else { Some(Team::new(threads)?) } })
    }

    /// How many may be computed with at once by each, where `most` may be in all.
    pub(crate) fn each(&self, most: usize) -> usize {
        (most / self.members()).max(1)
    }

    /// How many images to hand over at once to an explainer that computes with so many copies of each,
    /// where `most` copies may exist at a time: everybody has something to do, and progress is told often.
    pub(crate) fn images_at_once(&self, most: usize, copies: usize) -> usize {
        (most / copies.max(1)).max(most.min(self.members())).max(1)
    }

    fn members(&self) -> usize {
        self.team.as_ref().map_or(1, |team| team.pool.current_num_threads())
    }

    /// Images at once where the user does not say: on a GPU what keeps it busy, on a CPU as many a thread
    /// as its caches hold (full width, two threads: 8 each gave 1.5 times the images a second of 16 each).
    pub(crate) fn usual_batch(&self, device: Device) -> usize {
        match device {
            Device::Cuda(_) => default_batch(device),
            Device::Cpu | Device::Mps | Device::Vulkan => A_THREAD * self.members(),
        }
    }

    /// Explains a batch of images [N, 3, 96, 96]; `at_once` holds for each member.
    ///
    /// # Errors
    /// As the explainer.
    pub(crate) fn explain(
        &self,
        explainer: &dyn Explainer,
        network: &Network,
        asked: &Asked<'_>,
    ) -> Result<Maps> {
        match &self.team {
            None => explainer.explain(network, asked),
            Some(team) => team.explain(explainer, network, asked),
        }
    }
}

impl Team {
    fn new(threads: usize) -> Result<Self> {
        let threads_before = tch::get_num_threads();
        // What threads of ours find when they first compute.
        tch::set_num_threads(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.with_context(|| format!("cannot start {threads} threads"))?;
        Ok(Self { pool, threads_before })
    }

    fn explain(&self, explainer: &dyn Explainer, network: &Network, asked: &Asked<'_>) -> Result<Maps> {
        let share = asked.labels.len().div_ceil(self.pool.current_num_threads()).max(1);
        let facts = asked.labels.chunks(share).zip(asked.rows.chunks(share));
        let shares: Vec<Share<'_>> = facts
            .zip(asked.images.split(share as i64, 0))
            .map(|((labels, rows), images)| Share { labels, rows, images })
            .collect();
        let (network, question, at_once) = (Frozen(network), asked.question, asked.at_once);
        let parts: Result<Vec<Maps>> = self.pool.install(|| {
            let shares = shares.into_par_iter();
            shares.map(|share| share.explain(explainer, &network, question, at_once)).collect()
        });
        Ok(parts?.into_iter().fold(Maps::default(), |mut all, part| {
            all.append(part);
            all
        }))
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        tch::set_num_threads(self.threads_before);
    }
}

/// The images of one thread.
struct Share<'a> {
    labels: &'a [u8],
    rows: &'a [i64],
    images: Tensor,
}

impl Share<'_> {
    fn explain(
        self,
        explainer: &dyn Explainer,
        network: &Frozen<'_>,
        question: Question,
        at_once: usize,
    ) -> Result<Maps> {
        let (images, labels, rows) = (&self.images, self.labels, self.rows);
        explainer.explain(network.get(), &Asked { images, labels, rows, question, at_once })
    }
}

/// A network that several threads compute with.
struct Frozen<'a>(&'a Network);

// SAFETY: explainers only compute with a network: its tensors are read, and libtorch lets any number
// of threads read one tensor. Nothing replaces or writes them while a `Frozen` lives: that would take
// the network's owner, who has lent it out until every thread is done.
unsafe impl Sync for Frozen<'_> {}

impl<'a> Frozen<'a> {
    fn get(&self) -> &'a Network {
        self.0
    }
}
