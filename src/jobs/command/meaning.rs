//! What a line of a program means: progress, a number, or text for the log.
//!
//! ```text
//! pcamflow:progress 30/100 epochs loss 0.41     done, of how many, of what; then what it is at
//! pcamflow:progress 30 files                    of how many is not known
//! pcamflow:number accuracy=0.93                 one of the stage's main numbers; the last of a name counts
//! ```
//!
//! A line that begins like one of these and is none is text.

/// The longest name of a number.
const LONGEST_NAME: usize = 64;

/// What a line means.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning<'a> {
    /// How far the program is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all; 0 where unknown.
        total: u64,
        /// What a unit is.
        unit: &'a str,
        /// What it is at.
        at: &'a str,
    },
    /// One of the stage's main numbers.
    Number {
        /// Its name.
        name: &'a str,
        /// Its value.
        value: f64,
    },
    /// Meant for a number, and none.
    NoNumber,
    /// For the log.
    Text,
}

/// The meaning of a line.
pub(super) fn meaning(line: &str) -> Meaning<'_> {
    let Some(said) = line.strip_prefix("pcamflow:") else { return Meaning::Text };
    let said = said.trim_end();
    let progress = said.strip_prefix("progress ").and_then(progress);
    let number = || said.strip_prefix("number ").map(|said| number(said).unwrap_or(Meaning::NoNumber));
    progress.or_else(number).unwrap_or(Meaning::Text)
}

fn progress(text: &str) -> Option<Meaning<'_>> {
    let (count, rest) = split(text.trim_start());
    let (done, total) = count.split_once('/').unwrap_or((count, "0"));
    let (done, total) = (done.parse().ok()?, total.parse().ok()?);
    let (unit, at) = split(rest);
    (total == 0 || done <= total).then_some(Meaning::Progress { done, total, unit, at })
}

/// The first word, and what follows.
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
    fn what_was_to_be_a_number_and_is_none_is_told_apart() {
        for value in ["acc=1,5", "acc=5%", "acc=", "acc", "=1"] {
            assert_eq!(meaning(&format!("pcamflow:number {value}")), Meaning::NoNumber, "{value}");
        }
    }

    #[test]
    fn what_is_neither_is_text() {
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
