//! Measures every method on every image: its curves, and where its maps point.
//!
//! Orders and localisation need only the maps and are computed on all cores. Then the network is asked, map
//! by map. Only some hundred images are in memory at a time.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    data::maps::MapSet,
    metrics::{
        Localisation, MapRange, Region, centre_map,
        faithfulness::{Curves, Explained, Image, Method as MethodResults},
        random_map, sigmoid,
    },
    side::Side,
    stages::metrics::Metrics,
};
use rayon::prelude::*;

use super::{Explanations, Subject};
use crate::{
    explain::Crew,
    faithfulness::{Course, Ends, Walked, Walker},
    job::Job,
    model::Classifier,
};

/// Images in memory at a time.
const AT_ONCE: usize = 256;

/// What is measured, and with what.
pub(super) struct Measuring<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) stage: &'a Metrics,
    pub(super) explanations: &'a Explanations,
    pub(super) subject: &'a Subject,
    pub(super) course: &'a Course,
    /// The box that labels describe.
    pub(super) centre_box: Option<Region>,
}

/// The results.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) images: Vec<Image>,
    pub(super) methods: Vec<MethodResults>,
    /// Per image the scores of the deletion's baseline and of the insertion's.
    pub(super) baselines: [Vec<f64>; 2],
    /// How many positives have an empty mask.
    pub(super) empty_masks: usize,
}

/// A method, by the source of its maps.
enum Method<'a> {
    Maps(&'a str, &'a MapSet),
    Random(Side, u64),
    Centre(Vec<f32>),
}

/// An image in memory.
struct Opened {
    index: usize,
    row: i64,
    positive: bool,
    pixels: Vec<u8>,
    /// The true mask of a positive.
    mask: Option<Region>,
}

/// A map before the network is asked.
struct Prepared {
    /// Index among the opened images.
    image: usize,
    method: usize,
    /// When each pixel goes; `None` of a map that is not finite.
    steps: Option<Vec<i32>>,
    /// The result, still without curves.
    explained: Explained,
}

impl Method<'_> {
    fn label(&self) -> &str {
        match self {
            Self::Maps(label, _) => label,
            Self::Random(..) => "random",
            Self::Centre(_) => "centre",
        }
    }

    fn map(&self, image: &Opened) -> Result<Vec<f32>> {
        match self {
            Self::Maps(_, maps) => maps.read(image.index),
            Self::Random(side, seed) => Ok(random_map(*side, *seed, image.row)),
            Self::Centre(map) => Ok(map.clone()),
        }
    }

    fn results(&self) -> MethodResults {
        let (label, control) = (self.label().to_owned(), !matches!(self, Self::Maps(..)));
        MethodResults { label, control, explained: Vec::new() }
    }
}

