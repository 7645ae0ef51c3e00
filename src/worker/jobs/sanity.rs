//! Stage kind `sanity`: the maps of a model that is forgotten layer by layer, beside the original ones.
//!
//! At every depth the same explainer asks the same question about the same patches; only the weights
//! differ. They are drawn on the CPU, so that they are the same on every device.

mod original;
mod sheet;

use anyhow::{Result, ensure};
use pcamflow::{
    metrics::{
        Bootstrap,
        sanity::{Depth, Randomisation, Remade, Sanity, per_image, sanity},
    },
    protocol::{Number, Outcome},
    report,
    stages::sanity::Sanity as Stage,
};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use self::{original::Original, sheet::Shown};
use crate::{
    batch_size::batch_size,
    batches,
    explain::{Asked, Crew, Explainer, SIDE},
    job::Job,
    model::Network,
};

const PIXELS: usize = SIDE * SIDE;

/// Below this mean correlation the maps of the untouched model are not those of the explanation.
const SAME: f64 = 0.99;

/// Computes the stage.
///
/// # Errors
/// What is wrong with the explanation, the model or the patches; fewer explained patches than `take`.
pub(super) fn run(job: &Job<'_>, stage: &Stage) -> Result<Outcome> {
    let original = Original::open(job, stage)?;
    let mut network = job.model()?;
    let layers: Vec<String> = network.layers_with_tensors().into_iter().map(|layer| layer.name).collect();
    let explainer = original.explainer(job, stage, &network)?;
    let mut asking = Asking::new(job, &original, &network, &*explainer, layers.len() + 1)?;
    let mut shown = Shown::new(&original, stage.panel, &layers)?;
    let mut depths = Vec::new();
    for layer in [None].into_iter().chain(layers.iter().map(Some)) {
        if let Some(layer) = layer {
            network.reinitialise(&[layer], stage.seed)?;
        }
        let maps = asking.ask(&network, &*explainer, layer)?;
        let compared = asking.compare(&maps)?;
        shown.keep(depths.len(), &maps, &compared);
        depths.push(Depth { layer: layer.cloned(), maps: compared });
    }
    let randomisation = Randomisation {
        images: original.images(),
        depths,
        truth: original.truth,
        bootstrap: Bootstrap { resamples: stage.resamples, seed: stage.seed, ..Bootstrap::default() },
    };
    let sanity = asking.pool.install(|| sanity(&randomisation));
    tell(job, &sanity);
    let display = explainer.display();
    write(job, &original, &display.title, &randomisation, &sanity)?;
    job.write("panel.png", &shown.picture(&original, stage, &display)?.png()?)?;
    Ok(Outcome { numbers: numbers(&sanity), ..Outcome::default() })
}

/// Asks about the same patches again and again.
struct Asking<'a> {
    job: &'a Job<'a>,
    original: &'a Original,
    crew: Crew,
    pool: rayon::ThreadPool,
    /// Images handed over at once, and how many each member of the crew may compute with at once.
    batch: usize,
    at_once: usize,
    done: u64,
    total: u64,
}

impl<'a> Asking<'a> {
    fn new(
        job: &'a Job<'a>,
        original: &'a Original,
        network: &Network,
        explainer: &dyn Explainer,
        depths: usize,
    ) -> Result<Self> {
        let threads = job.task.resources.threads.max(1);
        let crew = Crew::new(network.device(), threads)?;
        let most = batch_size(network, &job.task.resources, crew.usual_batch(network.device()))?;
        let (at_once, batch) = (crew.each(most), crew.images_at_once(most, explainer.passes()));
        let pool = job.threads()?;
        let total = (depths * original.maps.len()) as u64;
        Ok(Self { job, original, crew, pool, batch, at_once, done: 0, total })
    }

