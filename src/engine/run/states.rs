//! The state of every stage of a run, and which stages to look at next.
//!
//! A run looks at a stage only after something happened to it, so that n stages cost n looks and not n for each
//! finished stage. Knows indices and places in the order; knows no graph.

use std::{collections::BTreeSet, ops::Index};

use crate::{
    digest::Digest,
    engine::{plan::planner::ToRun, run::resources::Grant},
};

/// The state of a stage.
pub(in crate::engine) enum State {
    /// Not part of the run.
    Out,
    /// Its inputs are not complete, or not looked at yet.
    Waiting,
    /// It has to run, and waits for resources.
    Queued(Box<ToRun>),
    /// Another run has the lock of this key.
    Locked(Digest),
    /// It runs.
    Running(Grant),
    /// Its result is in the store, and is being shown.
    Showing,
    /// Its job goes on without this run.
    Left,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// A stage that it reads failed.
    Blocked,
}

/// What a queued stage waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Lane {
    /// CPU cores.
    Cores,
    /// A GPU.
    Gpus,
    /// A place among the jobs of a cluster.
    Places,
}

/// How many lanes there are.
const LANES: usize = 3;

/// The states of all stages.
pub(in crate::engine) struct States {
    all: Vec<State>,
    /// The stages in scope, each after those that it reads.
    order: Vec<usize>,
    /// The place of each stage in the order.
    places: Vec<usize>,
    /// Places of waiting stages that may be ready.
    open: BTreeSet<usize>,
    /// Places of queued stages, by lane.
    queued: [BTreeSet<usize>; LANES],
    /// Places of stages that other runs have locked.
    locked: BTreeSet<usize>,
    /// How many stages run or are being shown.
    running: usize,
}

impl States {
    /// The states of `count` stages at the start: those in scope wait, and all of them may be ready.
    pub(in crate::engine) fn new(count: usize, order: &[usize]) -> Self {
        let mut places = vec![0; count];
        let mut all: Vec<State> = (0..count).map(|_| State::Out).collect();
        for (place, stage) in order.iter().enumerate() {
            places[*stage] = place;
            all[*stage] = State::Waiting;
        }
        let open = (0..order.len()).collect();
        let (queued, locked) = Default::default();
        Self { all, order: order.to_vec(), places, open, queued, locked, running: 0 }
    }

    /// Changes the state of a stage, and returns the old one. A stage that waits (again) may be ready.
    pub(in crate::engine) fn set(&mut self, stage: usize, state: State) -> State {
        self.forget(stage);
        match &state {
            State::Waiting => _ = self.open.insert(self.places[stage]),
            State::Running(_) | State::Showing => self.running += 1,
            State::Locked(_) => _ = self.locked.insert(self.places[stage]),
            State::Queued(_) => _ = self.queued[Lane::Cores as usize].insert(self.places[stage]),
            State::Out | State::Left | State::Done | State::Failed | State::Blocked => {}
        }
        std::mem::replace(&mut self.all[stage], state)
    }

    /// A stage has to run, and waits for resources.
    pub(in crate::engine) fn queue(&mut self, stage: usize, run: ToRun, lane: Lane) {
        self.set(stage, State::Queued(Box::new(run)));
        self.queued[Lane::Cores as usize].remove(&self.places[stage]);
        self.queued[lane as usize].insert(self.places[stage]);
    }

    fn forget(&mut self, stage: usize) {
        let place = self.places[stage];
        match &self.all[stage] {
            State::Waiting => _ = self.open.remove(&place),
            State::Queued(_) => {
                for lane in &mut self.queued {
                    lane.remove(&place);
                }
            }
            State::Running(_) | State::Showing => self.running -= 1,
            State::Locked(_) => _ = self.locked.remove(&place),
            State::Out | State::Left | State::Done | State::Failed | State::Blocked => {}
        }
    }

    /// An input of a stage exists now: if the stage waits, it may be ready.
    pub(in crate::engine) fn look_at(&mut self, stage: usize) {
        if matches!(self.all[stage], State::Waiting) {
            self.open.insert(self.places[stage]);
        }
    }

    /// The next stage that may be ready, in order. It is not returned again before something happens to it.
    pub(in crate::engine) fn next_open(&mut self) -> Option<usize> {
        self.open.pop_first().map(|place| self.order[place])
    }

    /// The next queued stage of these lanes, at this place in the order or after it. With its place.
    pub(in crate::engine) fn next_queued(&self, from: usize, lanes: &[Lane]) -> Option<(usize, usize)> {
        let next = |lane: &Lane| self.queued[*lane as usize].range(from..).next();
        let place = lanes.iter().filter_map(next).min()?;
        Some((*place, self.order[*place]))
    }

