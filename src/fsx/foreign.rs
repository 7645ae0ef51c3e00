//! Recognises files of wrong formats by their first bytes, for messages: formats that people mistake for data or weights.

use std::{fs::File, io::Read, path::Path};

/// How many first bytes are read: a tar archive has its signature at byte 257.
const TELLING: usize = 512;

/// What a file of another format is, and what to do with it: `it is a web page; ...`. `None` if that is unknown, or the
/// file cannot be read.
#[must_use]
pub fn foreign(path: &Path) -> Option<&'static str> {
    let mut start = Vec::with_capacity(TELLING);
    File::open(path).ok()?.take(TELLING as u64).read_to_end(&mut start).ok()?;
    foreign_bytes(&start)
}

/// As [`foreign`], from the first bytes of the file.
#[must_use]
pub fn foreign_bytes(bytes: &[u8]) -> Option<&'static str> {
    const TEXT_MARK: &[u8] = b"\xef\xbb\xbf";
    let start = &bytes[..bytes.len().min(TELLING)];
    let text = start.strip_prefix(TEXT_MARK).unwrap_or(start).trim_ascii_start();
    let has = |text: &[u8]| start.windows(text.len()).any(|window| window == text);
    Some(match start {
        [] => "it is empty (0 bytes); fetch it, or make it, again",
        [0x1f, 0x8b, ..] => {
            "it is compressed with gzip; unpack it first (gunzip), or let its name end with .gz"
        }
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "it is compressed with bzip2; unpack it first (bunzip2)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is compressed with xz; unpack it first (unxz)",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed with Zstandard; unpack it first (unzstd)",
        [b'P', b'K', 3, 4, ..] if has(b"data.pkl") => TORCH,
        [b'P', b'K', 3, 4, ..] => ZIP,
        [0x80, 2..=5, ..] => TORCH,
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it is a NumPy array (.npy)",
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file; name it where images, labels or masks are read",
        [0x0e, 3, 0x13, 1, ..] => "it is an HDF4 file; convert it first (h4toh5)",
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => "it is a picture (PNG or JPEG)",
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => "it is a TIFF picture",
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => "it is a safetensors file; name it where a model is read",
        _ if start.get(257..262) == Some(b"ustar") => "it is a tar archive; unpack it first (tar -xf)",
        _ if text.starts_with(b"<") => "it looks like a web page; download the file itself again",
        _ if text.starts_with(b"version https://git-lfs") => {
            "it is a Git LFS pointer; fetch the file itself (git lfs pull)"
        }
        _ if start.iter().all(|&byte| byte == 0) => {
            "it begins with zeros, like a download that broke off; fetch it again"
        }
        _ => return None,
    })
}

/// A zip archive of something else.
const ZIP: &str = "it is a zip archive; unpack it first, or, if PyTorch wrote it with `torch.jit.save`, write `{ torchscript = \"...\" }`";

/// What `torch.save` writes.
const TORCH: &str = "it is a pickle, as PyTorch saves weights; convert it with \
                     `safetensors.torch.save_file(torch.load(path, weights_only=True), \"model.safetensors\")`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let tar = [&[b'x'; 257][..], b"ustar\0"].concat();
        let cases: [(&[u8], &str); 21] = [
            (b"", "empty"),
            (&[0x1f, 0x8b, 8], "gzip"),
            (b"BZh91AY", "bzip2"),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
            (&[0x28, 0xb5, 0x2f, 0xfd, 4], "Zstandard"),
            (b"PK\x03\x04\0\0\0\0\x08\x08archive/data.pkl", "pickle"),
            (b"PK\x03\x04\0\0\0\0\x08\x08notes.txt", "zip archive"),
            (b"\x80\x02}q\x00(X", "pickle"),
            (b"\x80\x04\x95", "pickle"),
            (b"\x93NUMPY\x01", "NumPy"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (&[0x0e, 3, 0x13, 1, 0], "HDF4"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"II*\0\x08", "TIFF"),
            (b"\x08\0\0\0\0\0\0\0{}      ", "safetensors"),
            (&tar, "tar archive"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"\n<!DOCTYPE html>", "web page"),
            (b"\xef\xbb\xbf\r\n  <!DOCTYPE html>", "web page"),
            (b"<?xml version='1.0'?>", "web page"),
            (&[0; 40], "zeros"),
        ];
        for (bytes, word) in cases {
            assert!(foreign_bytes(bytes).is_some_and(|text| text.contains(word)), "{word}: {bytes:?}");
        }
        for unknown in [&b"row,label\n0,1\n"[..], b"\x80\x07 no pickle", b"\x01\x02\x03\x04"] {
            assert_eq!(foreign_bytes(unknown), None);
        }
    }
}
