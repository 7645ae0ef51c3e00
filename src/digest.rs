//! Content digests, which identify objects of the store, keys and pinned sources.
//!
//! Knows BLAKE3 and hexadecimal; knows no files, stages or stores.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A 32-byte BLAKE3 digest. It is 64 hexadecimal digits in texts, and its bytes in binary formats.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// All 64 digits.
    #[must_use]
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first ten digits, which are enough for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..10].to_owned()
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

/// The error for a text that is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a BLAKE3 digest has 64 hexadecimal digits, not {0:?}")]
pub struct NotADigest(String);

impl FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        blake3::Hash::from_hex(text).map(Self::from).map_err(|_| NotADigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex()),
            false => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => String::deserialize(deserializer)?.parse().map_err(D::Error::custom),
            false => <[u8; 32]>::deserialize(deserializer).map(Self),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_as_hexadecimal() {
        let digest = Digest::of(b"patch");
        assert_eq!(digest.hex().parse::<Digest>().unwrap(), digest);
        assert_eq!(digest.hex().len(), 64);
        assert!("12".parse::<Digest>().is_err());
    }

    #[test]
    fn serialises_as_text_in_json_and_as_bytes_in_binary_formats() {
        let digest = Digest::of(b"");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"12\"").is_err());
        let bytes = postcard::to_stdvec(&digest).unwrap();
        assert_eq!(bytes, digest.as_bytes());
        assert_eq!(postcard::from_bytes::<Digest>(&bytes).unwrap(), digest);
    }
}
