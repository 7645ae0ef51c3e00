//! The remote store on a server, in a bucket or in a folder, through the crate `object_store`.
//!
//! The only code that is asynchronous: each call runs on a small runtime of its own and waits for the end. Small
//! questions have the timeout of the settings; transfers have none, but the server must not be silent for long.

mod aws;
mod open;
mod transfer;
mod words;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, path::Path as Name};
use tokio::runtime::Runtime;

use super::{
    client::{Answer, Client, Entry, Moved, Sink, Trouble},
    names,
    settings::Settings,
};
use crate::store::Existing;
use words::trouble;

/// How many small questions are asked at once.
const AT_ONCE: usize = 64;

/// The most that a record or bundle may have.
const LARGEST: u64 = 256 << 20;

/// A remote store and the runtime that speaks to it.
#[derive(Debug)]
struct Cloud {
    store: Arc<dyn ObjectStore>,
    /// The same, but it waits longer: sending a large body is not silence.
    uploads: Arc<dyn ObjectStore>,
    /// The path of the URL, before all names.
    prefix: Name,
    timeout: Duration,
    /// Always there; taken at the end.
    runtime: Option<Runtime>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // A name that is being resolved, or a folder that does not answer, must not hold up the end of the program.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Opens the remote of the settings. Asks nothing.
pub(super) fn open(settings: &Settings) -> Answer<Box<dyn Client>> {
    let (store, prefix) = open::open(settings, open::Use::Questions)?;
    let (uploads, _) = open::open(settings, open::Use::Uploads)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("remote")
        .enable_all()
        .build()
        .map_err(|error| Trouble::Here(format!("cannot start threads: {error}")))?;
    Ok(Box::new(Cloud { store, uploads, prefix, timeout: settings.timeout, runtime: Some(runtime) }))
}

impl Cloud {
    fn name(&self, name: &str) -> Name {
        Name::from_iter(self.prefix.parts().chain(Name::from(name).parts()))
    }

    fn wait<T>(&self, future: impl Future<Output = Answer<T>>) -> Answer<T> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(future),
            None => Err(Trouble::Stopped),
        }
    }

    /// Answers many small questions, `AT_ONCE` at a time. A trouble that lasts is the last answer: the rest is not
    /// asked.
    fn ask<T, F>(
        &self,
        names: &[String],
        question: impl Fn(Arc<dyn ObjectStore>, Name) -> F,
    ) -> Vec<Answer<T>>
    where
        F: Future<Output = Answer<T>>,
    {
        let one = |name: &String| question(Arc::clone(&self.store), self.name(name));
        let mut answers = Vec::with_capacity(names.len());
        let all = async {
            let mut asked = std::pin::pin!(stream::iter(names).map(one).buffered(AT_ONCE));
            while let Some(answer) = asked.next().await {
                let ends = answer.as_ref().is_err_and(Trouble::lasts);
                answers.push(answer);
                if ends {
                    break;
                }
            }
            Ok(())
        };
        // It always answers.
        let _ = self.wait(all);
        answers
    }
}

/// Waits for a small answer.
async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T, Error>>) -> Answer<T> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer.map_err(|error| trouble(&error)),
        Err(_) => Err(words::silent(limit)),
    }
}

/// `None` if there is no such object.
fn if_there<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Trouble::Gone) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

impl Client for Cloud {
    fn read(&self, names: &[String]) -> Vec<Answer<Option<Vec<u8>>>> {
        let limit = self.timeout;
        self.ask(names, |store, name| async move {
            let Some(found) = if_there(within(limit, store.get(&name)).await)? else { return Ok(None) };
            if found.meta.size > LARGEST {
                return Ok(Some(Vec::new()));
            }
            // A large bundle on a slow line takes longer than a question. Silence ends it.
            let bytes = found.bytes().await.map_err(|error| trouble(&error))?;
            Ok(Some(bytes.into()))
        })
    }

    fn sizes(&self, names: &[String]) -> Vec<Answer<Option<u64>>> {
        let limit = self.timeout;
        self.ask(names, |store, name| async move {
            Ok(if_there(within(limit, store.head(&name)).await)?.map(|found| found.size))
        })
    }

    fn write(&self, name: &str, bytes: Vec<u8>, existing: Existing) -> Answer<bool> {
        let name = self.name(name);
        let put = async |mode: PutMode| {
            let payload = PutPayload::from(bytes.clone());
            self.store.put_opts(&name, payload, PutOptions { mode, ..PutOptions::default() }).await
        };
        let written = async {
            let answer = match existing {
                Existing::Replace => put(PutMode::Overwrite).await,
                Existing::Keep => match put(PutMode::Create).await {
                    // Not every server knows conditions. Without them, two pushers at the same moment may not agree.
                    Err(error) if words::is_unsupported(&error) => match self.store.head(&name).await {
                        Ok(_) => return Ok(false),
                        Err(Error::NotFound { .. }) => put(PutMode::Overwrite).await,
                        Err(error) => return Err(error),
                    },
                    answer => answer,
                },
            };
            match answer {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        // A large bundle on a slow line takes longer than a question.
        let limit = self.timeout + Duration::from_secs(bytes.len() as u64 >> 18);
        self.wait(within(limit, written))
    }

    fn upload(&self, name: &str, file: &Path, moved: Moved<'_>) -> Answer<()> {
        self.wait(transfer::upload(&self.uploads, &self.name(name), file, moved))
    }

    fn download(&self, name: &str, from: u64, size: u64, sink: Sink<'_>) -> Answer<()> {
        self.wait(transfer::download(&self.store, &self.name(name), from, size, sink))
    }

    fn list(&self) -> Answer<Vec<Entry>> {
        let root = self.name(names::ROOT);
        let own = if self.prefix.as_ref().is_empty() { 0 } else { self.prefix.as_ref().len() + 1 };
        let entries = self.store.list(Some(&root)).map_ok(|found| Entry {
            name: found.location.as_ref().get(own..).unwrap_or_default().to_owned(),
            size: found.size,
            modified: found.last_modified.into(),
        });
        self.wait(async { entries.try_collect().await.map_err(|error| trouble(&error)) })
    }

    fn remove(&self, names: &[String]) -> Answer<()> {
        let limit = self.timeout;
        let question = |store: Arc<dyn ObjectStore>, name: Name| async move {
            if_there(within(limit, store.delete(&name)).await)
        };
        self.ask(names, question).into_iter().try_for_each(|answer| answer.map(drop))
    }
}