    /// The map of every patch, in order.
    fn ask(
        &mut self,
        network: &Network,
        explainer: &dyn Explainer,
        layer: Option<&String>,
    ) -> Result<Vec<Vec<f32>>> {
        let original = self.original;
        let patches = &original.patches;
        let at = layer.map_or_else(|| "the untouched model".to_owned(), |layer| format!("down to {layer}"));
        let mut maps: Vec<Vec<f32>> = Vec::new();
        batches::for_each(patches, &patches.positions, self.batch, |batch| {
            let labels = &original.asked[maps.len()..][..batch.len()];
            let rows = patches.rows_at(&batch.positions);
            let images = batch.images(network.device());
            let (question, at_once) = (original.question, self.at_once);
            let asked = Asked { images: &images, labels, rows: &rows, question, at_once };
            let made = self.crew.explain(explainer, network, &asked)?;
            maps.extend(made.map.chunks_exact(PIXELS).map(<[f32]>::to_vec));
            self.done += batch.len() as u64;
            self.job.reporter.progress(self.done, self.total, "images", &at);
            Ok(())
        })?;
        ensure!(
            maps.len() == original.maps.len(),
            "the explainer gave {} maps of {}",
            maps.len(),
            self.total
        );
        Ok(maps)
    }

    fn compare(&self, maps: &[Vec<f32>]) -> Result<Vec<Remade>> {
        let Original { maps: originals, regions, .. } = self.original;
        self.pool.install(|| {
            let each = originals.par_iter().zip(maps).zip(regions);
            each.map(|((original, map), region)| Remade::of(original, map, region.as_ref())).collect()
        })
    }
}

/// What the user should hear, and what stands in the log.
fn tell(job: &Job<'_>, sanity: &Sanity) {
    for depth in &sanity.depths {
        let odd = &depth.odd_maps;
        let at = depth.layer.as_ref().map_or_else(String::new, |layer| format!(", down to {layer}"));
        job.reporter.info(&format!(
            "depth {}{at}: correlation {}, {} without; {} maps 0 everywhere, {} constant, {} not finite",
            depth.depth,
            depth.spearman.mean.map_or_else(|| "undefined".to_owned(), |mean| format!("{mean:.3}")),
            depth.without_correlation,
            odd.zero.len(),
            odd.constant.len(),
            odd.not_finite.len()
        ));
    }
    let first = sanity.depths.first().and_then(|depth| depth.spearman.mean);
    if let Some(mean) = first.filter(|&mean| mean < SAME) {
        job.reporter.warn(&format!(
            "the untouched model gives other maps than the explanation has: their correlation is {mean:.3}, not 1"
        ));
    }
    if sanity.depths.first().is_some_and(|depth| depth.spearman.mean.is_none()) {
        job.reporter.warn("every map of the explanation is constant: nothing can be compared with it");
    }
}

/// `sanity.json`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    method: &'a str,
    parameters: &'a Map<String, Value>,
    target: &'a str,
    score: &'a str,
    #[serde(flatten)]
    sanity: &'a Sanity,
}

fn write(
    job: &Job<'_>,
    original: &Original,
    method: &str,
    all: &Randomisation,
    sanity: &Sanity,
) -> Result<()> {
    let making = &original.making;
    let file = File {
        method: &making.method,
        parameters: &making.parameters,
        target: &making.target,
        score: &making.score,
        sanity,
    };
    job.write_json("sanity.json", &file)?;
    job.write_table("per-image.csv", &per_image(all))?;
    job.write_picture("sanity", &report::sanity_curves(method, sanity))
}

/// What is left of the maps when nothing learnt is left, and after one layer; then how they find the
/// region before and after. What is undefined is left out.
fn numbers(sanity: &Sanity) -> Vec<Number> {
    let (first, last) = (sanity.depths.first(), sanity.depths.last());
    let rank = |depth: Option<&pcamflow::metrics::sanity::SanityDepth>| {
        depth.and_then(|depth| depth.localisation.as_ref()?.rank.score.mean)
    };
    let chance = first.and_then(|depth| Some(depth.localisation.as_ref()?.chance));
    let all = [
        ("spearman-all", last.and_then(|depth| depth.spearman.mean)),
        ("spearman-first", sanity.depths.get(1).and_then(|depth| depth.spearman.mean)),
        ("rank", rank(first)),
        ("rank-all", rank(last)),
        ("chance", chance),
    ];
    let number = |(name, value): (&str, Option<f64>)| Some(Number { name: name.to_owned(), value: value? });
    all.into_iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests;