    /// Whether any stage runs or is being shown.
    pub(in crate::engine) fn anything_runs(&self) -> bool {
        self.running > 0
    }

    /// Whether stages wait for other runs.
    pub(in crate::engine) fn anything_is_locked(&self) -> bool {
        !self.locked.is_empty()
    }

    /// The stages that wait for other runs, with their keys.
    pub(in crate::engine) fn locked(&self) -> Vec<(usize, Digest)> {
        let stages = self.locked.iter().map(|place| self.order[*place]);
        let with_key = |stage: usize| match &self.all[stage] {
            State::Locked(key) => Some((stage, *key)),
            _ => None,
        };
        stages.filter_map(with_key).collect()
    }

    /// The stages that run.
    pub(in crate::engine) fn running(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(|stage| matches!(self.all[*stage], State::Running(_)))
    }
}

impl Index<usize> for States {
    type Output = State;
    fn index(&self, stage: usize) -> &State {
        &self.all[stage]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            plan::fingerprint::Fingerprint,
            run::{resources::Request, resources::Resources},
        },
        pipeline::{self, Options},
        stages::Appetite,
        store::Existing,
    };

    fn run() -> ToRun {
        let text = "[synthesize.a]".to_owned();
        let pipeline = pipeline::parse(std::path::Path::new("a.toml"), text, &Options::default()).unwrap();
        let fingerprint = Fingerprint::new(&pipeline.stages[0].stage, []);
        ToRun {
            fingerprint,
            why: crate::engine::plan::reason::Why::Forced,
            warning: None,
            existing: Existing::Keep,
            forced: false,
        }
    }

    #[test]
    fn a_stage_is_looked_at_when_something_happened_to_it_and_not_again() {
        let mut states = States::new(4, &[2, 0, 3]);
        let mut looks = || std::iter::from_fn(|| states.next_open()).collect::<Vec<_>>();
        assert_eq!(looks(), [2, 0, 3], "in the order of the run");
        assert_eq!(looks(), [0; 0]);
        states.look_at(3);
        states.look_at(1);
        states.set(2, State::Done);
        states.look_at(2);
        assert_eq!(states.next_open(), Some(3), "neither what is out of scope nor what is done");
        states.set(2, State::Waiting);
        assert_eq!((states.next_open(), states.next_open()), (Some(2), None));
    }

    #[test]
    fn queued_stages_come_in_order_and_by_lane() {
        let mut states = States::new(3, &[2, 1, 0]);
        states.queue(0, run(), Lane::Cores);
        states.queue(1, run(), Lane::Gpus);
        states.queue(2, run(), Lane::Cores);
        let all = |of: &[Lane]| {
            let mut from = 0;
            let next = || states.next_queued(from, of).inspect(|(place, _)| from = place + 1);
            std::iter::from_fn(next).map(|(_, stage)| stage).collect::<Vec<_>>()
        };
        assert_eq!(
            (all(&[Lane::Cores, Lane::Gpus]), all(&[Lane::Gpus]), all(&[Lane::Cores])),
            (vec![2, 1, 0], vec![1], vec![2, 0])
        );
        states.set(1, State::Waiting);
        states.set(2, State::Failed);
        assert_eq!(states.next_queued(0, &[Lane::Places, Lane::Cores]), Some((2, 0)));
    }

    #[test]
    fn locked_stages_are_listed_in_order() {
        let mut states = States::new(3, &[2, 1, 0]);
        let key = |stage: usize| Digest::of(&[stage as u8]);
        for stage in [0, 2] {
            states.set(stage, State::Locked(key(stage)));
        }
        assert_eq!(states.locked(), [(2, key(2)), (0, key(0))]);
        states.set(0, State::Waiting);
        assert!(states.anything_is_locked() && !states.anything_runs());
        states.set(2, State::Done);
        assert!(!states.anything_is_locked());
    }

    #[test]
    fn running_stages_are_counted() {
        let mut resources = Resources::new(2, 0, 2);
        let request = Request { appetite: Appetite::One, threads: None, device: None, as_job: false };
        let mut states = States::new(2, &[0, 1]);
        for stage in [0, 1] {
            states.set(stage, State::Running(resources.take(request).unwrap()));
        }
        assert!(matches!(states.set(0, State::Done), State::Running(_)) && states.anything_runs());
        states.set(1, State::Failed);
        assert!(!states.anything_runs());
    }
}
