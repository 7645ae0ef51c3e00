//! Integrated gradients with as few steps as each image needs.
//!
//! An image gets a few nodes at a time, where the rule is least complete ([`Mesh`]), until its attributions add up to
//! the change of its score within the tolerance, twice in a row: completeness is one number, and a single time can be
//! chance. No gradient is computed twice.
//!
//! A gradient can get another weight with the next nodes, so the gradients of an image are kept until its end: 110 kB
//! each. That is why only as many images are on their way as fit in a batch.

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor};

use super::{
    Delta,
    line::Line,
    mesh::{Mesh, Point},
    passes::{factors, gradients},
};
use crate::model::Classifier;

/// The nodes that an image gets at a time.
const NODES: usize = 8;
/// No image gets more nodes.
const MOST: usize = 512;
/// How often in a row the tolerance has to be met.
const IN_A_ROW: usize = 2;

/// When an image has enough nodes.
pub(super) struct Adaptive {
    tolerance: f64,
}

/// An image on its way.
struct Course<'a> {
    /// Its place among the lines.
    place: usize,
    line: &'a Line,
    mesh: Mesh,
    /// The derivative of the score by the logit at each node.
    slopes: Vec<f64>,
    /// The gradients of the logit at the nodes, channels last: [n, S, S, 3] for those of one time.
    gradients: Vec<Tensor>,
    /// How often in a row the tolerance was met.
    met: usize,
    /// Whether the error of completeness is a number.
    finite: bool,
}

impl Adaptive {
    pub(super) fn new(tolerance: f64) -> Self {
        Self { tolerance }
    }

    /// The attribution [1, 3, S, S] of each line, with at most `at_once` images on lines at a time.
    pub(super) fn attribute(
        &self,
        network: &dyn Classifier,
        lines: &[Line],
        at_once: usize,
    ) -> Result<Vec<(Tensor, Delta)>> {
        let mut results: Vec<Option<(Tensor, Delta)>> = lines.iter().map(|_| None).collect();
        let mut waiting = lines.iter().enumerate();
        let mut going: Vec<Course<'_>> = Vec::new();
        loop {
            let free = (at_once / NODES).max(1) - going.len();
            going.extend(waiting.by_ref().take(free).map(|(place, line)| Course::new(place, line, network)));
            if going.is_empty() {
                return results
                    .into_iter()
                    .map(|result| result.context("an image without a result"))
                    .collect();
            }
            advance(network, &mut going, at_once)?;
            going.iter_mut().for_each(|course| course.judge(self.tolerance));
            for ended in going.extract_if(.., |course| course.has_ended()) {
                results[ended.place] = Some(ended.result());
            }
        }
    }
}

/// Computes the next nodes of all these images.
fn advance(network: &dyn Classifier, going: &mut [Course<'_>], at_once: usize) -> Result<()> {
    let nodes: Vec<Vec<f64>> = going.iter().map(|course| course.mesh.next(NODES)).collect();
    let images: Vec<Tensor> = going.iter().zip(&nodes).map(|(course, at)| course.line.images(at)).collect();
    let (logits, gradient) = by_batches(network, &Tensor::cat(&images, 0), at_once)?;
    let mut first = 0;
    for (course, at) in going.iter_mut().zip(nodes) {
        let logits = &logits[first..first + at.len()];
        // A copy, because a view would keep the gradients of the other images as long.
        course.add(&at, logits, gradient.narrow(0, first as i64, at.len() as i64).copy())?;
        first += at.len();
    }
    Ok(())
}

/// The logits of images [n, S, S, 3] and their gradients, of the same shape.
fn by_batches(network: &dyn Classifier, images: &Tensor, at_once: usize) -> Result<(Vec<f32>, Tensor)> {
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    for images in images.split(at_once as i64, 0) {
        let (logits, gradient) = gradients(network, &images.permute([0, 3, 1, 2]))?;
        all.extend(logits);
        parts.push(gradient.permute([0, 2, 3, 1]));
    }
    Ok((all, Tensor::cat(&parts, 0)))
}

impl<'a> Course<'a> {
    fn new(place: usize, line: &'a Line, network: &dyn Classifier) -> Self {
        let (mesh, slopes, gradients) = (Mesh::new(network.rounding()), Vec::new(), Vec::new());
        Self { place, line, mesh, slopes, gradients, met: 0, finite: true }
    }

    /// Adds nodes with their logits, and with the gradients of the logits.
    fn add(&mut self, at: &[f64], logits: &[f32], gradient: Tensor) -> Result<()> {
        for ((&at, &logit), along) in at.iter().zip(logits).zip(self.line.along(&gradient)?) {
            let slope = self.line.slope(logit);
            self.mesh.add(Point { at, value: self.line.value(logit), slope: slope * along });
            self.slopes.push(slope);
        }
        self.gradients.push(gradient);
        Ok(())
    }

    /// Counts how often in a row the tolerance was met.
    fn judge(&mut self, tolerance: f64) {
        let (_, relative) = self.line.incompleteness(self.mesh.integral());
        self.finite = relative.is_finite();
        self.met = if relative <= tolerance { self.met + 1 } else { 0 };
    }

    /// Whether it is complete enough, or more nodes would not help. What is not finite stays so.
    fn has_ended(&self) -> bool {
        self.met == IN_A_ROW || !self.finite || self.mesh.len() + NODES > MOST
    }

    fn result(&self) -> (Tensor, Delta) {
        let weights = self.mesh.weights();
        let weights: Vec<f64> =
            weights.iter().zip(&self.slopes).map(|(weight, slope)| weight * slope).collect();
        let mut integral = self.line.zeros();
        let mut first = 0;
        for gradient in &self.gradients {
            let count = gradient.size()[0] as usize;
            let gradient = gradient.to_kind(Kind::Double).permute([0, 3, 1, 2]);
            let weighted = &gradient * factors(&weights[first..first + count], &gradient);
            integral += weighted.sum_dim_intlist([0].as_slice(), true, Kind::Double);
            first += count;
        }
        self.line.attribution(&integral, self.mesh.len())
    }
}
