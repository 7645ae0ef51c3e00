//! Which of the waiting stages run in any case, whatever their inputs turn out to be.
//!
//! A waiting stage can be spared only if its key turns out to have a result: in the store, or made by another
//! stage of this run. If what is known of its fingerprint rules out both, it runs. Reads other records of the
//! store only if the stage's own last one does not answer the question.

use std::collections::BTreeSet;

use crate::engine::{
    plan::{
        forecast::{Forecast, Outlook},
        kin::{Kin, OPEN, Sketch},
        planner::Planner,
        reason::Why,
    },
    tell::event::Planned,
};
use crate::{digest::Digest, pipeline::Source};

/// A stage that waits for others.
struct Waiting {
    place: usize,
    sketch: Sketch,
    /// Whether a result that is in the store may be its own.
    fits: bool,
}

/// Why a stage may run of which the store may have a result.
fn as_a_result(so_far: Option<Why>, waits: Option<Why>) -> Option<Why> {
    match (so_far, waits) {
        (Some(why @ (Why::NeverRan | Why::Removed)), _) => Some(Why::Unless(Box::new(why), None)),
        (Some(changed), Some(waits)) => Some(Why::Both(Box::new(changed), Box::new(waits))),
        (so_far, waits) => so_far.or(waits),
    }
}

impl Planner<'_> {
    /// Tells those that run for certain, or are blocked, from those that may run. True if that changed anything.
    pub(in crate::engine) fn sort_out(&self, forecast: &mut Forecast) -> bool {
        let waits = |outlook: &Outlook| outlook.state == Planned::Maybe && outlook.key.is_none();
        if !forecast.stages.iter().any(waits) {
            return false;
        }
        let open = self.open(forecast);
        let places = (0..forecast.stages.len()).filter(|place| waits(&forecast.stages[*place]));
        let mut waiting: Vec<Waiting> = places
            .map(|place| {
                let Outlook { stage, so_far, .. } = &forecast.stages[place];
                // What is known of it is as in its last result, which may be the one again.
                let fits = so_far.is_none();
                Waiting { place, sketch: self.sketch(*stage, forecast, &open), fits }
            })
            .collect();
        self.look_in_store(&mut waiting);
        let mut others = self.others(&waiting, forecast, &open);
        let mut changed = false;
        for waiting in waiting {
            changed |= self.decide_waiting(waiting, forecast, &mut others);
        }
        changed
    }

    /// What is known of a stage's fingerprint and stays.
    fn sketch(&self, stage: usize, forecast: &Forecast, open: &[bool]) -> Sketch {
        let inputs = &self.pipeline.stages[stage].inputs;
        let mut lines = self.known_lines(stage, &forecast.made).lines().clone();
        for input in inputs {
            let closed = !matches!(&input.source, Source::Artifact { stage, .. } if open[*stage]);
            let line = lines.entry(format!("input {}", input.slot)).or_insert_with(|| OPEN.to_owned());
            if !closed {
                OPEN.clone_into(line);
            }
        }
        Sketch::of(&lines)
    }

    /// Finds out whether a result that is in the store may be theirs.
    fn look_in_store(&self, waiting: &mut [Waiting]) {
        let asked: BTreeSet<Digest> =
            waiting.iter().filter(|stage| !stage.fits).map(|stage| *stage.sketch.shape()).collect();
        if asked.is_empty() {
            return;
        }
        let mut results = Kin::default();
        let found = self.findings.store.search(|lines| {
            let sketch = Sketch::of(lines);
            asked.contains(sketch.shape()).then_some(sketch)
        });
        found.into_iter().for_each(|sketch| results.add(sketch, ()));
        for stage in waiting.iter_mut().filter(|stage| !stage.fits) {
            stage.fits = results.of(&stage.sketch).is_some();
        }
    }

    /// All that may run and is not to be sorted out here.
    fn others(&self, waiting: &[Waiting], forecast: &Forecast, open: &[bool]) -> Kin<usize> {
        let asked: BTreeSet<usize> = waiting.iter().map(|stage| stage.place).collect();
        let mut others = Kin::default();
        for (place, outlook) in forecast.stages.iter().enumerate() {
            if matches!(outlook.state, Planned::Run | Planned::Maybe) && !asked.contains(&place) {
                others.add(self.sketch(outlook.stage, forecast, open), outlook.stage);
            }
        }
        for Waiting { place, sketch, .. } in waiting.iter().filter(|stage| stage.fits) {
            others.add(sketch.clone(), forecast.stages[*place].stage);
        }
        others
    }

    fn decide_waiting(&self, waiting: Waiting, forecast: &mut Forecast, others: &mut Kin<usize>) -> bool {
        let Waiting { place, sketch, fits } = waiting;
        let Outlook { stage, so_far, why, .. } = &forecast.stages[place];
        let (stage, so_far, waits) = (*stage, so_far.clone(), why.clone());
        let other = others.of(&sketch).filter(|_| !fits);
        let (state, why) = if let Some(why) = self.blocked(stage, forecast) {
            (Planned::Blocked, Some(why))
        } else if fits {
            (Planned::Maybe, as_a_result(so_far, waits))
        } else if let Some(other) = other {
            let runs = forecast.of(other).is_some_and(|outlook| outlook.state == Planned::Run);
            (Planned::Maybe, Some(self.as_another(stage, other, runs, so_far)))
        } else if let Some(why) = self.absent_source(stage) {
            (Planned::Blocked, Some(why))
        } else {
            others.add(sketch, stage);
            (Planned::Run, so_far)
        };
        let outlook = &mut forecast.stages[place];
        (outlook.state, outlook.why) = (state, why);
        state != Planned::Maybe
    }

    /// Why a stage may not run that may turn out the same as another one of the run.
    fn as_another(&self, stage: usize, other: usize, other_runs: bool, so_far: Option<Why>) -> Why {
        let name = self.pipeline.stages[other].name.to_string();
        match so_far {
            Some(why) if !(other_runs && self.reads_the_same(stage, other)) => {
                Why::Unless(Box::new(why), Some(name))
            }
            _ => Why::SameAs(name),
        }
    }

    /// Whether two stages read the same artifacts and files.
    fn reads_the_same(&self, stage: usize, other: usize) -> bool {
        let [inputs, others] = [stage, other].map(|stage| &self.pipeline.stages[stage].inputs);
        inputs.len() == others.len()
            && inputs.iter().zip(others).all(|(input, other)| match (&input.source, &other.source) {
                (
                    Source::Artifact { stage, artifact },
                    Source::Artifact { stage: other, artifact: of_other },
                ) => stage == other && artifact == of_other,
                (Source::File(user), Source::File(other)) => {
                    user.path == other.path && user.file.blake3 == other.file.blake3
                }
                (Source::Artifact { .. }, Source::File(_)) | (Source::File(_), Source::Artifact { .. }) => {
                    false
                }
            })
    }
}
