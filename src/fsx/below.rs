//! A name below a folder: it is neither absolute nor goes up. Names in records, markers and archives, which anyone may
//! have written, become part of a path only in this form.
//!
//! Does not know what is on the disk: a part may be a link there.

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// A relative path of plain parts, separated by `/`. That of a folder ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Below(String);

/// A text that is not a name below a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a name below a folder: {why}")]
pub struct BadName {
    /// The text.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Below {
    /// Checks a text.
    ///
    /// # Errors
    /// Where it is absolute, has a part that is empty, `.` or `..`, or contains a NUL.
    pub fn new(name: impl Into<String>) -> Result<Self, BadName> {
        let name = Self(name.into());
        match name.flaw() {
            None => Ok(name),
            Some(why) => Err(BadName { name: name.0, why }),
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        if self.0.starts_with('/') {
            return Some("it is absolute");
        }
        self.parts().find_map(|part| match part {
            "" => Some("it has an empty part"),
            "." | ".." => Some("it has a part `.` or `..`"),
            part if part.contains('\0') => Some("it holds a NUL"),
            _ => None,
        })
    }

    /// The name without the final slash of a folder.
    #[must_use]
    pub fn plain(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }

    /// Whether it names a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Its parts, the outermost first.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.plain().split('/')
    }

    /// The path of this name below a folder.
    #[must_use]
    pub fn under(&self, folder: &Path) -> PathBuf {
        folder.join(self.plain())
    }
}

impl TryFrom<String> for Below {
    type Error = BadName;

    fn try_from(name: String) -> Result<Self, BadName> {
        Self::new(name)
    }
}

impl Deref for Below {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused_however_they_are_read() {
        for bad in ["", "/", "/x", "..", "../x", "a/../x", "a/..", ".", "./x", "a//b", "a\0b", "a/.", "//"] {
            assert!(Below::new(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<Below>(bad.into()).is_err(), "{bad:?}");
            let bytes = postcard::to_stdvec(bad).unwrap();
            assert!(postcard::from_bytes::<Below>(&bytes).is_err(), "{bad:?}");
        }
        for good in ["x", "a/b.csv", "plots/", "...", ".hidden", "a b\nc", "ä"] {
            let name = Below::new(good).unwrap();
            assert_eq!(serde_json::to_value(&name).unwrap(), serde_json::Value::from(good));
            assert_eq!(serde_json::from_value::<Below>(good.into()).unwrap(), name);
        }
        let folder = Below::new("a/plots/").unwrap();
        assert_eq!((folder.plain(), folder.is_folder()), ("a/plots", true));
        assert_eq!(folder.under(Path::new("/out")), Path::new("/out/a/plots"));
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(text in "[a./\\\\]{0,12}") {
            if let Ok(name) = Below::new(text) {
                let path = name.under(Path::new("/folder"));
                let plain = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(path.strip_prefix("/folder").unwrap().components().all(plain));
                prop_assert_ne!(path, Path::new("/folder"));
            }
        }
    }
}
