//! What a remote store contains, and the removal of old results. Lists the whole remote.
//!
//! Records are removed before their objects. An object stays while a record needs it, and for a day in any case: its
//! record may be about to be pushed.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{
    Remote,
    client::{Answer, Client, Entry},
    names, wire,
};
use crate::digest::Digest;

/// How long an object without a record stays.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// How many records are read, or objects removed, between two reports.
const ROUND: usize = 256;

/// What a remote contains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemoteUsage {
    /// Its URL.
    pub url: String,
    /// Results.
    pub records: usize,
    /// Objects.
    pub objects: usize,
    /// Their bytes.
    pub object_bytes: u64,
    /// Bundles of records.
    pub bundles: usize,
    /// Bytes of records and bundles.
    pub record_bytes: u64,
}

/// What was removed from a remote, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Old {
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Results.
    pub records: usize,
    /// Objects that no result needs any more.
    pub objects: usize,
    /// Their bytes.
    pub object_bytes: u64,
    /// Bundles.
    pub bundles: usize,
    /// Results that stay.
    pub records_left: usize,
    /// Records that could not be read, and stay. While there are such, no object is removed.
    pub unreadable: usize,
}

impl Remote {
    /// What the remote contains.
    ///
    /// # Errors
    /// Why it cannot be listed.
    pub fn usage(&self) -> Answer<RemoteUsage> {
        let Listed { records, bundles, objects } = Listed::of(self.client()?)?;
        let bytes = |all: &[Named]| all.iter().map(|(entry, _)| entry.size).sum::<u64>();
        Ok(RemoteUsage {
            url: self.settings.url.clone(),
            records: records.len(),
            objects: objects.len(),
            object_bytes: bytes(&objects),
            bundles: bundles.len(),
            record_bytes: bytes(&records) + bytes(&bundles),
        })
    }

    /// Removes the results that were pushed before this long ago, and the objects that no other result needs. `report`
    /// gets how many things are done, of how many.
    ///
    /// # Errors
    /// Why it cannot be listed or removed.
    pub fn collect(&self, older_than: Duration, dry_run: bool, report: &dyn Fn(u64, u64)) -> Answer<Old> {
        let client = self.client()?;
        let Listed { records, bundles, .. } = Listed::of(client)?;
        let is_old = |(entry, _): &Named| age(entry) >= older_than;
        let (old, kept): (Vec<Named>, Vec<Named>) = records.into_iter().partition(is_old);
        let bundles: Vec<Named> = bundles.into_iter().filter(is_old).collect();
        let (records, records_left) = (old.len(), kept.len());
        let gone: Vec<Named> = old.into_iter().chain(bundles.iter().cloned()).collect();
        remove(client, &gone, dry_run, report)?;
        // Listed again: results may have been pushed meanwhile.
        let Listed { records: now, objects, .. } = Listed::of(client)?;
        let kept = if dry_run { kept } else { now };
        let (needed, unreadable) = needed(client, &kept, report)?;
        let is_free = |(entry, digest): &Named| {
            unreadable == 0 && digest.is_some_and(|digest| !needed.contains(&digest)) && age(entry) >= GRACE
        };
        let objects: Vec<Named> = objects.into_iter().filter(is_free).collect();
        remove(client, &objects, dry_run, report)?;
        Ok(Old {
            dry_run,
            records,
            objects: objects.len(),
            object_bytes: objects.iter().map(|(entry, _)| entry.size).sum(),
            bundles: bundles.len(),
            records_left,
            unreadable,
        })
    }
}

/// An object of the remote, with the digest in its name.
type Named = (Entry, Option<Digest>);

/// What a remote contains.
#[derive(Default)]
struct Listed {
    records: Vec<Named>,
    bundles: Vec<Named>,
    objects: Vec<Named>,
}

impl Listed {
    fn of(client: &dyn Client) -> Answer<Self> {
        let mut listed = Self::default();
        for entry in client.list()? {
            match names::parse(&entry.name) {
                Some(names::Named::Object(digest)) => listed.objects.push((entry, Some(digest))),
                Some(names::Named::Record(key)) => listed.records.push((entry, Some(key))),
                Some(names::Named::Bundle) => listed.bundles.push((entry, None)),
                None => {}
            }
        }
        Ok(listed)
    }
}

fn remove(client: &dyn Client, all: &[Named], dry_run: bool, report: &dyn Fn(u64, u64)) -> Answer<()> {
    for (round, some) in all.chunks(ROUND).enumerate().filter(|_| !dry_run) {
        let names: Vec<String> = some.iter().map(|(entry, _)| entry.name.clone()).collect();
        client.remove(&names)?;
        report((round * ROUND + names.len()) as u64, all.len() as u64);
    }
    Ok(())
}

fn age(entry: &Entry) -> Duration {
    SystemTime::now().duration_since(entry.modified).unwrap_or_default()
}

/// The objects that these records need, and how many of the records cannot be read.
fn needed(
    client: &dyn Client,
    records: &[Named],
    report: &dyn Fn(u64, u64),
) -> Answer<(HashSet<Digest>, usize)> {
    let (mut needed, mut unreadable, mut done) = (HashSet::new(), 0, 0);
    for round in records.chunks(ROUND) {
        let names: Vec<String> = round.iter().map(|(entry, _)| entry.name.clone()).collect();
        for ((_, key), read) in round.iter().zip(client.read(&names)) {
            let record = read?.zip(*key).and_then(|(bytes, key)| wire::record(&bytes, &key).ok().flatten());
            match record {
                Some(record) => needed.extend(record.digests()),
                None => unreadable += 1,
            }
        }
        done += round.len() as u64;
        report(done, records.len() as u64);
    }
    Ok((needed, unreadable))
}
