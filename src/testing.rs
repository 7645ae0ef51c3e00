//! Where tests find reference results and the real patches.
//!
//! The repository has references of its own (`tests/references`), made from synthetic patches. Larger ones, and the
//! real patches, are no part of it: a test that needs them is skipped, and says so, where they are absent.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// The path of `relative` below the shared folder (`PCAMFLOW_SHARED`, else `../shared` beside the checkout).
/// `None`, with a line on standard error, where it does not exist: the test is to return then.
///
/// # Panics
/// Where it does not exist and `PCAMFLOW_REQUIRE_SHARED` is set: then no test may be skipped.
#[must_use]
pub fn shared(relative: &str) -> Option<PathBuf> {
    let required = std::env::var_os("PCAMFLOW_REQUIRE_SHARED").is_some();
    there(shared_folder().join(relative), required)
}

fn shared_folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("PCAMFLOW_SHARED").map_or_else(beside, PathBuf::from)
}

fn there(path: PathBuf, required: bool) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    assert!(!required, "{} is absent, and PCAMFLOW_REQUIRE_SHARED is set", path.display());
    // Not by a macro: what those print is only seen of tests that fail.
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {} is absent (set PCAMFLOW_SHARED)", path.display());
    None
}

/// The path of a reference of the repository.
#[must_use]
pub fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references").join(name)
}

/// References of one form: those of the repository, then, where it is there, that of the shared folder.
#[must_use]
pub fn references(own: &[&str], shared_name: &str) -> Vec<PathBuf> {
    let own = own.iter().map(|name| reference(name));
    own.chain(shared(&format!("oracle/{shared_name}"))).collect()
}

/// The explanations of each reference network.
#[must_use]
pub fn explanations() -> Vec<PathBuf> {
    references(&["explain-class-cnn.safetensors", "explain-resnet.safetensors"], "explain.safetensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_skipped() {
        assert_eq!(there(PathBuf::from("/nowhere/x"), false), None);
        assert!(there(reference("make.py"), true).is_some());
    }

    #[test]
    #[should_panic(expected = "PCAMFLOW_REQUIRE_SHARED is set")]
    fn nothing_is_skipped_where_it_is_required() {
        there(PathBuf::from("/nowhere/x"), true);
    }
}
