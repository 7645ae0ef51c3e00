//! The BLAKE3 digest of a file, as fast as the machine reads it.
//!
//! A large file is split along BLAKE3's tree. All cores read and hash pieces, each in a buffer that fits into the core's
//! cache. This is faster than a memory map as in `b3sum`, because copying beats page faults, and a file that shrinks
//! meanwhile is an error instead of a SIGBUS.

use std::{cell::RefCell, fs::File, os::unix::fs::FileExt, path::Path};

use blake3::{
    Hasher,
    hazmat::{
        ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
    },
};

use super::{Error, Result, StatTuple, non_file::open_regular};
use crate::digest::Digest;

/// How many bytes a thread reads and hashes at once. The tree needs a power of two.
const PIECE: u64 = 1 << 18;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A file's digest, and its stat tuple while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Of its content.
    pub digest: Digest,
    /// The same before and after reading.
    pub stat: StatTuple,
}

/// Hashes a file (symbolic links followed).
///
/// # Errors
/// Where it cannot be read, or is modified meanwhile.
pub fn hash_file(path: &Path) -> Result<Hashed> {
    hash_file_with(path, &|_| ())
}

/// [`hash_file`] that calls `read` with the number of bytes after each piece, from several threads.
///
/// # Errors
/// Where it cannot be read, or is modified meanwhile.
pub fn hash_file_with(path: &Path, read: &(dyn Fn(u64) + Sync)) -> Result<Hashed> {
    let (file, metadata) = open_regular(path)?;
    let stat = StatTuple::from(&metadata);
    let source = Source { file: &file, path, read };
    let digest = Digest::from(source.root(stat.size)?);
    match StatTuple::from(&file.metadata().map_err(Error::at("read", path))?) == stat {
        true => Ok(Hashed { digest, stat }),
        false => Err(Error::changing(path)),
    }
}

struct Source<'a> {
    file: &'a File,
    path: &'a Path,
    read: &'a (dyn Fn(u64) + Sync),
}

impl Source<'_> {
    fn root(&self, size: u64) -> Result<blake3::Hash> {
        if size <= PIECE {
            return self.piece(0, size, blake3::hash);
        }
        let (left, right) = self.halves(0, size)?;
        Ok(merge_subtrees_root(&left, &right, Mode::Hash))
    }

    fn subtree(&self, offset: u64, length: u64) -> Result<ChainingValue> {
        if length <= PIECE {
            return self.piece(offset, length, |bytes| {
                Hasher::new().set_input_offset(offset).update(bytes).finalize_non_root()
            });
        }
        let (left, right) = self.halves(offset, length)?;
        Ok(merge_subtrees_non_root(&left, &right, Mode::Hash))
    }

    fn halves(&self, offset: u64, length: u64) -> Result<(ChainingValue, ChainingValue)> {
        let left = left_subtree_len(length);
        let halves =
            rayon::join(|| self.subtree(offset, left), || self.subtree(offset + left, length - left));
        Ok((halves.0?, halves.1?))
    }

    fn piece<T>(&self, offset: u64, length: u64, hash: impl FnOnce(&[u8]) -> T) -> Result<T> {
        BUFFER.with_borrow_mut(|buffer| {
            let length = usize::try_from(length).expect("a piece fits into memory");
            buffer.resize(buffer.len().max(length), 0);
            let bytes = &mut buffer[..length];
            self.file.read_exact_at(bytes, offset).map_err(|cause| match cause.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::changing(self.path),
                _ => Error::new("read", self.path, cause),
            })?;
            let value = hash(bytes);
            (self.read)(length as u64);
            Ok(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::fsx::Kind;

    /// Bytes without a period that could hide a piece hashed in the wrong place.
    fn bytes(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Hasher::new().update(b"test").finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn every_size_around_a_piece_gives_the_digest_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let piece = usize::try_from(PIECE).unwrap();
        let all = bytes(9 * piece + 3);
        for pieces in 0..=9 {
            for offset in [-1025_isize, -1024, -1, 0, 1, 3, 1023, 1024, 1025] {
                let Some(length) = (pieces * piece).checked_add_signed(offset) else { continue };
                let content = &all[..length.min(all.len())];
                fs::write(&path, content).unwrap();
                let hashed = hash_file(&path).unwrap();
                assert_eq!(hashed.digest, Digest::of(content), "{} bytes", content.len());
                assert_eq!(hashed.stat.size, content.len() as u64);
            }
        }
    }

    #[test]
    fn a_sparse_file_is_its_zeros_and_progress_adds_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let size = (64 << 20) + 1;
        fs::File::create(&path).unwrap().set_len(size).unwrap();
        let done = AtomicU64::new(0);
        let hashed = hash_file_with(&path, &|n| {
            done.fetch_add(n, Ordering::Relaxed);
        });
        let zeros = vec![0; usize::try_from(size).unwrap()];
        assert_eq!(hashed.unwrap().digest, Digest::of(&zeros));
        assert_eq!(done.into_inner(), size);
    }

    #[test]
    fn a_file_modified_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, bytes(1 << 20)).unwrap();
        let grow = |_| fs::File::options().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        assert_eq!(hash_file_with(&path, &grow).unwrap_err().kind(), Kind::Changing);
        let shrink = |_| fs::File::options().write(true).open(&path).unwrap().set_len(5).unwrap();
        assert_eq!(hash_file_with(&path, &shrink).unwrap_err().kind(), Kind::Changing);
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [folder.path(), &pipe] {
            assert_eq!(hash_file(path).unwrap_err().kind(), Kind::NotAFile);
        }
        assert_eq!(hash_file(&folder.path().join("absent")).unwrap_err().kind(), Kind::NotFound);
    }
}
