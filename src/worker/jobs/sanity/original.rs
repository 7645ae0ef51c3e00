//! The explanation that is repeated: its maps, and how they were made.
//!
//! Everything is read from the file of the maps, which is part of the stage's key.

use anyhow::{Result, ensure};
use pcamflow::{
    data::{
        Source,
        maps::{Making, MapSet},
    },
    metrics::{
        Localisation, Region, centre_map,
        sanity::{RandomisedImage, Remade},
        sigmoid,
    },
    stages::{
        Normalise, Precision,
        explain::{Method, Target},
        sanity::Sanity as Stage,
    },
};
use rayon::prelude::*;

use crate::{
    explain::Question,
    job::Job,
    jobs::{images::Images, making},
};

/// The first maps of an explanation.
pub(super) struct Original {
    /// How the maps were made, as texts.
    pub(super) making: Making,
    pub(super) method: Method,
    pub(super) precision: Precision,
    /// How images are normalised, unless the model tells it.
    pub(super) normalise: Option<Normalise>,
    /// The question that the maps answer.
    pub(super) explained: Question,
    /// The same question for any model: `predicted` is the prediction of the untouched model, as a label.
    pub(super) question: Question,
    /// The label per map for `question`.
    pub(super) labels: Vec<u8>,
    /// The patches, in the order of the maps.
    pub(super) patches: Images,
    /// [S, S] each.
    maps: Vec<Vec<f32>>,
    /// Where the maps of positives should point; `None` if the mask is empty, or nothing tells.
    regions: Vec<Option<Region>>,
}

impl Original {
    /// Opens an explanation and its patches.
    ///
    /// # Errors
    /// A file is invalid, there are fewer maps than `take`, or this version does not have the method.
    pub(super) fn open(job: &Job<'_>, stage: &Stage) -> Result<Self> {
        let input = job.input("explanation")?;
        let set = MapSet::open(&Source::new(&input.path, &input.name))?;
        let count = stage.patches(set.len());
        ensure!(
            count <= set.len(),
            "`take` is {count}, but {} explains only {most} patches: take at most {most}, or leave `take` out",
            input.name,
            most = set.len()
        );
        let (method, explained) = (making::method(&set)?, making::question(&set)?);
        let precision = making::precision(&set)?;
        let normalise = making::normalise(&set, stage.normalise.as_ref())?;
        ensure!(
            making::output(&set)?.is_none(),
            "{} explains a TorchScript network: its layers are not known, so they cannot be randomised",
            input.name
        );
        let (question, labels) = match explained.target {
            Target::Tumor | Target::Label => (explained, set.labels()[..count].to_vec()),
            Target::Predicted => {
                let predicted = set.logits()[..count].iter().map(|&logit| u8::from(sigmoid(logit) > 0.5));
                (Question { target: Target::Label, ..explained }, predicted.collect())
            }
        };
        let patches = Images::of_maps(job, &set, count)?.with_box(stage.centre_box)?;
        let regions = regions(job, &patches)?;
        let maps = (0..count).map(|at| set.read(at)).collect::<Result<_>>()?;
        Ok(Self {
            making: set.making().clone(),
            method,
            precision,
            normalise,
            explained,
            question,
            labels,
            patches,
            maps,
            regions,
        })
    }

    /// The images, for the statistics.
    ///
    /// # Errors
    /// A region has another size than the maps.
    pub(super) fn images(&self, job: &Job<'_>) -> Result<Vec<RandomisedImage>> {
        let (slides, control) = (self.patches.slides(job)?, centre_map(self.patches.set.side()));
        let rows = self.patches.rows().into_iter().zip(self.patches.labels()).enumerate();
        let image = |(map, (row, label)): (usize, (i64, u8))| {
            let region = self.regions[map].as_ref();
            let centre = region.map(|region| Localisation::of(&control, region)).transpose()?;
            let slide = slides.as_ref().map(|slides| slides[map].clone());
            Ok(RandomisedImage { row, positive: label == 1, slide, centre })
        };
        rows.map(image).collect()
    }

    /// Compares each new map with the original. Runs on the current rayon pool.
    ///
    /// # Errors
    /// Maps differ in size.
    pub(super) fn compare(&self, maps: &[Vec<f32>]) -> Result<Vec<Remade>> {
        let each = self.maps.par_iter().zip(maps).zip(&self.regions);
        each.map(|((original, map), region)| Remade::of(original, map, region.as_ref())).collect()
    }
}

/// The region of each positive.
fn regions(job: &Job<'_>, patches: &Images) -> Result<Vec<Option<Region>>> {
    let labels = patches.labels();
    let region = |(&position, &label): (&usize, &u8)| match label {
        1 => patches.region(position),
        _ => Ok(None),
    };
    let regions = patches.positions.iter().zip(&labels).map(region).collect::<Result<Vec<_>>>()?;
    let empty =
        regions.iter().zip(&labels).filter(|(region, label)| **label == 1 && region.is_none()).count();
    if empty > 0 && patches.set.has_masks() {
        job.reporter.warn(&format!("{empty} positives have an empty mask: they are not located"));
    }
    Ok(regions)
}
