//! What is repeated: the maps of an explanation, and how they were made.
//!
//! Everything is read from the maps' own file, which the stage's key names.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    data::{
        Source,
        maps::{Making, MapSet},
    },
    metrics::{Localisation, Region, centre_map, faithfulness::Truth, sanity::RandomisedImage, sigmoid},
    stages::{
        explain::{Method, Score, Target},
        sanity::Sanity as Stage,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    baseline::Fill,
    explain::{Explainer, Question, Setup, explainer},
    job::Job,
    jobs::images::Images,
    model::Network,
};

/// The first maps of an explanation.
pub(super) struct Original {
    /// How they were made, in the words of a pipeline file.
    pub(super) making: Making,
    /// The same, understood.
    pub(super) method: Method,
    /// What was asked, with the class of every image settled: the untouched model's prediction decided it,
    /// not that of a model which has forgotten.
    pub(super) question: Question,
    /// By which label the question goes, per map.
    pub(super) asked: Vec<u8>,
    /// The patches, in the order of the maps.
    pub(super) patches: Images,
    /// [96, 96] each.
    pub(super) maps: Vec<Vec<f32>>,
    /// Where the maps of positives should point.
    pub(super) regions: Vec<Option<Region>>,
    /// What the regions are.
    pub(super) truth: Truth,
    labels: Vec<u8>,
    centre: Vec<Option<Localisation>>,
}

impl Original {
    /// Opens an explanation and the patches that it explains.
    ///
    /// # Errors
    /// What is wrong with either file; fewer maps than `take`; a method that is not known here.
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
        let making = set.making().clone();
        let understood = || format!("{} does not say how its maps were made", set.source());
        let (method, target, score) = understand(&making).with_context(understood)?;
        let labels = set.labels()[..count].to_vec();
        let asked = match target {
            Target::Tumor | Target::Label => labels.clone(),
            Target::Predicted => {
                set.logits()[..count].iter().map(|&it| u8::from(sigmoid(it) > 0.5)).collect()
            }
        };
        let target = if target == Target::Predicted { Target::Label } else { target };
        let patches = Images::of_rows(job, &set.rows()[..count], &input.name)?;
        let regions = regions(&patches, &labels)?;
        tell_empty(job, &regions, &labels);
        let truth = if patches.has_masks() { Truth::Mask } else { Truth::CentreBox };
        let control = centre_map();
        let centre = regions
            .iter()
            .map(|region| region.as_ref().map(|region| Localisation::of(&control, region)).transpose());
        Ok(Self {
            method,
            question: Question { target, score },
            asked,
            maps: (0..count).map(|at| set.read(at)).collect::<Result<_>>()?,
            centre: centre.collect::<Result<_, _>>()?,
            making,
            patches,
            regions,
            truth,
            labels,
        })
    }

    /// The method, ready to be used on the network; noise is drawn as it was for the explanation.
    ///
    /// # Errors
    /// Settings that do not fit the network; what is wrong with the patches that a baseline is the mean of.
    pub(super) fn explainer(
        &self,
        job: &Job<'_>,
        stage: &Stage,
        network: &Network,
    ) -> Result<Box<dyn Explainer>> {
        let baseline = self.method.baseline();
        let fill = baseline.map(|(baseline, _)| Fill::new(job, &baseline)).transpose()?;
        explainer(&self.method, network, Setup { seed: stage.seed, fill })
    }

    /// Whether the label of a map's patch is 1.
    pub(super) fn is_positive(&self, map: usize) -> bool {
        self.labels[map] == 1
    }

    /// What is explained, in words.
    pub(super) fn question_words(&self, classes: &[String; 2]) -> String {
        let target = if self.making.target == Target::Predicted.word() {
            Target::Predicted
        } else {
            self.question.target
        };
        Question { target, ..self.question }.words(classes)
    }

    /// The images, as the mathematics knows them.
    pub(super) fn images(&self) -> Vec<RandomisedImage> {
        let image = |(map, &position): (usize, &usize)| RandomisedImage {
            row: self.patches.row(position),
            positive: self.is_positive(map),
            slide: self.patches.slide(position).map(str::to_owned),
            centre: self.centre[map],
        };
        self.patches.positions.iter().enumerate().map(image).collect()
    }
}

/// How maps were made, from the words of a pipeline file.
fn understand(making: &Making) -> Result<(Method, Target, Score)> {
    let method = [(making.method.clone(), Value::Object(making.parameters.clone()))];
    let method = read(Value::Object(method.into_iter().collect()), "method")?;
    let word = |word: &str| Value::String(word.to_owned());
    Ok((method, read(word(&making.target), "target")?, read(word(&making.score), "score")?))
}

fn read<T: DeserializeOwned>(value: Value, what: &str) -> Result<T> {
    let text = value.to_string();
    serde_json::from_value(value).with_context(|| format!("{text} is no {what} that this version knows"))
}

/// Where the maps of positives should point: a true mask that is not empty, else the centre box.
fn regions(patches: &Images, labels: &[u8]) -> Result<Vec<Option<Region>>> {
    let region = |(&position, &label): (&usize, &u8)| match (label, patches.mask(position)?) {
        (1, None) => Ok(Some(Region::centre())),
        (1, Some(mask)) if mask.iter().any(|&value| value != 0) => Ok(Some(Region::from_mask(&mask)?)),
        _ => Ok(None),
    };
    patches.positions.iter().zip(labels).map(region).collect()
}

fn tell_empty(job: &Job<'_>, regions: &[Option<Region>], labels: &[u8]) {
    let empty = regions.iter().zip(labels).filter(|(region, label)| **label == 1 && region.is_none()).count();
    if empty > 0 {
        job.reporter.warn(&format!("{empty} positives have an empty mask: they are not located"));
    }
}
