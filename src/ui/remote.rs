//! Shows what was pushed to the store that a team shares, pulled from it, or removed there; and what it contains.

use indicatif::HumanBytes;

use super::{format, json, write};
use crate::{
    engine::run::share::{PulledResults, PushedResults},
    remote::{Old, RemoteUsage},
};

/// Shows what was pushed.
pub fn pushed(json: bool, url: &str, pushed: &PushedResults) {
    write(&if json { json::object("pushed", pushed) } else { pushed_text(url, pushed) });
}

fn pushed_text(url: &str, pushed: &PushedResults) -> String {
    let PushedResults { pushed, there, others, incomplete, not_computed, trouble } = pushed;
    let mut text = format!("{} pushed to {url}", format::plural(pushed.len(), "result"));
    if !there.is_empty() {
        text += &format!(", {} there already", format::count(there.len() as u64));
    }
    text.push('\n');
    text += &named("other results of these keys are there, and stay (--replace replaces them)", others);
    text += &named("bytes are not here (`pcamflow run` computes them)", incomplete);
    text += &named("no result yet", not_computed);
    text + &trouble
        .iter()
        .map(|trouble| format!("not everything was pushed: {trouble}\n"))
        .collect::<String>()
}

/// Shows what was pulled.
pub fn pulled(json: bool, url: &str, pulled: &PulledResults) {
    write(&if json { json::object("pulled", pulled) } else { pulled_text(url, pulled) });
}

fn pulled_text(url: &str, pulled: &PulledResults) -> String {
    let PulledResults { here, fetched, bytes, not_computed, failed } = pulled;
    let (results, objects) = (format::plural(here.len(), "result"), format::plural(*fetched, "object"));
    let mut text = format!("{results} here; {objects} ({}) fetched from {url}\n", HumanBytes(*bytes));
    for (what, why) in failed {
        text += &format!("not fetched: {what}: {why}\n");
    }
    text + &named("no result, here or there", not_computed)
}

fn named(what: &str, stages: &[String]) -> String {
    if stages.is_empty() { String::new() } else { format!("{what}: {}\n", stages.join(", ")) }
}

/// What a remote contains.
#[must_use]
pub fn usage(usage: &RemoteUsage) -> String {
    let (results, objects) =
        (format::plural(usage.records, "result"), format::plural(usage.objects, "object"));
    let (bytes, records) = (HumanBytes(usage.object_bytes), HumanBytes(usage.record_bytes));
    let bundles = format::plural(usage.bundles, "bundle");
    format!("{}: {results} in {objects}, {bytes}; records and {bundles}, {records}\n", usage.url)
}

/// What was removed from a remote.
#[must_use]
pub fn removed(url: &str, old: &Old) -> String {
    let verb = if old.dry_run { "would be removed" } else { "removed" };
    let (results, objects) = (format::plural(old.records, "result"), format::plural(old.objects, "object"));
    let mut text = format!(
        "{url}: {results} and {objects} ({}) {verb}; {} left\n",
        HumanBytes(old.object_bytes),
        format::plural(old.records_left, "result")
    );
    if old.unreadable > 0 {
        let records = format::plural(old.unreadable, "record");
        text += &format!(
            "{records} of another version or damaged: no object was removed, because they may need it\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_push_names_what_it_did_not_push() {
        let pushed = PushedResults {
            pushed: names(&["split.pcam"]),
            there: names(&["train.base"]),
            not_computed: names(&["evaluate.test", "explain.a"]),
            trouble: Some("it does not answer".to_owned()),
            ..PushedResults::default()
        };
        assert_eq!(
            pushed_text("s3://team/x", &pushed),
            "1 result pushed to s3://team/x, 1 there already\nno result yet: evaluate.test, explain.a\nnot everything \
             was pushed: it does not answer\n"
        );
    }

    #[test]
    fn a_pull_counts_objects_and_names_failures() {
        let pulled = PulledResults {
            here: names(&["split.pcam"]),
            fetched: 3,
            bytes: 2048,
            failed: vec![("train.base/model".to_owned(), "it does not have it".to_owned())],
            not_computed: Vec::new(),
        };
        assert_eq!(
            pulled_text("s3://team/x", &pulled),
            "1 result here; 3 objects (2.00 KiB) fetched from s3://team/x\nnot fetched: train.base/model: it does not \
             have it\n"
        );
    }
}
