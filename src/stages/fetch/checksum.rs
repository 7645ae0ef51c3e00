//! The digests that files are published with. Plain data: knows how they are written, not how they are computed.

use std::{fmt, str::FromStr};

use crate::{
    digest::Digest,
    stages::{schema::json_schemas, text::serde_by_text},
};

/// A digest of `N` bytes, written as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// An MD5 digest.
pub type Md5 = Hex<16>;

/// A SHA-256 digest.
pub type Sha256 = Hex<32>;

/// The digest that a file has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// MD5. It tells damaged and other files apart, but it can be forged.
    Md5(Md5),
    /// SHA-256.
    Sha256(Sha256),
    /// BLAKE3.
    Blake3(Digest),
}

impl<const N: usize> Hex<N> {
    /// Reads the digits; `None` if there are not exactly `2 * N` of them.
    pub(super) const fn read(text: &str) -> Option<Self> {
        let (digits, mut bytes, mut at) = (text.as_bytes(), [0; N], 0);
        if digits.len() != 2 * N {
            return None;
        }
        while at < N {
            match (value(digits[2 * at]), value(digits[2 * at + 1])) {
                (Some(high), Some(low)) => bytes[at] = high << 4 | low,
                _ => return None,
            }
            at += 1;
        }
        Some(Self(bytes))
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let name = if N == 16 { "an MD5" } else { "a SHA-256" };
        Self::read(text)
            .ok_or_else(|| format!("{name} digest has {} hexadecimal digits, not {text:?}", 2 * N))
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `sha256:...`
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(hex) => write!(f, "md5:{hex}"),
            Self::Sha256(hex) => write!(f, "sha256:{hex}"),
            Self::Blake3(digest) => write!(f, "blake3:{digest}"),
        }
    }
}

serde_by_text!(Md5, Sha256);

json_schemas! {
    Md5 => r#"{ "type": "string", "pattern": "^[0-9a-fA-F]{32}$" }"#,
    Sha256 => r#"{ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }"#,
}
