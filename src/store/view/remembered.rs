//! Remembers the stat tuples of shown folders that are right, and of the folder around them, so that the next run
//! need not read their markers or list that folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    super::Store,
    leads_to,
    marker::{Marker, stat_shown},
};
use crate::{
    digest::Digest,
    fsx::{Below, Exposed, StatTuple},
};

/// A shown file: its stat tuple, and whether it is a link, which also has to lead to its object.
type File = (StatTuple, bool);

impl Store {
    /// Whether a folder showed exactly what is wanted in an earlier run, and its files were not touched since.
    pub(super) fn is_as_remembered(&self, target: &Path, wanted: &BTreeMap<&Below, Digest>) -> bool {
        if !self.recall.is_open() {
            return false;
        }
        let look = |name: &&Below| stat_shown(&name.under(target), name).ok().flatten();
        let Some(now) = wanted.keys().map(look).collect::<Option<Vec<_>>>() else { return false };
        let Some(newest) = newest(&now) else { return false };
        let read = |bytes: &[u8]| {
            let files: Vec<File> = postcard::from_bytes(bytes).ok()?;
            files.iter().map(|(stat, _)| stat).eq(&now).then_some(files)
        };
        let Some(files) = self.recall.get(&id(target, wanted), newest, read) else { return false };
        let is_right = |name: &Below, digest| leads_to(&name.under(target), &self.layout.object(digest));
        files.iter().zip(wanted).all(|((_, link), (name, digest))| !link || is_right(name, digest))
    }

    /// Remembers a folder that shows everything that is wanted.
    pub(super) fn remember_shown(&self, target: &Path, marker: &Marker, wanted: &BTreeMap<&Below, Digest>) {
        if !self.recall.is_open() {
            return;
        }
        let files = marker.files.values().map(|file| Some((file.stat?, file.exposed? == Exposed::Link)));
        let Some(files) = files.collect::<Option<Vec<File>>>() else { return };
        let stats: Vec<StatTuple> = files.iter().map(|(stat, _)| *stat).collect();
        if let (Some(newest), Ok(bytes)) = (newest(&stats), postcard::to_stdvec(&files)) {
            self.recall.learn(id(target, wanted), *newest, || bytes);
        }
    }
}

impl Store {
    /// Whether a folder showed nothing but these stages in an earlier run, and no entry came or went since.
    pub(super) fn shows_no_others(&self, parent: &Path, now: &StatTuple, keep: &BTreeSet<String>) -> bool {
        self.recall.is_open() && self.recall.get(&id_of_all(parent, keep), now, |_| Some(())).is_some()
    }

    /// Remembers that a folder shows nothing but these stages. `before` is its stat tuple from before it was listed:
    /// if an entry came or went meanwhile, the folder has another one now.
    pub(super) fn remember_no_others(&self, parent: &Path, before: StatTuple, keep: &BTreeSet<String>) {
        self.recall.learn(id_of_all(parent, keep), before, Vec::new);
    }
}

/// Identifies a folder that shows these stages. No shown folder of a stage has an id like this.
fn id_of_all(parent: &Path, stages: &BTreeSet<String>) -> Digest {
    let mut bytes = parent.as_os_str().as_encoded_bytes().to_vec();
    for stage in stages {
        bytes.push(0);
        bytes.extend_from_slice(stage.as_bytes());
    }
    bytes.extend_from_slice(b"\0\0");
    Digest::of(&bytes)
}

/// The stat tuple that changed last stands for all: when it has settled, all have.
fn newest(stats: &[StatTuple]) -> Option<&StatTuple> {
    stats.iter().max_by_key(|stat| (stat.ctime_ns, stat.inode))
}

/// Identifies a folder that shows these files.
fn id(target: &Path, wanted: &BTreeMap<&Below, Digest>) -> Digest {
    let mut bytes = target.as_os_str().as_encoded_bytes().to_vec();
    for (name, digest) in wanted {
        bytes.push(0);
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(digest.as_bytes());
    }
    Digest::of(&bytes)
}
