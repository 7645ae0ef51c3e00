//! Fetches bytes from the remote store: those that stages read, and those that people look at.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{
    plan::{ask::tell, engine::Engine, forecast::Forecast},
    run::attempt::{Attempt, Failed, Message},
    tell::{
        event::{Direction, Event, Observer, Planned},
        transfer::transfer,
    },
};
use crate::{
    protocol::{Failure, Progress},
    remote::{self, Trouble, Wanted},
    store::StoredArtifact,
};

/// An artifact as something to fetch.
pub(super) fn wanted(stage: &str, name: &str, artifact: &StoredArtifact) -> Wanted {
    Wanted { digest: artifact.digest, size: artifact.size, what: format!("{stage}/{name}") }
}

impl Attempt<'_> {
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
        let failure = Failure::environment(told(first));
        // What the remote turned out not to have is computed.
        let unfetched = failed.iter().all(|failed| !remote.has_object(&failed.digest));
        Err(Failed { unfetched, ..failure.into() })
    }
}

/// `train.base/model cannot be fetched: ...`
fn told(failed: &remote::Failed) -> String {
    format!("`{}` cannot be fetched from the remote store: {}", failed.what, failed.trouble)
}

impl Engine<'_> {
    /// The artifacts of results that are to be shown, and whose bytes are not here.
    pub(super) fn to_show(&self, forecast: &Forecast, frozen: bool) -> Vec<Wanted> {
        let Some(remote) = &self.options.remote else { return Vec::new() };
        // A frozen run checks: it fetches only what somebody has asked for.
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
            to_show.extend(artifacts.filter(|(_, it)| wants(it)).map(|(name, it)| wanted(&stage, name, it)));
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
            observer.event(&Event::Warning { stage: None, text: told(failed) });
        }
    }
}
