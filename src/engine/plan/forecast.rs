//! The plan of a run: what will become of every stage, before anything runs.
//!
//! A run computes every stage that is planned as `run`, and at most those planned as `maybe` besides. First the
//! store is searched (`Planner::decide`, as in a run). Then stages whose bytes are needed and missing are planned
//! to run again. Last, `certain` finds the waiting stages that run in any case.

use std::collections::BTreeMap;

use crate::engine::{
    plan::{
        expected::expected,
        planner::{Decision, Made, Planner},
        reason::Why,
        why::source,
    },
    tell::event::{Planned, PlannedStage},
};
use crate::{digest::Digest, pipeline::Source, stages::Equality, store::ActionRecord};

/// A stage in the plan.
pub(in crate::engine) struct Outlook {
    pub(in crate::engine) stage: usize,
    pub(in crate::engine) state: Planned,
    /// `None` if its result is in the store.
    pub(in crate::engine) why: Option<Why>,
    /// `None` if an input is not known yet.
    pub(in crate::engine) key: Option<Digest>,
    /// How long it took, if its result is in the store.
    seconds: Option<f64>,
    /// Whether it runs only for its bytes. Then its result is known, and certain if the kind is bitwise.
    for_bytes: bool,
    /// If it waits for inputs: why it would run whatever they turn out to be, if something known says so.
    pub(in crate::engine) so_far: Option<Why>,
}

