//! Fetches bytes from the remote store: those that stages read, and those that people look at.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{
    plan::{ask::tell, engine::Engine, forecast::Forecast},
    run::{
        attempt::{Attempt, Failed, Message},
        run_loop::Run,
    },
    tell::{
        event::{Direction, Event, Observer, Planned},
        transfer::transfer,
    },
};
use crate::{
    protocol::{Failure, Progress},
    remote::{self, Trouble, Wanted},
    store::{ActionRecord, Existing, StoredArtifact},
};

impl Attempt<'_> {
    /// The result that the remote store has, if its key was not known before the run and so was not asked for.
    pub(super) fn made_elsewhere(&self) -> Option<ActionRecord> {
        let (store, key) = (self.shared.store, self.work.fingerprint.key());
        let remote = self
            .shared
            .remote
            .filter(|remote| self.work.existing == Existing::Keep && !remote.knows(&key))?;
        let record = remote.bundled(&key).or_else(|| remote.look_up(&[key], store).pop())?;
        store.adopt(record).ok()?;
        let record = store.record(&key).ok()?.found()?;
        let show = remote.settings().show.unwrap_or_default();
        let seen = record.artifacts.iter().filter(|(_, artifact)| show.wants(&artifact.file.to_string()));
        let seen: Vec<Wanted> =
            seen.map(|(name, artifact)| Wanted::artifact(&record.stage, name, artifact)).collect();
        let stopped = self.shared.stopped;
        // What cannot be fetched is not shown.
        drop(remote.fetch(store, &seen, &|_| !stopped.load(Ordering::SeqCst)));
        Some(record)
    }

    /// Fetches the artifacts that the stage reads and that are not here.
    pub(super) fn fetch_inputs(&self) -> Result<(), Failed> {
        let Some(remote) = self.shared.remote.filter(|_| !self.fetch.is_empty()) else { return Ok(()) };
        let (send, index, stopped) = (&self.send, self.index, self.shared.stopped);
        let report = |progress: crate::store::Progress| {
            let (unit, at) = ("bytes".to_owned(), "fetching what it reads".to_owned());
            let progress = Progress { done: progress.done, total: progress.total, unit, at };
            let _ = send.send(Message::Progress(index, progress));
            !stopped.load(Ordering::SeqCst)
        };
        let failed = remote.fetch(self.shared.store, &self.fetch, &report);
        let Some(first) = failed.first() else { return Ok(()) };
        let failure = Failure::environment(first);
        // What the remote turned out not to have is computed.
        let unfetched = failed.iter().all(|failed| !remote.has_object(&failed.digest));
        Err(Failed { unfetched, ..failure.into() })
    }
}

impl Run<'_, '_, '_> {
    /// The artifacts that a stage reads and that are not here.
    pub(super) fn to_fetch(&self, stage: usize) -> Vec<Wanted> {
        let read = self.planner.makers(stage).filter_map(|(maker, name)| {
            let artifact = self.made[maker].as_ref()?.get(name)?;
            let is_missing = !self.shared.store.has(&artifact.digest);
            is_missing.then(|| Wanted::artifact(&self.name(maker), name, artifact))
        });
        read.collect()
    }
}

impl Engine<'_> {
    /// The artifacts of results that are to be shown, and whose bytes are not here.
    pub(super) fn to_show(&self, forecast: &Forecast, frozen: bool) -> Vec<Wanted> {
        let Some(remote) = &self.options.remote else { return Vec::new() };
        // A frozen run only checks results, so it fetches nothing unless the settings ask for it.
        let show = match (remote.settings().show, frozen) {
            (Some(show), _) => show,
            (None, false) => remote::Show::default(),
            (None, true) => remote::Show::None,
        };
        let mut to_show = Vec::new();
        for outlook in forecast.stages.iter().filter(|outlook| outlook.state == Planned::Cached) {
            let stage = self.pipeline.stages[outlook.stage].name.to_string();
            let artifacts = forecast.made[outlook.stage].iter().flatten();
            let wants = |artifact: &StoredArtifact| {
                show.wants(&artifact.file.to_string()) && !self.store.has(&artifact.digest)
            };
            to_show.extend(
                artifacts.filter(|(_, it)| wants(it)).map(|(name, it)| Wanted::artifact(&stage, name, it)),
            );
        }
        to_show
    }

    /// Fetches them. What the remote does not have is not shown.
    pub(super) fn fetch_to_show(
        &self,
        to_show: &[Wanted],
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) {
        let Some(remote) = self.options.remote.as_deref().filter(|_| !to_show.is_empty()) else { return };
        let failed = transfer(Direction::Fetching, "results to show", observer, |report| {
            remote.fetch(self.store, to_show, &|progress| report(progress) && !stopped.load(Ordering::SeqCst))
        });
        tell(remote, observer);
        for failed in
            failed.iter().filter(|failed| matches!(failed.trouble, Trouble::Wrong(_) | Trouble::Here(_)))
        {
            observer.event(&Event::Warning { stage: None, text: failed.to_string() });
        }
    }
}
