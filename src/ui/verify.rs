//! Shows the results of `pcamflow verify`: a table or a JSON object for each stage.
//!
//! Pure functions from a judgement to a text; compares nothing.

use serde::Serialize;

use super::{
    Mode, View, format, json, observer,
    paint::Tone,
    table::{Cell, Table, cell},
    view_of_stdout, write,
};
use crate::{
    engine::{run::again::Conditions, tell::event::Observer},
    inspect::compare::{Comparison, Nature, Part},
    protocol::Failure,
};

/// The promise of a stage kind about a result that is computed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// The same bytes.
    SameBytes,
    /// The same numbers within a tolerance.
    WithinTolerance,
    /// One valid result of many.
    OneRealisation,
}

/// Whether an artifact keeps the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same bytes.
    Identical,
    /// Other bytes, numbers within the tolerance.
    WithinTolerance,
    /// It differs, and nothing was promised.
    MayDiffer,
    /// It differs more than promised.
    NotAsPromised,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JudgedArtifact {
    /// Its name.
    pub artifact: String,
    /// Its file's name.
    pub file: String,
    /// Whether it keeps the promise.
    pub verdict: Verdict,
    /// The differences; `None` if the bytes are the same.
    pub comparison: Option<Comparison>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JudgedStage {
    /// The stage.
    pub stage: String,
    /// Whether all artifacts are as promised.
    pub as_promised: bool,
    /// The promise.
    pub promise: Promise,
    /// The tolerance for numbers.
    pub tolerance: f64,
    /// The conditions of the stored result, and of the new one.
    pub conditions: [Conditions; 2],
    /// The seconds that the stored result took, and the new one.
    pub seconds: [f64; 2],
    /// Its artifacts.
    pub artifacts: Vec<JudgedArtifact>,
    /// The folder in which the new result is kept.
    pub kept: Option<String>,
}

/// Shows the progress on standard error; with JSON, only failures.
#[must_use]
pub fn progress(json: bool) -> Box<dyn Observer> {
    observer(if json { Mode::Quiet } else { Mode::Plain })
}

/// Prints the judgement of a stage.
pub fn show(json: bool, stage: &JudgedStage) {
    write(&if json { json::object("verified", stage) } else { text(stage, &view_of_stdout()) });
}

/// Reports why a stage was not verified, on standard error or as an object.
pub fn refused(json: bool, stage: &str, failure: &Failure) {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Object<'a> {
        stage: &'a str,
        class: crate::protocol::FailureClass,
        message: &'a str,
    }
    let (class, message) = (failure.class, failure.message.as_str());
    if json {
        write(&json::object("not-verified", &Object { stage, class, message }));
    } else {
        let mut out = super::out::Out::new(std::io::stderr());
        out.write(&format::clean(&format!("error: `{stage}` was not verified: {message}\n")));
        out.flush();
    }
}

/// The largest number of parts of an artifact that are shown.
const TOLD: usize = 4;

fn text(stage: &JudgedStage, view: &View) -> String {
    let mut table = Table::new("lll");
    for artifact in &stage.artifacts {
        let (tone, word) = verdict(artifact.verdict);
        let differences = artifact.comparison.as_ref().map(differences).unwrap_or_default();
        let mut lines = differences.iter().map(|line| Cell::from(format::clean(line)));
        let name = Cell::from(artifact.artifact.as_str());
        table.row([name, cell(tone, word)].into_iter().chain(lines.next()));
        lines.for_each(|line| table.row(["".into(), "".into(), line]));
    }
    let (tone, word) = match stage.as_promised {
        true => (Tone::Good, "as promised"),
        false => (Tone::Bad, "not as promised"),
    };
    let [_, seconds] = stage.seconds;
    let mut text = format!(
        "{}: {} ({}), computed again in {}\n",
        view.paint.tone(Tone::Strong, &format::one_line(&stage.stage)),
        view.paint.tone(tone, word),
        promised(stage.promise, stage.tolerance),
        format::duration(seconds)
    );
    conditions(&stage.conditions).iter().for_each(|line| text += &format!("  {}\n", format::one_line(line)));
    text += &table.indented(2).text(view);
    if let Some(kept) = &stage.kept {
        text += &format!("  kept in {}\n", format::one_line(kept));
    }
    text
}

fn promised(promise: Promise, tolerance: f64) -> String {
    match promise {
        Promise::SameBytes => "the same bytes".to_owned(),
        Promise::WithinTolerance => format!("numbers within {tolerance:e} of the largest"),
        Promise::OneRealisation => {
            "one valid result of many: only on the same machine, device and threads are bytes the same"
                .to_owned()
        }
    }
}

fn verdict(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Identical => (Tone::Good, "bit-identical"),
        Verdict::WithinTolerance => (Tone::Good, "within tolerance"),
        Verdict::MayDiffer => (Tone::Warning, "differs, as it may"),
        Verdict::NotAsPromised => (Tone::Bad, "differs"),
    }
}

/// The conditions that differ.
fn conditions([then, now]: &[Conditions; 2]) -> Vec<String> {
    let threads = [then, now].map(|one| format::plural(one.threads, "thread"));
    let versions = [then, now].map(|one| {
        let each: Vec<String> =
            one.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        each.join(", ")
    });
    let facts = [
        (&then.host, &now.host),
        (&then.device, &now.device),
        (&threads[0], &threads[1]),
        (&versions[0], &versions[1]),
    ];
    let differs = facts.iter().filter(|(then, now)| then != now);
    differs.map(|(then, now)| format!("then {then}, now {now}")).collect()
}