impl Outlook {
    /// Why, in words; empty if its result is in the store.
    pub(in crate::engine) fn reason(&self) -> String {
        self.why.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// All stages in scope, each after those that it reads.
pub(in crate::engine) struct Forecast {
    pub(in crate::engine) stages: Vec<Outlook>,
    /// The artifacts of the stages whose results are in the store.
    pub(in crate::engine) made: Vec<Option<Made>>,
    /// The records of these results, without their artifacts and lines.
    hits: Vec<Option<Box<ActionRecord>>>,
    /// The place of each stage among `stages`.
    places: BTreeMap<usize, usize>,
}

impl Forecast {
    /// A stage in scope.
    pub(in crate::engine) fn of(&self, stage: usize) -> Option<&Outlook> {
        self.places.get(&stage).map(|place| &self.stages[*place])
    }
}

impl Planner<'_> {
    /// The forecast as plans report it.
    pub(in crate::engine) fn told(&self, forecast: &Forecast) -> Vec<PlannedStage> {
        let planned = |outlook: &Outlook| {
            let node = &self.pipeline.stages[outlook.stage];
            let stage = node.name.to_string();
            let last = outlook.seconds.is_none().then(|| self.findings.previous(&stage)).flatten();
            let seconds = outlook.seconds.or(last.as_ref().map(|record| record.made.seconds));
            let expected = outlook.seconds.or(last.map(|record| expected(&node.stage, &record)));
            PlannedStage { stage, state: outlook.state, why: outlook.reason(), seconds, expected }
        };
        forecast.stages.iter().map(planned).collect()
    }

    /// Keeps the results of the forecast for a run that begins while they cannot be collected.
    pub(in crate::engine) fn remember(&self, forecast: Forecast) {
        let with_artifacts = |(hit, made): (Option<Box<ActionRecord>>, Option<Made>)| {
            let mut record = hit?;
            record.artifacts = made?;
            Some(record)
        };
        self.findings.remember(forecast.hits.into_iter().zip(forecast.made).map(with_artifacts).collect());
    }

    /// The result that a stage has in the store now.
    pub(in crate::engine) fn present(&self, outlook: &Outlook) -> Option<ActionRecord> {
        self.findings.record(&outlook.key?)
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

    /// Applies both rules until nothing changes.
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
            let so_far = if state == Planned::Maybe { self.so_far(stage, &before.made) } else { None };
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
                let (mut state, mut why) = self.run_or_blocked(stage, Some(run.why));
                if state == Planned::Run && twin != stage && !run.forced {
                    state = Planned::Maybe;
                    why = Some(Why::SameAs(self.pipeline.stages[twin].name.to_string()));
                }
                outlook(state, why, Some(key), None)
            }
        }
    }

    /// The state of a stage some of whose inputs do not exist yet.
    fn undecided(&self, stage: usize, before: &Forecast) -> (Planned, Option<Why>) {
        if let Some(why) = self.blocked(stage, before) {
            return (Planned::Blocked, Some(why));
        }
        if self.forced[stage] {
            return self.run_or_blocked(stage, Some(Why::Forced));
        }
        let waits = self.makers(stage).find(|(maker, _)| before.made[*maker].is_none());
        (Planned::Maybe, waits.map(|(maker, artifact)| self.may_change(maker, artifact)))
    }

    /// Why a stage cannot run: one that it reads cannot.
    pub(in crate::engine) fn blocked(&self, stage: usize, before: &Forecast) -> Option<Why> {
        let is_blocked = |maker| before.of(maker).is_some_and(|outlook| outlook.state == Planned::Blocked);
        let (maker, _) = self.makers(stage).find(|(maker, _)| is_blocked(*maker))?;
        Some(Why::MakerCannotRun(self.pipeline.stages[maker].name.to_string()))
    }

    /// The state of a stage that has to run for this reason.
    pub(in crate::engine) fn run_or_blocked(&self, stage: usize, why: Option<Why>) -> (Planned, Option<Why>) {
        match self.absent_source(stage) {
            Some(absent) => (Planned::Blocked, Some(absent)),
            None => (Planned::Run, why),
        }
    }

    /// Why a stage that has to run cannot: a pinned source file is missing.
    pub(in crate::engine) fn absent_source(&self, stage: usize) -> Option<Why> {
        let sources = self.pipeline.stages[stage].inputs.iter();
        let is_absent =
            |from: &Source| matches!(from, Source::File(user) if self.known.digest(&user.path).is_none());
        let absent = sources.map(|input| &input.source).find(|source| is_absent(source))?;
        Some(Why::SourceAbsent(source(self.pipeline, absent)))
    }

    fn may_change(&self, maker: usize, artifact: &str) -> Why {
        Why::MayChange(format!("{}/{artifact}", self.pipeline.stages[maker].name))
    }

    /// A stage that runs needs the bytes of its inputs: if they are missing, their maker runs as well. True if
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
                let missing = known.is_some_and(|known| !self.findings.can_have(&known.digest));
                let Some(maker) = forecast.places.get(&maker) else { continue };
                let maker = &mut forecast.stages[*maker];
                let runs_more = match maker.state {
                    Planned::Cached => true,
                    Planned::Maybe => state == Planned::Run,
                    Planned::Run | Planned::Blocked => false,
                };
                if runs_more && missing {
                    let reader = self.pipeline.stages[stage].name.to_string();
                    maker.state = state;
                    maker.why = Some(Why::BytesNeededBy { artifact: artifact.to_owned(), reader });
                    maker.for_bytes = true;
                    changed = true;
                }
            }
        }
        changed
    }

    /// A stage is open if it reads a result that may turn out to be different. True if that changed anything.
    fn results_are_open(&self, forecast: &mut Forecast) -> bool {
        let mut changed = false;
        let open = self.open(forecast);
        for outlook in &mut forecast.stages {
            let read = self.makers(outlook.stage).find(|(maker, _)| open[*maker]);
            let decided = outlook.key.is_some() && !self.forced[outlook.stage] && !outlook.for_bytes;
            if let Some((maker, artifact)) = read.filter(|_| decided)
                && matches!(outlook.state, Planned::Cached | Planned::Run)
            {
                outlook.state = Planned::Maybe;
                outlook.why = Some(self.may_change(maker, artifact));
                changed = true;
            }
        }
        changed
    }

    /// For each stage, whether its result may differ from the known one.
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
