//! "Why does this run?": compares two fingerprints, and puts their differences into words.
//!
//! Compares the lines that were hashed, so an explanation always matches the key. Knows lines and, for names and
//! places, the pipeline; knows no store.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::engine::plan::{change::change, reason::Why};
use crate::{
    pipeline::{Pipeline, Places, Source, StageNode},
    stages::Kind,
};

/// The lines of a fingerprint: path -> value.
type Lines = BTreeMap<String, String>;

/// One line in which two fingerprints differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The line's path: `parameter epochs`, `input model`.
    pub line: String,
    /// What it was; `None` if there was no such line and it has no default.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
}

/// What a line of a fingerprint is about, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About<'a> {
    Parameter(&'a str),
    Version,
    Format,
    Input(&'a str),
    Other(&'a str),
}

/// The beginning of the lines of parameters.
const PARAMETER: &str = "parameter ";

fn about(line: &str) -> About<'_> {
    match (line, line.strip_prefix(PARAMETER), line.strip_prefix("input ")) {
        (_, Some(parameter), _) => About::Parameter(parameter),
        (_, _, Some(slot)) => About::Input(slot),
        ("version", ..) => About::Version,
        ("format", ..) => About::Format,
        (other, ..) => About::Other(other),
    }
}

/// Every difference between two fingerprints, parameters first. A list counts as one value. Settings that only
/// exist for a choice that changed (those of another optimizer) do not count.
#[must_use]
pub fn differences(old: &Lines, new: &Lines) -> Vec<Difference> {
    let defaults = defaults(new);
    let [old, new] = &[old, new].map(|lines| spelt_out(lines, &defaults));
    let paths: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    let whole: BTreeSet<&str> = changed.map(|path| list_of(path, old, new).unwrap_or(path)).collect();
    let difference =
        |path: &&str| Difference { line: (*path).to_owned(), old: value(old, path), new: value(new, path) };
    let mut all: Vec<Difference> =
        whole.iter().filter(|path| !follows(path, &whole, old, new)).map(difference).collect();
    all.sort_by(|a, b| about(&a.line).cmp(&about(&b.line)));
    all
}

/// The defaults of the kind's parameters, as lines of a fingerprint.
fn defaults(lines: &Lines) -> Lines {
    let kind = lines.get("kind").and_then(|word| Kind::from_word(word));
    let defaults = kind.map(|kind| kind.defaults().into_map()).unwrap_or_default();
    defaults.into_iter().map(|(path, value)| (format!("{PARAMETER}{path}"), value)).collect()
}

/// Lines with the defaults that they leave out: whole parameters, and fields of tables.
fn spelt_out(lines: &Lines, defaults: &Lines) -> Lines {
    let mut all = lines.clone();
    for (path, value) in defaults {
        let whole = path.split_once('.').map_or(path.as_str(), |(whole, _)| whole);
        let below = format!("{whole}.");
        let is_left_out = !lines.contains_key(whole)
            && !lines.range(below.clone()..).next().is_some_and(|(line, _)| line.starts_with(&below));
        let table = path.rsplit_once('.').and_then(|(table, _)| all.get(table));
        if is_left_out || table.is_some_and(|table| table == "{}") {
            all.entry(path.clone()).or_insert_with(|| value.clone());
        }
    }
    all
}

/// The list that a line is an element of.
fn list_of<'a>(path: &'a str, old: &Lines, new: &Lines) -> Option<&'a str> {
    let (list, index) = path.rsplit_once('.')?;
    let is_list = |lines: &Lines| lines.get(list).is_some_and(|value| value.starts_with('['));
    let is_element = index.bytes().all(|byte| byte.is_ascii_digit()) && !index.is_empty();
    (is_element && (is_list(old) || is_list(new))).then_some(list)
}

/// Whether a line only changed because a line above it changed.
fn follows(path: &str, changed: &BTreeSet<&str>, old: &Lines, new: &Lines) -> bool {
    let marker = |value: Option<&String>| value.is_none_or(|value| value == "{}" || value == "none");
    let ends = path.match_indices('.').map(|(at, _)| &path[..at]);
    let mut above = ends.filter(|above| changed.contains(above));
    above.any(|above| !(marker(old.get(above)) && marker(new.get(above))))
}

