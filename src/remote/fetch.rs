//! Fetches objects from a remote store into the local one: several at once, each hashed before it is used.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    Remote,
    client::{Answer, Client, Trouble},
    each::each,
    names,
};
use crate::{
    digest::Digest,
    store::{Damage, Incoming, Progress, Receive, Received, Store, StoredArtifact},
};

/// How many objects are moved at once.
pub(super) const AT_ONCE: usize = 16;

/// How long to wait before looking again whether another process is done with an object.
const PAUSE: Duration = Duration::from_millis(50);

/// An object to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; 0 if that is not known.
    pub size: u64,
    /// What it is, for messages: `train.base/model`.
    pub what: String,
}

impl Wanted {
    /// An artifact of a stage.
    #[must_use]
    pub fn artifact(stage: &str, name: &str, artifact: &StoredArtifact) -> Self {
        Self { digest: artifact.digest, size: artifact.size, what: format!("{stage}/{name}") }
    }

    /// The log of a stage.
    #[must_use]
    pub fn log(stage: &str, digest: Digest) -> Self {
        Self { digest, size: 0, what: format!("{stage}, its log") }
    }
}

/// An object that could not be fetched. Displays as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{what}` cannot be fetched from the remote store: {trouble}")]
pub struct Failed {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub what: String,
    /// Why.
    pub trouble: Trouble,
}

impl Remote {
    /// Fetches objects that are not here. `report` gets the bytes so far, from several threads; false stops. Returns
    /// what could not be fetched: the remote does not have it, as far as the rest of this command is concerned.
    pub fn fetch(
        &self,
        store: &Store,
        wanted: &[Wanted],
        report: &(dyn Fn(Progress) -> bool + Sync),
    ) -> Vec<Failed> {
        let done = AtomicU64::new(0);
        let total = wanted.iter().map(|wanted| wanted.size).sum();
        let moved = |bytes: u64| {
            let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            report(Progress { done: done.min(total), total })
        };
        let failed = each(wanted, AT_ONCE, |wanted| {
            let trouble = self.fetch_one(store, wanted, &moved).err()?;
            Some(Failed { digest: wanted.digest, what: wanted.what.clone(), trouble })
        });
        failed.into_iter().flatten().collect()
    }

    fn fetch_one(&self, store: &Store, wanted: &Wanted, moved: &(dyn Fn(u64) -> bool + Sync)) -> Answer<()> {
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        let fetched = self.client().and_then(|client| receive(client, store, wanted, moved));
        match &fetched {
            Ok(()) | Err(Trouble::Stopped | Trouble::Here(_)) => {}
            Err(trouble) => {
                let mut state = self.state();
                state.objects.insert(wanted.digest, false);
                if matches!(trouble, Trouble::Wrong(_)) {
                    state.wrong.insert(wanted.digest);
                }
                drop(state);
                self.note(trouble.clone());
            }
        }
        fetched
    }
}

/// Receives one object. If what was fetched of it earlier turns out to be wrong, it is fetched whole.
fn receive(
    client: &dyn Client,
    store: &Store,
    wanted: &Wanted,
    moved: &(dyn Fn(u64) -> bool + Sync),
) -> Answer<()> {
    let Some(mut incoming) = open(store, wanted, moved)? else { return Ok(()) };
    if wanted.size == 0 {
        // How much is missing is not known. What has no known size is small.
        incoming.restart()?;
    }
    let resumed = !incoming.is_empty();
    moved(incoming.len());
    match rest(client, incoming, wanted, moved) {
        Err(Trouble::Wrong(_)) if resumed => {}
        Ok(Some(_)) if resumed => {}
        Ok(None) => return Ok(()),
        Ok(Some(damage)) => return Err(wrong(&damage)),
        Err(trouble) => return Err(trouble),
    }
    let Some(mut incoming) = open(store, wanted, moved)? else { return Ok(()) };
    incoming.restart()?;
    rest(client, incoming, wanted, moved)?.map_or(Ok(()), |damage| Err(wrong(&damage)))
}

/// The object to receive, once no other process does. `None` if it is here then.
fn open<'a>(
    store: &'a Store,
    wanted: &Wanted,
    moved: &(dyn Fn(u64) -> bool + Sync),
) -> Answer<Option<Incoming<'a>>> {
    loop {
        match store.receive(&wanted.digest)? {
            Receive::Open(incoming) => return Ok(Some(incoming)),
            Receive::Here => return Ok(None),
            Receive::Busy if moved(0) => std::thread::sleep(PAUSE),
            Receive::Busy => return Err(Trouble::Stopped),
        }
    }
}

/// Receives the rest of an object. The damage, if it is not what it should be.
fn rest(
    client: &dyn Client,
    mut incoming: Incoming<'_>,
    wanted: &Wanted,
    moved: &(dyn Fn(u64) -> bool + Sync),
) -> Answer<Option<Damage>> {
    let (from, mut longer) = (incoming.len(), false);
    let is_whole = wanted.size > 0 && from >= wanted.size;
    if !is_whole {
        let read = client.download(&names::object(&wanted.digest), from, wanted.size, &mut |bytes| {
            if wanted.size > 0 && incoming.len() + bytes.len() as u64 > wanted.size {
                longer = true;
                return Err(Trouble::Wrong(format!("it has more than its {} bytes", wanted.size)));
            }
            incoming.append(bytes)?;
            if moved(bytes.len() as u64) { Ok(()) } else { Err(Trouble::Stopped) }
        });
        match read {
            Err(trouble) if longer => {
                let _ = incoming.reject(trouble.to_string());
                return Err(trouble);
            }
            read => read?,
        }
    }
    match incoming.finish()? {
        Received::Object => Ok(None),
        Received::Wrong(damage) => Ok(Some(damage)),
    }
}

fn wrong(damage: &Damage) -> Trouble {
    let aside = damage.moved_to.as_ref().map(|path| format!("; they were put aside: {}", path.display()));
    Trouble::Wrong(format!("its bytes there are wrong ({}){}", damage.what, aside.unwrap_or_default()))
}
