//! What a remote store contains, and the removal of old results. Lists the whole remote.
//!
//! Records are removed before their objects. An object stays while a record needs it, and for a day in any case: its
//! record may be about to be pushed.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{
    Remote,
    client::{Answer, Client, Entry},
    names::{self, Named},
    wire,
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
        let mut usage = RemoteUsage { url: self.settings.url.clone(), ..RemoteUsage::default() };
        for Entry { name, size, .. } in self.client()?.list()? {
            match names::parse(&name) {
                Some(Named::Object(_)) => {
                    usage.objects += 1;
                    usage.object_bytes += size;
                }
                Some(Named::Record(_)) => {
                    usage.records += 1;
                    usage.record_bytes += size;
                }
                Some(Named::Bundle) => {
                    usage.bundles += 1;
                    usage.record_bytes += size;
                }
                None => {}
            }
        }
        Ok(usage)
    }

    /// Removes the results that were pushed before this long ago, and the objects that no other result needs. `report`
    /// gets how many things are done, of how many.
    ///
    /// # Errors
    /// Why it cannot be listed or removed.
    pub fn collect(&self, older_than: Duration, dry_run: bool, report: &dyn Fn(u64, u64)) -> Answer<Old> {
        let client = self.client()?;
        let mut found: BTreeMap<&str, Vec<(Entry, Option<Digest>)>> = BTreeMap::new();
        for entry in client.list()? {
            let Some(named) = names::parse(&entry.name) else { continue };
            let (kind, digest) = match named {
                Named::Object(digest) => ("object", Some(digest)),
                Named::Record(key) => ("record", Some(key)),
                Named::Bundle => ("bundle", None),
            };
            found.entry(kind).or_default().push((entry, digest));
        }
        let mut take = |kind| found.remove(kind).unwrap_or_default();
        let [records, bundles, objects] = ["record", "bundle", "object"].map(&mut take);
        let is_old = |(entry, _): &(Entry, Option<Digest>)| age(entry) >= older_than;
        let (old, kept): (Vec<_>, Vec<_>) = records.into_iter().partition(is_old);
        let bundles: Vec<_> = bundles.into_iter().filter(|bundle| is_old(bundle)).collect();
        let (needed, unreadable) = needed(client, &kept, report)?;
        let is_free = |(entry, digest): &(Entry, Option<Digest>)| {
            digest.is_some_and(|digest| !needed.contains(&digest)) && age(entry) >= GRACE
        };
        let objects: Vec<_> =
            if unreadable > 0 { Vec::new() } else { objects.into_iter().filter(is_free).collect() };
        let all: Vec<String> =
            [&old, &bundles, &objects].into_iter().flatten().map(|(entry, _)| entry.name.clone()).collect();
        if !dry_run {
            for (round, names) in all.chunks(ROUND).enumerate() {
                client.remove(names)?;
                report((round * ROUND + names.len()) as u64, all.len() as u64);
            }
        }
        Ok(Old {
            dry_run,
            records: old.len(),
            objects: objects.len(),
            object_bytes: objects.iter().map(|(entry, _)| entry.size).sum(),
            bundles: bundles.len(),
            records_left: kept.len(),
            unreadable,
        })
    }
}

fn age(entry: &Entry) -> Duration {
    SystemTime::now().duration_since(entry.modified).unwrap_or_default()
}

/// The objects that these records need, and how many of the records cannot be read.
fn needed(
    client: &dyn Client,
    records: &[(Entry, Option<Digest>)],
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
