//! What a stage lacks if nothing can be downloaded, and where it can be put.

use std::path::Path;

use super::super::offline::is_offline;
use crate::{
    protocol::{About, Answer, Downloads, Finding, Severity},
    stages::fetch::Wanted,
};

/// Answers, before anything is computed, whether a stage can have its files.
pub(in crate::jobs) fn check(asked: &Downloads) -> Answer {
    let wanted = asked.stage.wanted();
    let missing = wanted.iter().filter(|file| !asked.data.join(file.packed_name()).is_file());
    let missing: Vec<&Wanted> = missing.collect();
    let message = refusal(&missing, &asked.data).filter(|_| !missing.is_empty());
    let finding = |message| Finding { about: About::Downloads, severity: Severity::Error, message };
    Answer { patches: None, findings: message.map(finding).into_iter().collect() }
}

/// Why files are not downloaded, and what to do; `None` if they can be.
pub(super) fn refusal(missing: &[&Wanted], data: &Path) -> Option<String> {
    let why = if is_offline() {
        "the run is offline: run it without `--offline`"
    } else if cfg!(feature = "remote") {
        return None;
    } else {
        "this pcamflow was built without HTTP (the feature `remote`): download them yourself"
    };
    let line = |file: &&Wanted| {
        let url = file.urls.first().map_or("", |url| url.shown());
        format!("\n  {} from {url}", file.packed_name())
    };
    let list: String = missing.iter().map(line).collect();
    let what = if missing.len() == 1 { "a file is" } else { "files are" };
    let whom = if missing.len() == 1 { "it" } else { "them" };
    Some(format!("{what} missing, and {why}, or put {whom} into {}:{list}", data.display()))
}
