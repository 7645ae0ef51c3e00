//! Computes the digests that files are published with.

use md5::Digest as _;
use sha2::Digest as _;

use crate::stages::fetch::{Checksum, Hex};

/// A digest that is being computed.
#[derive(Clone)]
pub(super) enum Hasher {
    Md5(md5::Md5),
    Sha256(sha2::Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// A hasher of the same kind as a digest.
    pub(super) fn like(checksum: Checksum) -> Self {
        match checksum {
            Checksum::Md5(_) => Self::Md5(md5::Md5::new()),
            Checksum::Sha256(_) => Self::Sha256(sha2::Sha256::new()),
            Checksum::Blake3(_) => Self::Blake3(Box::default()),
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
        }
    }

    /// The digest of the bytes so far.
    pub(super) fn so_far(&self) -> Checksum {
        match self.clone() {
            Self::Md5(hasher) => Checksum::Md5(Hex(hasher.finalize().into())),
            Self::Sha256(hasher) => Checksum::Sha256(Hex(hasher.finalize().into())),
            Self::Blake3(hasher) => Checksum::Blake3(hasher.finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_usual_ones() {
        let of_abc = |text: Checksum| {
            let mut hasher = Hasher::like(text);
            hasher.take(b"a");
            hasher.take(b"bc");
            hasher.so_far().to_string()
        };
        let md5: Checksum = Checksum::Md5(Hex([0; 16]));
        assert_eq!(of_abc(md5), "md5:900150983cd24fb0d6963f7d28e17f72");
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_abc(Checksum::Sha256(Hex([0; 32]))), sha256);
        let blake3 = crate::digest::Digest::of(b"abc");
        assert_eq!(of_abc(Checksum::Blake3(blake3)), format!("blake3:{blake3}"));
    }
}
