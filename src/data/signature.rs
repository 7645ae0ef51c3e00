//! What a file is, told from its first bytes: for messages about a file of the wrong format.
//!
//! Knows signatures and what to do about them; reads no more than the first bytes.

use std::{fs::File, io::Read, path::Path};

/// How many first bytes are looked at: a tar archive has its signature at byte 257.
const LOOKED_AT: u64 = 512;

/// What a file is and what to do then; `None` where its first bytes tell nothing.
#[must_use]
pub fn signature(path: &Path) -> Option<&'static str> {
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start)).ok()?;
    meaning(&start)
}

fn meaning(start: &[u8]) -> Option<&'static str> {
    const TEXT_MARK: &[u8] = b"\xef\xbb\xbf";
    let text = start.strip_prefix(TEXT_MARK).unwrap_or(start).trim_ascii_start();
    Some(match start {
        [0x1f, 0x8b, ..] => "it is compressed with gzip; unpack it first (gunzip)",
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "it is compressed with bzip2; unpack it first (bunzip2)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is compressed with xz; unpack it first (unxz)",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed with Zstandard; unpack it first (unzstd)",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive, as PyTorch (.pt) and NumPy (.npz) write them, too",
        [0x80, 2..=5, ..] => "it is a Python pickle",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it is a NumPy array (.npy)",
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file",
        [0x0e, 3, 0x13, 1, ..] => "it is an HDF4 file; convert it first (h4toh5)",
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => "it is a picture (PNG or JPEG)",
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => "it is a TIFF picture",
        [_, _, _, _, _, 0, 0, 0, b'{', b'"', ..] => "it is a safetensors file",
        _ if start.get(257..262) == Some(b"ustar") => "it is a tar archive; unpack it first (tar -xf)",
        _ if text.starts_with(b"<") => "it looks like a web page; download the file itself again",
        _ if text.starts_with(b"version https://git-lfs") => {
            "it is a Git LFS pointer; fetch the file itself (git lfs pull)"
        }
        _ if !start.is_empty() && start.iter().all(|&byte| byte == 0) => {
            "it begins with zeros, as a download that was broken off; fetch it again"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_their_first_bytes() {
        let tar = [&[b'x'; 257][..], b"ustar\0"].concat();
        let samples: [(&[u8], &str); 17] = [
            (&[0x1f, 0x8b, 8, 0], "gzip"),
            (b"BZh91AY", "bzip2"),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
            (&[0x28, 0xb5, 0x2f, 0xfd, 4], "Zstandard"),
            (b"PK\x03\x04\x14", "zip archive"),
            (b"\x80\x04\x95", "pickle"),
            (b"\x93NUMPY\x01", "NumPy"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (&[0x0e, 3, 0x13, 1, 0], "HDF4"),
            (b"\x89PNG\r\n", "PNG or JPEG"),
            (b"II*\0\x08", "TIFF"),
            (b"\x40\x00\x00\x00\x00\x00\x00\x00{\"a\"", "safetensors"),
            (&tar, "tar archive"),
            (b"\xef\xbb\xbf\r\n  <!DOCTYPE html>", "web page"),
            (b"<?xml version='1.0'?>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
            (&[0; 40], "zeros"),
        ];
        for (start, expected) in samples {
            let found = meaning(start).unwrap_or_default();
            assert!(found.contains(expected), "{expected}: {found:?}");
        }
        for nothing in [&b""[..], b"row,label\n0,1\n", b"\x80\x07 no pickle", b"\x01\x02\x03\x04"] {
            assert_eq!(meaning(nothing), None);
        }
    }
}
