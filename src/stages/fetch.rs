//! Stage kind `fetch`: files of web servers, each with the digest that it must have.

mod checksum;
mod dataset;
mod download;
mod url;
mod wanted;

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, Input, RunSettings, Runner, Stage,
    command::{Holds, PortName, Ports, TAKEN},
    declare::parameters,
};
use crate::fsx::Below;

pub use checksum::{Checksum, Hex, Md5, Sha256};
pub use dataset::{Dataset, Part};
pub use download::Download;
pub use url::Url;
pub use wanted::Wanted;

parameters! {
    /// Downloads files, checks their digests, and unpacks those that end with `.gz`. A file that is in the folder of
    /// the source files already is read there, if it has the digest. Where a file comes from is no part of the key.
    pub struct Fetch {
        /// A published data set, whose files and digests are known.
        semantic dataset: Option<Dataset> = None;
        /// The parts of the data set.
        semantic parts: Vec<Part> = Part::ALL.to_vec();
        /// Other files, instead of `dataset`, by the names of their artifacts.
        semantic files: Ports<Download> = Ports::default();
        /// Folders on web servers that have the files of the data set under their own names. They are asked first.
        execution mirrors: Vec<Url> = Vec::new();
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Stage for Fetch {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn artifacts(&self) -> Vec<Artifact> {
        self.wanted().iter().map(Wanted::as_artifact).collect()
    }

    fn check(&self, check: &mut Check<'_>) {
        let none =
            "nothing to fetch: write dataset = \"pcam\", or files.NAME = { url = \"...\", sha256 = \"...\" }";
        check.require(self.dataset.is_some() || !self.files.is_empty(), "files", none);
        let both = "`dataset` and `files` cannot both be given: use two stages";
        check.require(self.dataset.is_none() || self.files.is_empty(), "files", both);
        self.check_dataset(check);
        let all: Vec<(&PortName, String)> =
            self.files.iter().map(|(name, file)| (name, file.file_name(name))).collect();
        for (place, (name, file)) in all.iter().enumerate() {
            self.check_digest(name, check);
            let at = format!("files.{name}.file");
            check.require_else(is_plain(file), &at, || {
                format!("`{file}` cannot be the name of a file here: write a plain name, without folders")
            });
            let twice = all[..place].iter().find(|(_, other)| other == file);
            check.require_else(twice.is_none(), &at, || {
                let other = twice.map(|(other, _)| other.to_string()).unwrap_or_default();
                format!("the files of `{other}` and `{name}` are both `{file}`: give one another `file`")
            });
        }
    }
}

impl Fetch {
    /// The files.
    #[must_use]
    pub fn wanted(&self) -> Vec<Wanted> {
        let own = self.files.iter().filter_map(|(name, download)| {
            Some(Wanted {
                artifact: name.to_string().into(),
                file: download.file_name(name).into(),
                holds: download.holds.map_or(ArtifactType::Anything, Holds::artifact_type),
                checksum: download.checksums().next()?,
                unpack: download.unpacks(),
                urls: std::iter::once(&download.url).chain(&download.mirrors).cloned().collect(),
            })
        });
        let official = self.dataset.map(|dataset| dataset.files(&self.parts, &self.mirrors));
        official.into_iter().flatten().chain(own).collect()
    }

    fn check_dataset(&self, check: &mut Check<'_>) {
        let is_known = self.dataset.is_some();
        let all = self.parts == Part::ALL;
        check.require(is_known || all, "parts", "`parts` are those of a `dataset`, which is missing");
        let none = "`mirrors` have the files of a `dataset`, which is missing; a file has its own `mirrors`";
        check.require(is_known || self.mirrors.is_empty(), "mirrors", none);
        check.require(!self.parts.is_empty(), "parts", "`parts` must name at least one part");
        let twice = self.parts.iter().enumerate().find(|(place, part)| self.parts[..*place].contains(part));
        check.require_else(twice.is_none(), "parts", || {
            format!("`{}` is named twice", twice.map(|(_, part)| part.word()).unwrap_or_default())
        });
        let folders = self.mirrors.iter().all(|mirror| !mirror.has_query());
        let plain = "a mirror is a folder, to which the name of the file is added: without `?` or `#`";
        check.require(folders, "mirrors", plain);
    }

    fn check_digest(&self, name: &PortName, check: &mut Check<'_>) {
        let given = self.files.get(name).map_or(0, |download| download.checksums().count());
        let at = format!("files.{name}");
        let none = "the digest is missing: write sha256 = \"...\", or md5 or blake3; it says which bytes are meant, \
                    whatever the server sends";
        check.require(given > 0, &at, none);
        check.require(
            given < 2,
            &at,
            "only one of `md5`, `sha256` and `blake3` can be given: keep the longest",
        );
    }
}

/// Whether a file of a stage can have this name.
fn is_plain(name: &str) -> bool {
    let parts = Below::new(name).map(|name| name.parts().count());
    parts == Ok(1) && !name.ends_with('/') && !TAKEN.contains(&name) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
