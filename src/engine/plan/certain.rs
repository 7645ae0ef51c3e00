//! Finds the waiting stages that run in any case, whatever their inputs turn out to be.
//!
//! A waiting stage need not run only if its key turns out to have a result: in the store, or made by another stage
//! of this run. If what is known of its fingerprint rules out both, it runs. The records of the store are
//! searched only if the stage's own last one does not decide.

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
    /// Whether a result in the store may turn out to be its own.
    fits: bool,
}

/// Why a stage may run if a result in the store may turn out to be its own.
fn may_fit(so_far: Option<Why>, waits: Option<Why>) -> Option<Why> {
    match (so_far, waits) {
        (Some(why @ (Why::NeverRan | Why::Removed)), _) => Some(Why::Unless(Box::new(why), None)),
        (Some(changed), Some(waits)) => Some(Why::Both(Box::new(changed), Box::new(waits))),
        (so_far, waits) => so_far.or(waits),
    }
}

impl Planner<'_> {
    /// Separates the stages that run for certain, or are blocked, from those that may run. True if that changed
    /// anything.
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
                // What is known is as in its last result, which may turn out to be its own again.
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

    /// The part of a stage's fingerprint that is known and will not change.
    fn sketch(&self, stage: usize, forecast: &Forecast, open: &[bool]) -> Sketch {
        let mut lines = self.known_lines(stage, &forecast.made).lines().clone();
        for input in &self.pipeline.stages[stage].inputs {
            let is_open = matches!(&input.source, Source::Artifact { stage, .. } if open[*stage]);
            let line = lines.entry(format!("input {}", input.slot)).or_insert_with(|| OPEN.to_owned());
            if is_open {
                OPEN.clone_into(line);
            }
        }
        Sketch::of(&lines)
    }

    /// Finds out whether results in the store may turn out to be theirs.
    fn look_in_store(&self, waiting: &mut [Waiting]) {
        let shapes: BTreeSet<Digest> =
            waiting.iter().filter(|stage| !stage.fits).map(|stage| *stage.sketch.shape()).collect();
        if shapes.is_empty() {
            return;
        }
        let mut results = Kin::default();
        let found = self.findings.store.search(|lines| {
            let sketch = Sketch::of(lines);
            shapes.contains(sketch.shape()).then_some(sketch)
        });
        found.into_iter().for_each(|sketch| results.add(sketch, ()));
        for stage in waiting.iter_mut().filter(|stage| !stage.fits) {
            stage.fits = results.of(&stage.sketch).is_some();
        }
    }

    /// The stages that may run and are not decided here.
    fn others(&self, waiting: &[Waiting], forecast: &Forecast, open: &[bool]) -> Kin<usize> {
        let waits: BTreeSet<usize> = waiting.iter().map(|stage| stage.place).collect();
        let mut others = Kin::default();
        for (place, outlook) in forecast.stages.iter().enumerate() {
            if matches!(outlook.state, Planned::Run | Planned::Maybe) && !waits.contains(&place) {
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
            (Planned::Maybe, may_fit(so_far, waits))
        } else if let Some(other) = other {
            let name = self.pipeline.stages[other].name.to_string();
            let why = match so_far {
                Some(why) => Why::Unless(Box::new(why), Some(name)),
                None => Why::SameAs(name),
            };
            (Planned::Maybe, Some(why))
        } else {
            let decided = self.run_or_blocked(stage, so_far);
            if decided.0 == Planned::Run {
                others.add(sketch, stage);
            }
            decided
        };
        let outlook = &mut forecast.stages[place];
        (outlook.state, outlook.why) = (state, why);
        state != Planned::Maybe
    }
}
