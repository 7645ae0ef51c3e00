//! What a file is instead, where it is not of the format that was expected.
//!
//! Goes by the first bytes. Knows formats that people mistake for data or weights; reads none of them.

use std::{fs::File, io::Read, path::Path};

/// How many bytes tell.
const TELLING: usize = 256;

/// What a file of another format is, and what to do with it: `it is a web page; ...`. `None` where that is
/// not known, or the file cannot be read.
#[must_use]
pub fn foreign(path: &Path) -> Option<&'static str> {
    let mut start = Vec::with_capacity(TELLING);
    File::open(path).ok()?.take(TELLING as u64).read_to_end(&mut start).ok()?;
    foreign_bytes(&start)
}

/// As [`foreign`], by the bytes that a file begins with.
#[must_use]
pub fn foreign_bytes(bytes: &[u8]) -> Option<&'static str> {
    let start = &bytes[..bytes.len().min(TELLING)];
    let has = |text: &[u8]| start.windows(text.len()).any(|window| window == text);
    Some(match start {
        [] => "it is empty (0 bytes); fetch it, or make it, again",
        [0x1f, 0x8b, ..] => "it is compressed with gzip; unpack it first (gunzip)",
        [b'P', b'K', 3, 4, ..] if has(b"data.pkl") => TORCH,
        [b'P', b'K', 3, 4, ..] => "it is a zip archive; unpack it first",
        [0x80, 2..=5, ..] => TORCH,
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file; name it where images, labels or masks are read",
        [0x89, b'P', b'N', b'G', ..] => "it is a picture (PNG)",
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => "it is a safetensors file; name it where a model is read",
        start if start.starts_with(b"version https://git-lfs") => {
            "it is a Git LFS pointer; fetch the file itself (git lfs pull)"
        }
        start if start.trim_ascii_start().starts_with(b"<") => {
            "it looks like a web page; download the file itself again"
        }
        _ => return None,
    })
}

/// What `torch.save` writes.
const TORCH: &str = "it is a pickle, as PyTorch saves weights; convert it with \
                     `safetensors.torch.save_file(torch.load(path, weights_only=True), \"model.safetensors\")`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let cases: [(&[u8], &str); 11] = [
            (b"", "empty"),
            (&[0x1f, 0x8b, 8], "gzip"),
            (b"PK\x03\x04\0\0\0\0\x08\x08archive/data.pkl", "pickle"),
            (b"PK\x03\x04\0\0\0\0\x08\x08notes.txt", "zip archive"),
            (b"\x80\x02}q\x00(X", "pickle"),
            (b"\x80\x04\x95", "pickle"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"\x08\0\0\0\0\0\0\0{}      ", "safetensors"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\n<!DOCTYPE html>", "web page"),
        ];
        for (bytes, word) in cases {
            assert!(foreign_bytes(bytes).unwrap().contains(word), "{word}: {:?}", foreign_bytes(bytes));
        }
        assert_eq!(foreign_bytes(b"row,label\n"), None);
    }
}
