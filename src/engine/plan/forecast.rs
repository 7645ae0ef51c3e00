//! The plan of a run: every stage, before anything runs.
//!
//! Exact under early cut-off: a run computes every stage that is planned as `run`, and at most those planned as
//! `maybe` besides. First comes what the store has (`Planner::decide`, as in the real run). Then stages whose
//! bytes are needed and missing run again. Last, `certain` finds the waiting stages that run in any case.

use std::collections::BTreeMap;

use crate::engine::{
    plan::{
        planner::{Decision, Made, Planner},
        reason::Why,
        why::source,
    },
    tell::event::{Planned, PlannedStage},
};
use crate::{digest::Digest, pipeline::Source, stages::Equality, store::ActionRecord};

/// A stage in the plan, with what was found out about it.
pub(in crate::engine) struct Outlook {
    pub(in crate::engine) stage: usize,
    pub(in crate::engine) state: Planned,
    /// `None` where its result is in the store.
    pub(in crate::engine) why: Option<Why>,
    /// `None` where an input may change.
    pub(in crate::engine) key: Option<Digest>,
    /// What it took, where its result is in the store.
    seconds: Option<f64>,
    /// Whether it only runs for its bytes: its result is known, and where the kind is bitwise, certain.
    for_bytes: bool,
    /// Of a stage that waits for others, why it would run whatever comes of these; `None` where nothing is
    /// known that would make it.
    pub(in crate::engine) so_far: Option<Why>,
}

