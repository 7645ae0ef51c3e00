//! A store that a team shares: an S3 bucket, a folder, a web server. What anybody computed is a hit for everybody.
//!
//! Knows digests, records and the local store. Does not know stages' parameters, plans or screens: the engine asks, and
//! decides what to do with the answers. Only `cloud` knows servers, and only it is left out without the feature
//! `remote`.
//!
//! ```text
//! v1/objects/ab/<digest>     artifacts and logs by the BLAKE3 digest of their bytes
//! v1/records/ab/<key>.json   sealed action records, without what is true of one store only; written last
//! v1/bundles/<digest>        all records of a run, so that they are fetched at once
//! ```
//!
//! Invariants:
//! - A record is written after its objects. The first record of a key stays.
//! - Nothing from a remote is used unchecked: objects are hashed, a record has to have the key that it is found under,
//!   and this key has to be the digest of its fingerprint. What is wrong is put aside, named, and computed again.
//! - Nothing is asked before something is missing here. A remote that cannot be asked costs one timeout in a run, and
//!   never a result.

mod client;
#[cfg(feature = "remote")]
mod cloud;
mod each;
mod fetch;
mod look;
mod names;
#[cfg(not(feature = "remote"))]
mod none;
mod push;
mod settings;
mod state;
#[cfg(test)]
mod testing;
mod usage;
mod wire;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub use client::{Answer, Moved, Trouble};
pub(crate) use each::each;
pub use fetch::{Failed, Wanted};
pub use push::{Pushed, RESULTS_AT_ONCE};
pub use settings::{FILE, Settings, SettingsError, Show, schema};
pub use usage::{Old, RemoteUsage};

use client::Client;
#[cfg(feature = "remote")]
use cloud::open;
#[cfg(not(feature = "remote"))]
use none::open;
use state::State;

/// A remote store, as one command sees it. Opened at the first question.
#[derive(Debug)]
pub struct Remote {
    settings: Settings,
    client: OnceLock<Answer<Box<dyn Client>>>,
    state: Mutex<State>,
}

impl Remote {
    /// The remote with these settings. Asks nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, client: OnceLock::new(), state: Mutex::default() }
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Why it cannot be asked, if a question has failed for such a reason.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.state().trouble.clone()
    }

    /// What people should hear of, each text once.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state().warnings)
    }

    /// Checks that it answers and accepts the credentials.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Answer<()> {
        self.client()?.read(&[names::probe()]).pop().unwrap_or(Ok(None)).map(drop)
    }

    /// Checks that it can be written, with a tiny object that is removed again.
    ///
    /// # Errors
    /// Why not.
    pub fn check_writing(&self) -> Answer<()> {
        let (client, name) = (self.client()?, names::probe());
        client.write(&name, b"pcamflow\n".to_vec(), crate::store::Existing::Replace)?;
        client.remove(&[name])
    }

    fn client(&self) -> Answer<&dyn Client> {
        let client = self.client.get_or_init(|| open(&self.settings)).as_ref();
        client.map(AsRef::as_ref).map_err(Clone::clone)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a trouble. Returns it.
    fn note(&self, trouble: Trouble) -> Trouble {
        self.state().note(&trouble, &self.settings.url);
        trouble
    }
}
