//! Every method on every image: its curves, and where it points.
//!
//! What depends on a map alone (its order, its localisation) is computed on all cores, then the network is
//! asked, map by map; some hundred images at a time, so that of all others only the curves are in memory.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    data::maps::MapSet,
    metrics::{
        Localisation, MapRange, Region, centre_map,
        faithfulness::{Curves, Explained, Image, Method as MethodResults},
        random_map, sigmoid,
    },
    stages::metrics::Metrics,
};
use rayon::prelude::*;

use super::{Explanations, Subject, explanations::same_logit};
use crate::{
    explain::Crew,
    faithfulness::{Course, Ends, Walked, Walker},
    job::Job,
    model::Network,
};

/// Images that are held in memory at a time.
const AT_ONCE: usize = 256;

/// What is measured, and with what.
pub(super) struct Measuring<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) stage: &'a Metrics,
    pub(super) explanations: &'a Explanations,
    pub(super) subject: &'a Subject,
    pub(super) course: &'a Course,
}

/// What was found out.
pub(super) struct Measured {
    pub(super) images: Vec<Image>,
    pub(super) methods: Vec<MethodResults>,
    /// The scores of the deletion's baseline and of the insertion's, per image.
    pub(super) baselines: [Vec<f64>; 2],
}

/// One method: where its maps come from.
enum Method<'a> {
    Maps(&'a str, &'a MapSet),
    Random(u64),
    Centre(Vec<f32>),
}

/// An image, and what is known of it.
struct Opened {
    index: usize,
    row: i64,
    label: u8,
    pixels: Vec<u8>,
    /// Where the evidence truly lies; of positives, where there are masks.
    truth: Option<Region>,
}

/// A map, and what is known of it without the network.
struct Prepared {
    /// Counts among the images that are open.
    image: usize,
    method: usize,
    range: MapRange,
    steps: Option<Vec<i16>>,
    centre_box: Option<Localisation>,
    mask: Option<Localisation>,
}