impl Measuring<'_> {
    /// Measures every method on every image.
    ///
    /// # Errors
    /// The maps are of another model, a file is damaged, or a logit is not finite.
    pub(super) fn measure(
        &self,
        network: &dyn Classifier,
        walker: &Walker,
        threads: usize,
    ) -> Result<Measured> {
        let pool = self.job.threads()?;
        let crew = Crew::new(network.device(), threads)?;
        let methods = self.methods();
        let results = methods.iter().map(Method::results).collect();
        let mut measured = Measured { methods: results, ..Measured::default() };
        let done = AtomicU64::new(0);
        let indices: Vec<usize> = (0..self.explanations.first().len()).collect();
        for indices in indices.chunks(AT_ONCE) {
            let opened = self.open(indices)?;
            let ends = crew.map(network, &opened, |network, image| self.ends(network, walker, image))?;
            let prepared = pool.install(|| self.prepare(&opened, &methods))?;
            let walked = crew.map(network, &prepared, |network, map| {
                let image = &opened[map.image];
                let walk = |steps: &Vec<i32>| walker.walk(network, &image.pixels, steps, ends[map.image]);
                let walked = map.steps.as_ref().map(walk).transpose();
                self.progress(&done, &methods, map.method);
                walked.with_context(|| self.place(image))
            })?;
            self.add(&mut measured, &opened, &ends, prepared.into_iter().zip(walked));
        }
        Ok(measured)
    }

    /// The explanations in the order of their labels, then the controls.
    fn methods(&self) -> Vec<Method<'_>> {
        let side = self.subject.images.set.side();
        let maps = self.explanations.sets.iter().map(|(label, maps)| Method::Maps(label, maps));
        maps.chain([Method::Random(side, self.stage.seed), Method::Centre(centre_map(side))]).collect()
    }

    fn open(&self, indices: &[usize]) -> Result<Vec<Opened>> {
        let maps = self.explanations.first();
        let open = |(&index, pixels): (&usize, Vec<u8>)| {
            let (row, positive) = (maps.rows()[index], maps.labels()[index] == 1);
            let mask = if positive { self.subject.mask(index)? } else { None };
            Ok(Opened { index, row, positive, pixels, mask })
        };
        indices.iter().zip(self.subject.pixels(indices)?).map(open).collect()
    }

    fn ends(&self, network: &dyn Classifier, walker: &Walker, image: &Opened) -> Result<Ends> {
        let ends = walker.ends(network, &image.pixels).with_context(|| self.place(image))?;
        let maps = self.explanations.first();
        let (source, logit) = (maps.source(), maps.logits()[image.index]);
        ensure!(
            self.explanations.is_same_logit(ends.image, logit),
            "{source}: for {} the model of the maps gave the logit {logit}, but this model gives {}: the models \
             or the patches differ",
            self.place(image),
            ends.image
        );
        Ok(ends)
    }

    fn prepare(&self, opened: &[Opened], methods: &[Method<'_>]) -> Result<Vec<Prepared>> {
        let pairs = (0..opened.len()).flat_map(|image| (0..methods.len()).map(move |method| (image, method)));
        let pairs: Vec<(usize, usize)> = pairs.collect();
        let prepare = |(image, method): (usize, usize)| {
            let map = methods[method].map(&opened[image])?;
            let (steps, explained) = self.look(&opened[image], &map)?;
            Ok(Prepared { image, method, steps, explained })
        };
        pairs.into_par_iter().map(prepare).collect()
    }

    /// Only positives are located, and only by finite maps.
    fn look(&self, image: &Opened, map: &[f32]) -> Result<(Option<Vec<i32>>, Explained)> {
        let steps = self.course.steps(map);
        let locate = |region: Option<&Region>| {
            let region = region.filter(|_| image.positive && steps.is_some());
            region.map(|region| Localisation::of(map, region)).transpose()
        };
        let centre_box = locate(self.centre_box.as_ref())?;
        let mask = locate(image.mask.as_ref())?;
        Ok((steps, Explained { map: MapRange::of(map), curves: None, centre_box, mask }))
    }

    fn add(
        &self,
        measured: &mut Measured,
        opened: &[Opened],
        ends: &[Ends],
        maps: impl Iterator<Item = (Prepared, Option<Walked>)>,
    ) {
        let question = self.explanations.question;
        let sign = |(image, ends): (&Opened, &Ends)| question.sign(ends.image, u8::from(image.positive));
        let signs: Vec<f64> = opened.iter().zip(ends).map(sign).collect();
        for ((image, ends), &sign) in opened.iter().zip(ends).zip(&signs) {
            measured.images.push(Image {
                row: image.row,
                positive: image.positive,
                probability: sigmoid(ends.image),
                explains_positive: sign > 0.0,
                slide: self.subject.slides.as_ref().map(|slides| slides[image.index].clone()),
            });
            let [deletions, insertions] = &mut measured.baselines;
            deletions.push(score(sign, ends.deletion));
            insertions.push(score(sign, ends.insertion));
            let empty = self.subject.has_masks() && image.positive && image.mask.is_none();
            measured.empty_masks += usize::from(empty);
        }
        for (map, walked) in maps {
            let scores =
                |logits: &[f32]| logits.iter().map(|&logit| score(signs[map.image], logit)).collect();
            let curves =
                walked.map(|it| Curves { deletion: scores(&it.deletion), insertion: scores(&it.insertion) });
            measured.methods[map.method].explained.push(Explained { curves, ..map.explained });
        }
    }

    fn progress(&self, done: &AtomicU64, methods: &[Method<'_>], method: usize) {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let total = (self.explanations.first().len() * methods.len()) as u64;
        self.job.reporter.progress(done, total, "maps", methods[method].label());
    }

    fn place(&self, image: &Opened) -> String {
        format!("row {} of {}", image.row, self.subject.images.name)
    }
}

/// The probability of the explained class. `sign` is 1 if that class is tumour, else -1.
fn score(sign: f64, logit: f32) -> f64 {
    sigmoid(if sign > 0.0 { logit } else { -logit })
}
