//! The meaning of a line of output: progress, a number, or text for the log.
//!
//! ```text
//! pcamflow:progress 30/100 epochs loss 0.41     done/total, unit, details
//! pcamflow:progress 30 files                    the total is unknown
//! pcamflow:number accuracy=0.93                 a main number of the stage; the last one of a name counts
//! ```
//!
//! Other lines are text.

/// The longest name of a number.
const LONGEST_NAME: usize = 64;

/// The meaning of a line.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning<'a> {
    /// The progress of the program.
    Progress {
        /// Units done.
        done: u64,
        /// All units; 0 if unknown.
        total: u64,
        unit: &'a str,
        /// Details.
        at: &'a str,
    },
    /// One of the stage's main numbers.
    Number { name: &'a str, value: f64 },
    /// An invalid number.
    NoNumber,
    /// For the log.
    Text,
}

/// The meaning of a line.
pub(super) fn meaning(line: &str) -> Meaning<'_> {
    let Some(text) = line.strip_prefix("pcamflow:") else { return Meaning::Text };
    let text = text.trim_end();
    let progress = text.strip_prefix("progress ").and_then(progress);
    let number = || text.strip_prefix("number ").map(|text| number(text).unwrap_or(Meaning::NoNumber));
    progress.or_else(number).unwrap_or(Meaning::Text)
}

fn progress(text: &str) -> Option<Meaning<'_>> {
    let (count, rest) = split(text.trim_start());
    let (done, total) = count.split_once('/').unwrap_or((count, "0"));
    let (done, total) = (done.parse().ok()?, total.parse().ok()?);
    let (unit, at) = split(rest);
    (total == 0 || done <= total).then_some(Meaning::Progress { done, total, unit, at })
}

/// The first word, and the rest.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn number(text: &str) -> Option<Meaning<'_>> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim().parse().ok()?);
    let fits = !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits.then_some(Meaning::Number { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_and_numbers_are_understood() {
        let progress = |done, total, unit, at| Meaning::Progress { done, total, unit, at };
        for (line, expected) in [
            ("pcamflow:progress 30/100 epochs", progress(30, 100, "epochs", "")),
            ("pcamflow:progress 3/8  epochs  loss 0.4 ", progress(3, 8, "epochs", "loss 0.4")),
            ("pcamflow:progress 7 files", progress(7, 0, "files", "")),
            ("pcamflow:progress 0/0", progress(0, 0, "", "")),
            ("pcamflow:number accuracy=0.93", Meaning::Number { name: "accuracy", value: 0.93 }),
            ("pcamflow:number mean area = -1e-3", Meaning::Number { name: "mean area", value: -1e-3 }),
        ] {
            assert_eq!(meaning(line), expected, "{line}");
        }
        let undefined = meaning("pcamflow:number x=nan");
        assert!(matches!(undefined, Meaning::Number { value, .. } if value.is_nan()));
    }

    #[test]
    fn invalid_numbers_are_recognised() {
        for value in ["acc=1,5", "acc=5%", "acc=", "acc", "=1"] {
            assert_eq!(meaning(&format!("pcamflow:number {value}")), Meaning::NoNumber, "{value}");
        }
    }

    #[test]
    fn other_lines_are_text() {
        for line in [
            "",
            "pcamflow:",
            "pcamflow:progress",
            "pcamflow:progress 3/",
            "pcamflow:progress -1/2 x",
            "pcamflow:progress 3/2 x",
            "pcamflow:progress 99999999999999999999",
            "pcamflow:progressing 1/2",
            " pcamflow:number x=1",
        ] {
            assert_eq!(meaning(line), Meaning::Text, "{line:?}");
        }
    }
}
