//! Takes the bytes of one file in order: computes their digest, and writes the artifact, unpacked if it has to be.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use flate2::write::MultiGzDecoder;

use super::hasher::Hasher;
use crate::{
    fsx,
    stages::fetch::{Checksum, Wanted},
};

/// How many bytes of a file are read at once.
const BLOCK: usize = 1 << 20;

/// A file that is being taken in.
pub(super) struct Intake<'a> {
    wanted: &'a Wanted,
    hasher: Hasher,
    output: Output,
}

/// Where the bytes go.
enum Output {
    Plain(File),
    Packed(Box<MultiGzDecoder<File>>),
    /// They cannot be unpacked. If the digest is wrong as well, that does not matter.
    Broken(io::Error),
}

impl<'a> Intake<'a> {
    /// Begins the artifact, anew if there is one.
    pub(super) fn begin(wanted: &'a Wanted, staging: &Path) -> Result<Self> {
        let file = fsx::create(&staging.join(&*wanted.file))?;
        let output = match wanted.unpack {
            true => Output::Packed(Box::new(MultiGzDecoder::new(file))),
            false => Output::Plain(file),
        };
        Ok(Self { wanted, hasher: Hasher::like(wanted.checksum), output })
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.take(bytes);
        let written = match &mut self.output {
            Output::Plain(file) => file.write_all(bytes),
            Output::Packed(decoder) => decoder.write_all(bytes),
            Output::Broken(_) => Ok(()),
        };
        self.note(written)
    }

    /// Takes all bytes of a file. `taken` gets their number after each block.
    pub(super) fn take_file(&mut self, path: &Path, taken: &dyn Fn(u64)) -> Result<u64> {
        let (mut file, mut buffer, mut all) = (fsx::open(path)?, vec![0; BLOCK], 0);
        loop {
            let count = file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
            if count == 0 {
                return Ok(all);
            }
            self.take(&buffer[..count])?;
            all += count as u64;
            taken(all);
        }
    }

    /// The digest of the bytes so far.
    pub(super) fn digest(&self) -> Checksum {
        self.hasher.so_far()
    }

    /// Whether the bytes are those that are wanted. Then the artifact is complete.
    pub(super) fn is_right(&mut self) -> Result<bool> {
        if self.digest() != self.wanted.checksum {
            return Ok(false);
        }
        if let Output::Packed(decoder) = &mut self.output {
            let ended = decoder.try_finish();
            self.note(ended)?;
        }
        match &self.output {
            Output::Broken(error) => bail!(
                "{} has the right digest, but it cannot be unpacked: {error}; if it is not packed with gzip, write \
                 `unpack = false`",
                self.wanted.packed_name()
            ),
            Output::Plain(_) | Output::Packed(_) => Ok(true),
        }
    }

    /// Notes that bytes cannot be unpacked. That the artifact cannot be written is an error.
    fn note(&mut self, written: io::Result<()>) -> Result<()> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match written {
            Err(error)
                if self.wanted.unpack
                    && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) =>
            {
                self.output = Output::Broken(error);
                Ok(())
            }
            written => written.with_context(|| format!("cannot write {}", self.wanted.file)),
        }
    }
}