impl Method<'_> {
    fn label(&self) -> &str {
        match self {
            Self::Maps(label, _) => label,
            Self::Random(_) => "random",
            Self::Centre(_) => "centre",
        }
    }

    fn map(&self, image: &Opened) -> Result<Vec<f32>> {
        match self {
            Self::Maps(_, maps) => maps.read(image.index),
            Self::Random(seed) => Ok(random_map(*seed, image.row)),
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
    /// Maps that another model was asked for; a damaged file; a logit that is not finite.
    pub(super) fn measure(&self, network: &Network, walker: &Walker, threads: usize) -> Result<Measured> {
        let pool = self.job.threads()?;
        let crew = Crew::new(network.device(), threads)?;
        let methods = self.methods();
        let mut measured = Measured {
            images: Vec::new(),
            methods: methods.iter().map(Method::results).collect(),
            baselines: [Vec::new(), Vec::new()],
        };
        let done = AtomicU64::new(0);
        let indices: Vec<usize> = (0..self.explanations.first().len()).collect();
        for indices in indices.chunks(AT_ONCE) {
            let opened = self.open(indices)?;
            let ends = crew.map(network, &opened, |network, image| self.ends(network, walker, image))?;
            let prepared = pool.install(|| self.prepare(&opened, &methods))?;
            let walked = crew.map(network, &prepared, |network, map| {
                let image = &opened[map.image];
                let walk = |steps: &Vec<i16>| walker.walk(network, &image.pixels, steps, ends[map.image]);
                let walked = map.steps.as_ref().map(walk).transpose();
                self.tell(&done, methods.len(), methods[map.method].label());
                walked.with_context(|| self.place(image))
            })?;
            self.add(&mut measured, &opened, &ends, prepared.into_iter().zip(walked));
        }
        Ok(measured)
    }

    /// The explanations in the order of their labels, then the controls.
    fn methods(&self) -> Vec<Method<'_>> {
        let maps = self.explanations.sets.iter().map(|(label, maps)| Method::Maps(label, maps));
        maps.chain([Method::Random(self.stage.seed), Method::Centre(centre_map())]).collect()
    }

    fn open(&self, indices: &[usize]) -> Result<Vec<Opened>> {
        let maps = self.explanations.first();
        let open = |(&index, pixels): (&usize, Vec<u8>)| {
            let (row, label) = (maps.rows()[index], maps.labels()[index]);
            let truth = if label == 1 { self.subject.region(index)? } else { None };
            Ok(Opened { index, row, label, pixels, truth })
        };
        indices.iter().zip(self.subject.pixels(indices)?).map(open).collect()
    }

    fn ends(&self, network: &Network, walker: &Walker, image: &Opened) -> Result<Ends> {
        let ends = walker.ends(network, &image.pixels).with_context(|| self.place(image))?;
        let maps = self.explanations.first();
        let (source, logit) = (maps.source(), maps.logits()[image.index]);
        ensure!(
            same_logit(ends.image, logit),
            "{source}: for {} the maps' model gave the logit {logit}, this one gives {}: they are two models, \
             or two patches",
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
            self.look(image, method, &opened[image], &map)
        };
        pairs.into_par_iter().map(prepare).collect()
    }

    fn look(&self, image: usize, method: usize, of: &Opened, map: &[f32]) -> Result<Prepared> {
        let steps = self.course.steps(map);
        let within = |region: &Region| Localisation::of(map, region);
        // Positives only, and a map that is not finite points nowhere.
        let centre_box = (of.label == 1 && steps.is_some()).then(|| within(&Region::centre())).transpose()?;
        let truth = of.truth.as_ref().filter(|_| steps.is_some());
        let mask = truth.map(within).transpose()?;
        Ok(Prepared { image, method, range: MapRange::of(map), steps, centre_box, mask })
    }

    fn add(
        &self,
        measured: &mut Measured,
        opened: &[Opened],
        ends: &[Ends],
        maps: impl Iterator<Item = (Prepared, Option<Walked>)>,
    ) {
        let signs: Vec<f64> = opened.iter().zip(ends).map(|(image, ends)| self.sign(image, *ends)).collect();
        for ((image, ends), &sign) in opened.iter().zip(ends).zip(&signs) {
            measured.images.push(Image {
                row: image.row,
                positive: image.label == 1,
                probability: sigmoid(ends.image),
                explains_positive: sign > 0.0,
                slide: self.subject.slide(image.index).map(str::to_owned),
            });
            let [deletions, insertions] = &mut measured.baselines;
            deletions.push(score(sign, ends.deletion));
            insertions.push(score(sign, ends.insertion));
        }
        for (map, walked) in maps {
            let scores =
                |logits: &[f32]| logits.iter().map(|&logit| score(signs[map.image], logit)).collect();
            let curves =
                walked.map(|it| Curves { deletion: scores(&it.deletion), insertion: scores(&it.insertion) });
            let (centre_box, mask) = (map.centre_box, map.mask);
            let explained = Explained { map: map.range, curves, centre_box, mask };
            measured.methods[map.method].explained.push(explained);
        }
    }

    /// 1 where the explained class is tumour, else -1.
    fn sign(&self, image: &Opened, ends: Ends) -> f64 {
        self.explanations.question.sign(ends.image, image.label)
    }

    fn tell(&self, done: &AtomicU64, methods: usize, label: &str) {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let total = (self.explanations.first().len() * methods) as u64;
        self.job.reporter.progress(done, total, "maps", label);
    }

    fn place(&self, image: &Opened) -> String {
        format!("row {} of {}", image.row, self.subject.name())
    }
}

/// The probability of the explained class.
fn score(sign: f64, logit: f32) -> f64 {
    sigmoid(if sign > 0.0 { logit } else { -logit })
}
