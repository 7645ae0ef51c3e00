//! Stage kind `sanity`: randomises a model layer by layer and compares its maps with the original ones.
//!
//! At every depth the same explainer answers the same question about the same patches. New weights are drawn
//! on the CPU, so they are the same on every device.

mod original;
mod panel;

use anyhow::Result;
use pcamflow::{
    data::maps::Making,
    metrics::{
        Bootstrap,
        faithfulness::LocalisationScores,
        sanity::{Depth, Randomisation, Sanity, SanityDepth, per_image, sanity},
    },
    protocol::{Number, Outcome},
    report,
    stages::sanity::Sanity as Stage,
};
use serde::Serialize;

use self::{original::Original, panel::Panel};
use super::explaining::{Explaining, prepare};
use crate::{job::Job, model::Network, numbers::defined};

/// If the mean correlation of the untouched model is below this, its maps are not the original ones.
const SAME: f64 = 0.99;

/// Computes the stage.
///
/// # Errors
/// The explanation, the model or the patches are invalid, or fewer patches are explained than `take`.
pub(super) fn run(job: &Job<'_>, stage: &Stage) -> Result<Outcome> {
    let original = Original::open(job, stage)?;
    let mut network =
        job.model(original.precision, original.normalise.as_ref(), original.patches.set.side())?;
    let layers = network.layers_with_tensors();
    let explainer = prepare(job, &original.method, &network, stage.seed, original.patches.set.side())?;
    let explaining = Explaining::new(job, &network, &*explainer, &original.patches)?;
    let pool = job.threads()?;
    let images = original.images(job)?;
    let mut panel = Panel::new(&original.patches, &images, stage.panel, &layers)?;
    let total = (layers.len() + 1) * images.len();
    let mut depths = Vec::new();
    for layer in [None].into_iter().chain(layers.iter().map(Some)) {
        if let Some(layer) = layer {
            network.reinitialise(layer, stage.seed)?;
        }
        let at = layer.map_or_else(|| "the untouched model".to_owned(), |layer| format!("down to {layer}"));
        let before = depths.len() * images.len();
        let maps = explain(&explaining, &network, &original, |done| {
            job.reporter.progress((before + done) as u64, total as u64, "images", &at);
        })?;
        let compared = pool.install(|| original.compare(&maps))?;
        panel.keep(depths.len(), &maps, &compared);
        depths.push(Depth { layer: layer.cloned(), maps: compared });
    }
    let bootstrap = Bootstrap { resamples: stage.resamples, seed: stage.seed, ..Bootstrap::default() };
    let randomisation = Randomisation { images, depths, truth: original.patches.truth(), bootstrap };
    let sanity = pool.install(|| sanity(&randomisation));
    log(job, &sanity);
    let mut display = explainer.display();
    display.title = format!("{} of {}", display.title, network.architecture().word());
    write(job, &original, &display.title, &randomisation, &sanity)?;
    let words = original.explained.words(&stage.classes);
    let picture = panel.picture(&randomisation.images, &stage.classes, &words, &display)?;
    job.write_picture("panel", &picture)?;
    Ok(Outcome { numbers: numbers(&sanity), ..Outcome::default() })
}

/// The map of every patch, in order. `progress` gets the number of maps so far.
fn explain(
    explaining: &Explaining<'_>,
    network: &Network,
    original: &Original,
    progress: impl Fn(usize),
) -> Result<Vec<Vec<f32>>> {
    let (mut maps, pixels) = (Vec::new(), original.patches.set.side().pixels());
    explaining.run(network, original.question, &original.labels, |_, made| {
        maps.extend(made.map.chunks_exact(pixels).map(<[f32]>::to_vec));
        progress(maps.len());
        Ok(())
    })?;
    Ok(maps)
}

/// Logs every depth, and warns if the maps of the untouched model are not the original ones.
fn log(job: &Job<'_>, sanity: &Sanity) {
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
    match sanity.depths.first().map(|depth| depth.spearman.mean) {
        Some(Some(mean)) if mean < SAME => job.reporter.warn(&format!(
            "the maps of the untouched model differ from the explanation: their correlation is {mean:.3}, not 1"
        )),
        Some(None) => {
            job.reporter.warn("every map of the explanation is constant: nothing can be compared with it");
        }
        _ => {}
    }
}

/// `sanity.json`.
#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    making: &'a Making,
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
    job.write_json("sanity.json", &File { making: &original.making, sanity })?;
    job.write_table("per-image.csv", &per_image(all))?;
    job.write_picture("sanity", &report::sanity_curves(method, sanity))
}

/// The correlation after all layers and after the first one, and the localisation before and after.
fn numbers(sanity: &Sanity) -> Vec<Number> {
    let (first, last) = (sanity.depths.first(), sanity.depths.last());
    defined([
        ("spearman-all", last.and_then(|depth| depth.spearman.mean)),
        ("spearman-first", sanity.depths.get(1).and_then(|depth| depth.spearman.mean)),
        ("rank", located(first).and_then(|it| it.rank.score.mean)),
        ("rank-all", located(last).and_then(|it| it.rank.score.mean)),
        ("chance", located(first).map(|it| it.chance)),
    ])
}

fn located(depth: Option<&SanityDepth>) -> Option<&LocalisationScores> {
    depth?.localisation.as_ref()
}

#[cfg(test)]
mod tests;
