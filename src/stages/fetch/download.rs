//! One file of a `fetch` stage, as the pipeline file describes it.

use super::{
    Checksum, Url,
    checksum::{Md5, Sha256},
};
use crate::{
    digest::Digest,
    stages::{
        Canonical, Lines,
        command::{Holds, PortName},
        declare::table,
        join,
    },
};

table! {
    /// A file to download, with exactly one digest. The digest is that of the bytes that are downloaded.
    pub struct Download {
        /// Where the file is.
        url: Url;
        /// Where else it is. Asked one after the other if `url` fails.
        #[serde(default)]
        mirrors: Vec<Url> = Vec::new();
        /// Its MD5.
        md5: Option<Md5> = None;
        /// Its SHA-256.
        sha256: Option<Sha256> = None;
        /// Its BLAKE3.
        blake3: Option<Digest> = None;
        /// Whether it is unpacked with gzip (default: if the path of `url` ends with `.gz`).
        unpack: Option<bool> = None;
        /// The name of the artifact's file (default: the artifact's name, with the extension of what it holds).
        file: Option<String> = None;
        /// What it contains, so that stages of other kinds can read it.
        holds: Option<Holds> = None;
    }
}

impl Download {
    /// Its digests: one, unless the table is wrong.
    pub(super) fn checksums(&self) -> impl Iterator<Item = Checksum> + use<> {
        let all = [
            self.md5.map(Checksum::Md5),
            self.sha256.map(Checksum::Sha256),
            self.blake3.map(Checksum::Blake3),
        ];
        all.into_iter().flatten()
    }

    /// Whether it is unpacked.
    pub(super) fn unpacks(&self) -> bool {
        self.unpack.unwrap_or_else(|| self.url.shown().ends_with(".gz"))
    }

    /// The name of the artifact's file. It does not depend on the URL, so that a file that moves keeps its key.
    pub(super) fn file_name(&self, name: &PortName) -> String {
        let extension = match self.holds {
            _ if name.as_str().contains('.') => "",
            Some(Holds::Patches | Holds::Images | Holds::Labels | Holds::Masks) => ".h5",
            Some(Holds::Meta) => ".csv",
            Some(Holds::Model) => ".safetensors",
            None => "",
        };
        self.file.clone().unwrap_or_else(|| format!("{name}{extension}"))
    }
}

impl Canonical for Download {
    /// What decides the bytes: the digest, and whether they are unpacked. Not where they come from.
    fn write(&self, path: &str, lines: &mut Lines) {
        for checksum in self.checksums() {
            lines.put(&join(path, "digest"), checksum.to_string());
        }
        if self.unpacks() {
            lines.put(&join(path, "unpack"), "true");
        }
    }
}
