//! The names of objects in a remote store. [`super`] lists them.

use crate::digest::Digest;

/// What all names begin with: the version of the layout.
pub(super) const ROOT: &str = "v1/";
const OBJECTS: &str = "v1/objects/";
const RECORDS: &str = "v1/records/";
const BUNDLES: &str = "v1/bundles/";

pub(super) fn object(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{OBJECTS}{}/{hex}", &hex[..2])
}

pub(super) fn record(key: &Digest) -> String {
    let hex = key.hex();
    format!("{RECORDS}{}/{hex}.json", &hex[..2])
}

pub(super) fn bundle(id: &Digest) -> String {
    format!("{BUNDLES}{}", id.hex())
}

/// An object that is only asked for to see whether the store answers.
pub(super) fn probe() -> String {
    format!("{ROOT}probe-{}", std::process::id())
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Object(Digest),
    Record(Digest),
    Bundle,
}

/// What a name stands for; `None` if it is not one of ours.
pub(super) fn parse(name: &str) -> Option<Named> {
    let last = |text: &str| text.rsplit('/').next().and_then(|hex| hex.parse().ok());
    let named = if let Some(rest) = name.strip_prefix(OBJECTS) {
        Named::Object(last(rest)?)
    } else if let Some(rest) = name.strip_prefix(RECORDS) {
        Named::Record(last(rest.strip_suffix(".json")?)?)
    } else {
        name.strip_prefix(BUNDLES).and_then(last)?;
        Named::Bundle
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let digest = Digest::of(b"x");
        assert_eq!(parse(&object(&digest)), Some(Named::Object(digest)));
        assert_eq!(parse(&record(&digest)), Some(Named::Record(digest)));
        assert_eq!(parse(&bundle(&digest)), Some(Named::Bundle));
        for other in [probe(), "v1/objects/ab/readme".to_owned(), "v2/records/x.json".to_owned()] {
            assert_eq!(parse(&other), None);
        }
    }
}
