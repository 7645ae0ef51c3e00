//! A file to read: its path, and its name in messages.
//!
//! Says what is wrong with a path before the file is parsed. Knows no format.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in messages: the path as the user wrote it, or `split.pcam/test`.
    pub name: String,
}

impl Source {
    /// A file with a name other than its path.
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { path: path.into(), name: name.into() }
    }

    /// A file whose name is its path.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self::new(path.as_ref(), path.as_ref().display().to_string())
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// A path that does not lead to a file with content.
    pub fn size(&self) -> Result<u64> {
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{self} does not exist: check its path, and the folder that it is relative to")
            }
            Err(error) => return Err(error).with_context(|| format!("{self} cannot be read")),
        };
        if metadata.is_dir() {
            bail!("{self} is a folder, where a file is expected: name the file in it");
        }
        if metadata.len() == 0 {
            bail!("{self} is empty (0 bytes): fetch it, or make it, again");
        }
        Ok(metadata.len())
    }
}

/// The name, and the path if it says more. The path of an artifact in the store is a digest, and left out.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if Path::new(&self.name) != self.path && !is_object(&self.path) {
            write!(f, " ({})", self.path.display())?;
        }
        Ok(())
    }
}

/// Whether a path ends in a digest.
fn is_object(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_path_if_it_says_more_than_the_name() {
        assert_eq!(Source::at("data/x.h5").to_string(), "data/x.h5");
        assert_eq!(Source::new("/data/x.h5", "x.h5").to_string(), "x.h5 (/data/x.h5)");
        let object = format!("/store/objects/28/{}", "28".repeat(32));
        assert_eq!(Source::new(object, "split.pcam/test").to_string(), "split.pcam/test");
    }

    #[test]
    fn says_what_is_wrong_with_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.h5");
        std::fs::write(&empty, b"").unwrap();
        let message = |path: &Path| format!("{:#}", Source::at(path).size().unwrap_err());
        assert!(message(&folder.path().join("none.h5")).contains("none.h5 does not exist"));
        assert!(message(folder.path()).contains("is a folder"));
        assert!(message(&empty).contains("is empty (0 bytes)"));
    }
}