/// The differences between two files, one line each.
fn differences(found: &Comparison) -> Vec<String> {
    let mut lines: Vec<String> = found.otherwise.iter().take(TOLD).cloned().collect();
    let more = (found.otherwise.len() - lines.len()) as u64 + found.more;
    if more > 0 {
        lines.push(format!("and {} more such", format::count(more)));
    }
    lines.extend(found.parts.iter().take(TOLD).map(part));
    if found.parts.len() > TOLD {
        lines.push(format!("and {} more, by less", found.parts.len() - TOLD));
    }
    if lines.is_empty() {
        let at = format::count(found.first_difference.unwrap_or_default());
        let sizes = found.bytes.map(|bytes| format::amount(bytes, 0, "bytes"));
        let values = if found.nature == Nature::Data { "the same values, " } else { "" };
        let sizes = if found.bytes[0] == found.bytes[1] {
            sizes[0].clone()
        } else {
            format!("{} then, {} now", sizes[0], sizes[1])
        };
        lines.push(format!("{values}other bytes from byte {at} on ({sizes})"));
    }
    lines
}

fn part(part: &Part) -> String {
    let Part { name, elements, different, absolute, relative, at, values: [then, now], .. } = part;
    let place = if at.is_empty() || at == name { String::new() } else { format!(" at {at}") };
    let by = match absolute.is_finite() {
        true => {
            format!("by up to {} (relative {}){place}", figure(*absolute, 3), figure(*relative, 2))
        }
        false => format!("without bound{place}"),
    };
    let count = match elements {
        1 => String::new(),
        _ => format!(" {} of {}", format::count(*different), format::count(*elements)),
    };
    format!("{name}:{count} {by}: {} then, {} now", figure(*then, DIGITS), figure(*now, DIGITS))
}

/// The significant digits of a value.
const DIGITS: usize = 6;

/// A number with at most so many significant digits: `0.934123`, `3.66e-17`. Whole numbers below a million have all.
fn figure(value: f64, digits: usize) -> String {
    if value.fract() == 0.0 && value.abs() < 1e6 {
        return value.to_string();
    }
    let rounded: f64 = format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value);
    match rounded.abs() {
        1e-4..1e6 => rounded.to_string(),
        _ => format!("{rounded:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn conditions(threads: usize) -> Conditions {
        Conditions { host: "ada".into(), device: "cpu".into(), threads, versions: Default::default() }
    }

    fn judged(verdict: Verdict, comparison: Option<Comparison>) -> JudgedStage {
        let artifact =
            JudgedArtifact { artifact: "model".into(), file: "m.safetensors".into(), verdict, comparison };
        JudgedStage {
            stage: "train.base".into(),
            as_promised: verdict != Verdict::NotAsPromised,
            promise: Promise::SameBytes,
            tolerance: 1e-4,
            conditions: [conditions(2), conditions(4)],
            seconds: [3.0, 2.5],
            artifacts: vec![artifact],
            kept: None,
        }
    }

    fn comparison(parts: Vec<Part>, otherwise: Vec<String>) -> Comparison {
        let nature = Nature::Data;
        Comparison {
            identical: false,
            bytes: [8, 8],
            first_difference: Some(3),
            nature,
            parts,
            otherwise,
            more: 0,
        }
    }

    fn shown(stage: &JudgedStage) -> String {
        text(stage, &View { paint: Paint::OFF, width: None })
    }

    #[test]
    fn numbers_have_few_digits_and_whole_numbers_all() {
        for (value, digits, text) in [
            (3.664_958_7e-17, 6, "3.66496e-17"),
            (160.0, 3, "160"),
            (0.934_123_456_789, 6, "0.934123"),
            (-123_456.789, 6, "-123457"),
            (1_234_567.0, 6, "1.23457e6"),
            (0.000_123_4, 3, "0.000123"),
            (0.25, 2, "0.25"),
            (0.0, 2, "0"),
            (f64::NAN, 2, "NaN"),
        ] {
            assert_eq!(figure(value, digits), text);
        }
    }

    #[test]
    fn the_same_bytes_are_one_line() {
        let expected = "\
train.base: as promised (the same bytes), computed again in 2.5 s
  then 2 threads, now 4 threads
  model  bit-identical
";
        assert_eq!(shown(&judged(Verdict::Identical, None)), expected);
    }

    #[test]
    fn differences_have_a_size_and_a_place() {
        let part = Part {
            name: "conv1.weight".into(),
            elements: 864,
            different: 3,
            absolute: 0.5,
            relative: 0.25,
            scale: 2.0,
            at: "[1, 0]".into(),
            values: [2.0, 1.5],
        };
        let found = comparison(vec![part], vec!["`b` is gone".to_owned()]);
        let expected = "\
train.base: not as promised (the same bytes), computed again in 2.5 s
  then 2 threads, now 4 threads
  model  differs  `b` is gone
                  conv1.weight: 3 of 864 by up to 0.5 (relative 0.25) at [1, 0]: 2 then, 1.5 now
";
        assert_eq!(shown(&judged(Verdict::NotAsPromised, Some(found))), expected);
        let bytes = shown(&judged(Verdict::NotAsPromised, Some(comparison(Vec::new(), Vec::new()))));
        assert!(bytes.contains("the same values, other bytes from byte 3 on (8 B)"), "{bytes}");
    }
}