/// A value as people write it, with the elements of a list.
fn value(lines: &Lines, path: &str) -> Option<String> {
    let value = lines.get(path)?;
    let Some(count) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse::<usize>().ok())
    else {
        return Some(value.clone());
    };
    let element = |index| lines.get(&format!("{path}.{index}")).map_or("{...}", String::as_str);
    Some(format!("[{}]", (0..count).map(element).collect::<Vec<_>>().join(", ")))
}

/// Puts differences into words, with the places of values in the pipeline.
pub(in crate::engine) struct Teller<'a> {
    pub(in crate::engine) pipeline: &'a Pipeline,
    pub(in crate::engine) node: &'a StageNode,
    pub(in crate::engine) places: &'a Places<'a>,
}

impl Teller<'_> {
    /// The reason in one line: the two most important differences, and how many more there are.
    pub(in crate::engine) fn reason(&self, differences: &[Difference]) -> Why {
        let told: Vec<String> =
            differences.iter().take(2).map(|difference| self.in_words(difference)).collect();
        match differences.len() {
            0 => Why::Removed,
            1 | 2 => Why::Changed(told.join(", ")),
            all => Why::Changed(format!("{}, and {} more", told.join(", "), all - 2)),
        }
    }

    fn in_words(&self, Difference { line, old, new }: &Difference) -> String {
        match about(line) {
            About::Parameter(path) => {
                let place = self.place(path).map(|place| format!(" ({place})")).unwrap_or_default();
                // A parameter without a default, such as an artifact of a program, may be absent.
                let absent = if self.has_default(path) { None } else { Some("none") };
                let [old, new] = [old, new].map(|value| value.as_deref().or(absent));
                format!("{}{place}", changed(path, old, new))
            }
            About::Version => self.version(old.as_deref()),
            About::Format => "the format of keys changed".to_owned(),
            About::Input(slot) if new.is_none() => format!("it no longer reads `{slot}`"),
            About::Input(slot) if old.is_none() => format!("it now reads {}", self.input(slot)),
            About::Input(slot) => format!("{} changed", self.input(slot)),
            About::Other(_) => "it writes other artifacts".to_owned(),
        }
    }

    fn has_default(&self, path: &str) -> bool {
        let whole = path.split('.').next();
        self.node.stage.kind().defaults().iter().any(|(path, _)| path.split('.').next() == whole)
    }

    /// Where a parameter is written.
    pub(in crate::engine) fn place(&self, parameter: &str) -> Option<String> {
        self.places.parameter(&self.node.name, parameter).filter(|place| !place.is_empty())
    }

    fn version(&self, old: Option<&str>) -> String {
        let (kind, version) = (self.node.stage.kind().word(), self.node.stage.version());
        // The first correction is that of version 2.
        let before = old.and_then(|old| old.parse::<usize>().ok()).unwrap_or_default().max(1);
        let since = self.node.stage.corrections().get(before - 1..).unwrap_or_default();
        let what = if since.is_empty() { String::new() } else { format!(": {}", since.join("; ")) };
        format!("kind {kind} VERSION {} -> {version}{what}", old.unwrap_or("?"))
    }

    fn input(&self, slot: &str) -> String {
        let input = self.node.inputs.iter().find(|input| input.slot == slot);
        format!("`{}`", input.map_or_else(|| slot.to_owned(), |input| source(self.pipeline, &input.source)))
    }
}

/// The name of an input for people: `split.pcam/train`, or a path from the project's folder.
pub(in crate::engine) fn source(pipeline: &Pipeline, source: &Source) -> String {
    match source {
        Source::Artifact { stage, artifact } => format!("{}/{artifact}", pipeline.stages[*stage].name),
        Source::File(user) => {
            user.path.strip_prefix(&pipeline.root).unwrap_or(&user.path).display().to_string()
        }
    }
}