impl Outlook {
    /// Why, in words; empty where its result is in the store.
    pub(in crate::engine) fn reason(&self) -> String {
        self.why.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// All stages in scope, each after what it needs; and where each stands among them.
pub(in crate::engine) struct Forecast {
    pub(in crate::engine) stages: Vec<Outlook>,
    /// The artifacts of the stages whose results are in the store.
    pub(in crate::engine) made: Vec<Option<Made>>,
    /// What else is known of these results, for the run that follows; but for their lines.
    hits: Vec<Option<Box<ActionRecord>>>,
    pub(in crate::engine) places: BTreeMap<usize, usize>,
}

impl Forecast {
    /// What was found out about a stage in scope.
    pub(in crate::engine) fn of(&self, stage: usize) -> Option<&Outlook> {
        self.places.get(&stage).map(|place| &self.stages[*place])
    }

    fn state(&self, stage: usize) -> Planned {
        self.of(stage).map_or(Planned::Cached, |outlook| outlook.state)
    }
}

impl Planner<'_> {
    /// A forecast in the words of a plan.
    pub(in crate::engine) fn told(&self, forecast: &Forecast) -> Vec<PlannedStage> {
        forecast.stages.iter().map(|outlook| self.planned(outlook)).collect()
    }

    /// Remembers what the forecast found in the store: a run that begins before any of it can have been
    /// collected need not look it up again.
    pub(in crate::engine) fn remember(&self, forecast: Forecast) {
        let with_artifacts = |(hit, made): (Option<Box<ActionRecord>>, Option<Made>)| {
            let mut record = hit?;
            record.artifacts = made?;
            Some(record)
        };
        self.findings.remember(forecast.hits.into_iter().zip(forecast.made).map(with_artifacts).collect());
    }

    fn planned(&self, outlook: &Outlook) -> PlannedStage {
        let stage = self.pipeline.stages[outlook.stage].name.to_string();
        let last_time = || self.previous(&stage).map(|record| record.made.seconds);
        let in_a_run = || self.findings.past().seconds(&stage).filter(|_| outlook.why != Some(Why::NeverRan));
        let seconds = outlook.seconds.or_else(last_time).or_else(in_a_run);
        PlannedStage { stage, state: outlook.state, why: outlook.reason(), seconds }
    }

    /// What would become of every stage in scope.
    pub(in crate::engine) fn forecast(&self, order: &[usize]) -> Forecast {
        let places = order.iter().enumerate().map(|(place, stage)| (*stage, place)).collect();
        let count = self.pipeline.stages.len();
        let (made, hits) = (vec![None; count], vec![None; count]);
        let mut forecast = Forecast { stages: Vec::with_capacity(order.len()), made, hits, places };
        let mut keys = BTreeMap::new();
        for stage in order {
            let outlook = self.outlook(*stage, &mut keys, &mut forecast);
            forecast.stages.push(outlook);
        }
        self.settle(&mut forecast);
        if self.sort_out(&mut forecast) {
            self.settle(&mut forecast);
        }
        forecast
    }

    /// Repeats both rules until nothing changes: missing bytes are made again, and what reads an open result is open.
    fn settle(&self, forecast: &mut Forecast) {
        while self.bytes_are_needed(forecast) | self.results_are_open(forecast) {}
    }

    fn outlook(&self, stage: usize, keys: &mut BTreeMap<Digest, usize>, before: &mut Forecast) -> Outlook {
        let outlook = |state, why, key, seconds| Outlook {
            stage,
            state,
            why,
            key,
            seconds,
            for_bytes: false,
            so_far: None,
        };
        let Some(fingerprint) = self.fingerprint(stage, &before.made) else {
            let (state, why) = self.undecided(stage, before);
            let so_far = match state {
                Planned::Maybe => self.so_far(stage, &before.made),
                Planned::Cached | Planned::Run | Planned::Blocked => None,
            };
            return Outlook { so_far, ..outlook(state, why, None, None) };
        };
        let key = fingerprint.key();
        match self.decide(stage, fingerprint) {
            Decision::Cached(mut record) => {
                let seconds = record.made.seconds;
                before.made[stage] = Some(std::mem::take(&mut record.artifacts));
                record.lines.clear();
                before.hits[stage] = Some(record);
                outlook(Planned::Cached, None, Some(key), Some(seconds))
            }
            Decision::Run(run) => {
                let twin = *keys.entry(key).or_insert(stage);
                let (state, why) = match self.absent_source(stage) {
                    Some(why) => (Planned::Blocked, why),
                    None if twin != stage && !run.forced => {
                        (Planned::Maybe, Why::SameAs(self.pipeline.stages[twin].name.to_string()))
                    }
                    None => (Planned::Run, run.why),
                };
                outlook(state, Some(why), Some(key), None)
            }
        }
    }

    /// A stage some of whose inputs are still to be made.
    fn undecided(&self, stage: usize, before: &Forecast) -> (Planned, Option<Why>) {
        if let Some(why) = self.blocked(stage, before) {
            return (Planned::Blocked, Some(why));
        }
        if self.forced[stage] {
            return match self.absent_source(stage) {
                Some(why) => (Planned::Blocked, Some(why)),
                None => (Planned::Run, Some(Why::Forced)),
            };
        }
        let waits = self.makers(stage).find(|(maker, _)| before.made[*maker].is_none());
        (Planned::Maybe, waits.map(|(maker, artifact)| self.may_change(maker, artifact)))
    }

    /// Why a stage cannot run: one that it reads from cannot.
    pub(in crate::engine) fn blocked(&self, stage: usize, before: &Forecast) -> Option<Why> {
        let blocked = self.makers(stage).find(|(maker, _)| before.state(*maker) == Planned::Blocked);
        blocked.map(|(maker, _)| Why::MakerCannotRun(self.pipeline.stages[maker].name.to_string()))
    }

    /// Why a stage that has to run cannot: a pinned source file is not here.
    pub(in crate::engine) fn absent_source(&self, stage: usize) -> Option<Why> {
        let inputs = self.pipeline.stages[stage].inputs.iter();
        let absent =
            |found: &&Source| matches!(found, Source::File(user) if self.known.digest(&user.path).is_none());
        let absent = inputs.map(|input| &input.source).find(absent);
        absent.map(|absent| Why::SourceAbsent(source(self.pipeline, absent)))
    }

    /// The stages that a stage reads from, with what it reads.
    fn makers(&self, stage: usize) -> impl Iterator<Item = (usize, &str)> {
        self.pipeline.stages[stage].inputs.iter().filter_map(|input| match &input.source {
            Source::Artifact { stage, artifact } => Some((*stage, artifact.as_ref())),
            Source::File(_) => None,
        })
    }

    fn may_change(&self, maker: usize, artifact: &str) -> Why {
        Why::MayChange(format!("{}/{artifact}", self.pipeline.stages[maker].name))
    }

    /// A stage that runs needs the bytes of its inputs. If they are missing, their maker runs, too. True if
    /// that changed anything.
    fn bytes_are_needed(&self, forecast: &mut Forecast) -> bool {
        let mut changed = false;
        for place in (0..forecast.stages.len()).rev() {
            let Outlook { stage, state, .. } = forecast.stages[place];
            if !matches!(state, Planned::Run | Planned::Maybe) {
                continue;
            }
            for (maker, artifact) in self.makers(stage) {
                let known = forecast.made[maker].as_ref().and_then(|made| made.get(artifact));
                let away = known.is_some_and(|known| !self.findings.store.has(&known.digest));
                let Some(maker) = forecast.places.get(&maker) else { continue };
                let maker = &mut forecast.stages[*maker];
                let sooner = match maker.state {
                    Planned::Cached => true,
                    Planned::Maybe => state == Planned::Run,
                    Planned::Run | Planned::Blocked => false,
                };
                if sooner && away {
                    let (artifact, reader) =
                        (artifact.to_owned(), self.pipeline.stages[stage].name.to_string());
                    maker.state = state;
                    maker.why = Some(Why::BytesNeededBy { artifact, reader });
                    maker.for_bytes = true;
                    changed = true;
                }
            }
        }
        changed
    }

    /// What reads a result that may come out otherwise is open itself. True if that changed anything.
    fn results_are_open(&self, forecast: &mut Forecast) -> bool {
        let mut changed = false;
        let open = self.open(forecast);
        for place in 0..forecast.stages.len() {
            let Outlook { stage, state, for_bytes, .. } = forecast.stages[place];
            let read = self.makers(stage).find(|(maker, _)| open[*maker]);
            let decided = forecast.stages[place].key.is_some() && !self.forced[stage] && !for_bytes;
            if let Some((maker, artifact)) = read.filter(|_| decided)
                && matches!(state, Planned::Cached | Planned::Run)
            {
                forecast.stages[place].state = Planned::Maybe;
                forecast.stages[place].why = Some(self.may_change(maker, artifact));
                changed = true;
            }
        }
        changed
    }

    /// By stage, whether its result may differ from the known one.
    pub(in crate::engine) fn open(&self, forecast: &Forecast) -> Vec<bool> {
        let mut open = vec![false; self.pipeline.stages.len()];
        for Outlook { stage, state, for_bytes, .. } in &forecast.stages {
            let read = self.makers(*stage).any(|(maker, _)| open[maker]);
            let certain = *for_bytes && self.pipeline.stages[*stage].stage.equality() == Equality::Bitwise;
            open[*stage] = match state {
                Planned::Cached => read,
                Planned::Run | Planned::Maybe => read || !certain,
                Planned::Blocked => false,
            };
        }
        open
    }
}