/// How a parameter changed, for plans and lists of changes: `` `sizes.test` 20 -> 10 ``.
#[must_use]
pub fn changed(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    // The marker of a table adds nothing to its fields.
    let empty = |value: &Option<&str>| value.is_none_or(|value| value == "{}" || value == "none");
    let marker = [old, new].iter().all(empty) && [old, new].contains(&Some("{}"));
    if marker { format!("`{path}`") } else { format!("`{path}` {}", change(old, new)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::Digest, engine::plan::fingerprint::Fingerprint, pipeline};

    const TEXT: &str = "[train.a]\ndata = 'split.s'\nepochs = 8\n[split.s]\nimages = 'x'\nlabels = 'y'\n\
                        sizes = { train = 1, validation = 1, test = 1 }\n";

    fn pipeline(text: &str) -> Pipeline {
        let file = std::path::Path::new("a.toml");
        pipeline::parse(file, text.to_owned(), &pipeline::Options::default()).unwrap()
    }

    fn lines(text: &str, bytes: &[u8]) -> Lines {
        let input = ("data.train", Digest::of(bytes));
        Fingerprint::new(&pipeline(text).stages[0].stage, [input]).lines().clone()
    }

    /// Why the first stage of `new` runs, after it ran as in `old`.
    fn why(old: (&str, &[u8]), new: (&str, &[u8])) -> String {
        let pipeline = pipeline(new.0);
        let (node, places) = (&pipeline.stages[0], &pipeline.places());
        let differences = differences(&lines(old.0, old.1), &lines(new.0, new.1));
        Teller { pipeline: &pipeline, node, places }.reason(&differences).to_string()
    }

    #[test]
    fn parameters_come_first_with_their_places() {
        let edited = TEXT.replace("epochs = 8", "epochs = 9\nbatch-size = 32");
        let reason = why((TEXT, b"a"), (&edited, b"b"));
        assert_eq!(reason, "`batch-size` 64 -> 32 (a.toml:4), `epochs` 8 -> 9 (a.toml:3), and 1 more");
        assert_eq!(why((TEXT, b"a"), (TEXT, b"b")), "`split.s/train` changed");
        assert_eq!(why((TEXT, b"a"), (TEXT, b"a")), Why::Removed.to_string());
    }

    #[test]
    fn a_list_is_one_value_and_the_settings_of_another_choice_do_not_count() {
        let with = |line: &str| TEXT.replace("epochs = 8", &format!("epochs = 8\n{line}"));
        let [old, new] = ["[8, 16, 32, 64]", "[8, 16, 32, 65]"]
            .map(|channels| with(&format!("architecture.class-cnn = {{ channels = {channels} }}")));
        let reason = why((&old, b"a"), (&new, b"a"));
        let expected = "`architecture.class-cnn.channels` [8, 16, 32, 64] -> [8, 16, 32, 65] (a.toml:4)";
        assert_eq!(reason, expected);
        let [old, new] = ["adam = { learning-rate = 0.1 }", "sgd = { learning-rate = 0.2 }"]
            .map(|optimizer| with(&format!("optimizer.{optimizer}")));
        assert_eq!(why((&old, b"a"), (&new, b"a")), "`optimizer` adam -> sgd (a.toml:4)");
        let named = with("optimizer.adam = { learning-rate = 0.02 }");
        assert_eq!(
            why((TEXT, b"a"), (&named, b"a")),
            "`optimizer.adam.learning-rate` 0.001 -> 0.02 (a.toml:4)",
            "the default was never written"
        );
        assert!(
            why((&named, b"a"), (TEXT, b"a")).starts_with("`optimizer.adam.learning-rate` 0.02 -> 0.001")
        );
        assert!(why((TEXT, b"a"), (&new, b"a")).starts_with("`optimizer` adam -> sgd"));
        let other = old.replace("0.1", "0.3");
        let reason = why((&old, b"a"), (&other, b"a"));
        assert_eq!(reason, "`optimizer.adam.learning-rate` 0.1 -> 0.3 (a.toml:4)");
    }

    #[test]
    fn a_new_version_says_what_it_corrected() {
        let mut old = lines(TEXT, b"a");
        old.insert("version".to_owned(), "0".to_owned());
        let pipeline = pipeline(TEXT);
        let (node, places) = (&pipeline.stages[0], &pipeline.places());
        let told = Teller { pipeline: &pipeline, node, places };
        let reason = told.reason(&differences(&old, &lines(TEXT, b"a"))).to_string();
        assert!(reason.starts_with("kind train VERSION 0 -> "), "{reason}");
    }
}
