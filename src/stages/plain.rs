//! What the TOML reader says of a value, in the words of pipeline files: a whole number, a list, a key.
//!
//! Knows the forms of serde's messages; any other message stays as it is.

use std::ops::Range;

use super::{Matter, Problem, meant::meant};

/// Said of a word where a table with that key is expected.
pub(super) const NOT_A_WORD: &str = "a table is expected here, not a word alone";

/// Said of a table with several keys where one is expected.
pub(super) const ONE_KEY: &str = "a table with one key is expected here, and it has more";

/// So many letters of a text that somebody wrote are shown again.
const SHOWN: usize = 60;

/// A problem with a value of which the reader has said `message`.
pub(crate) fn problem(span: Range<usize>, message: &str) -> Problem {
    if let Some((word, known)) = unknown(message, "unknown field ") {
        return Problem::at(span, format!("unknown key `{word}`"))
            .about(Matter::UnknownKey(word.to_owned()))
            .one_of("keys", word, &known);
    }
    if let Some((word, known)) = unknown(message, "unknown variant ") {
        return Problem::at(span, format!("unknown word `{word}`")).one_of("words", word, &known);
    }
    let problem = Problem::at(span, said(message));
    if is_share(message) {
        return problem
            .help("write the number itself, such as 800: a share of the whole is not understood here");
    }
    problem
}

/// Whether somebody wrote a share (0.8, "80%") where a whole number is expected.
fn is_share(message: &str) -> bool {
    let Some((found, "u8" | "u16" | "u32" | "u64" | "usize")) = message.rsplit_once(", expected ") else {
        return false;
    };
    let number = found.strip_prefix("invalid type: floating point `").and_then(|rest| rest.strip_suffix('`'));
    let is_part = |number: &str| number.parse().is_ok_and(|number: f64| 0.0 < number && number < 1.0);
    number.is_some_and(is_part) || found.ends_with("%\"")
}

impl Problem {
    /// Advice: the known word that was meant, or all of them.
    fn one_of(self, what: &str, word: &str, known: &[&str]) -> Self {
        match (meant(word, known), known) {
            (Some(near), _) => self.help(format!("did you mean `{near}`?")),
            (None, [_, ..]) => self.help(format!("known {what}: {}", known.join(", "))),
            (None, []) => self,
        }
    }
}

/// The word of "unknown field `x`, expected one of `a`, `b`", and those that are known.
fn unknown<'a>(message: &'a str, what: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let quoted = message.strip_prefix(what)?.strip_prefix('`')?;
    let (word, known) = quoted.split_once("`, expected").or_else(|| quoted.split_once("`, "))?;
    // Between backticks stand the words, outside of them what joins them.
    Some((word, known.split('`').skip(1).step_by(2).collect()))
}

/// Any other message.
fn said(message: &str) -> String {
    let plain = || {
        if let Some(rest) = message.strip_prefix("invalid type: ") {
            let (found, expected) = rest.rsplit_once(", expected ")?;
            return Some(format!("{} is expected here, not {}", kind(expected), shown(found)));
        }
        if let Some(rest) = message.strip_prefix("invalid value: ") {
            let (found, expected) = rest.rsplit_once(", expected ")?;
            return Some(out_of_bounds(expected, &shown(found)));
        }
        if let Some(rest) = message.strip_prefix("invalid length ") {
            let (found, expected) = rest.rsplit_once(", expected ")?;
            return Some(format!("{} is expected here, not one of {found}", kind(expected)));
        }
        if let Some(name) = message.strip_prefix("missing field ") {
            return Some(format!("{name} is missing"));
        }
        match message {
            "wanted string or table" => Some("a word or a table is expected here".to_owned()),
            "wanted exactly 1 element, found 0 elements" => {
                Some("a table with one key is expected here, and it has none".to_owned())
            }
            "wanted exactly 1 element, more than 1 element" => Some(ONE_KEY.to_owned()),
            _ => None,
        }
    };
    plain().unwrap_or_else(|| message.to_owned())
}

/// What was expected, as people call it.
fn kind(expected: &str) -> String {
    let word = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "newtype variant" | "struct variant" | "tuple variant" => "a table",
        "string or map" => "a word or a table",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("enum ") => "a word or a table",
        _ => {
            let list = ["an array of length ", "a tuple of size "].iter().find_map(|form| {
                expected.strip_prefix(form).map(|count| format!("a list of {count} values"))
            });
            return list.unwrap_or_else(|| expected.to_owned());
        }
    };
    word.to_owned()
}

/// Says of a value of the right type that it is out of bounds. Not of which: what a stage checks is narrower
/// than what its type holds.
fn out_of_bounds(expected: &str, found: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" if found.starts_with('-') => {
            format!("a number below 0 does not fit here: {found}")
        }
        "u8" | "u16" | "u32" | "u64" | "usize" => format!("this number is too large: {found}"),
        other => format!("{} is expected here, not {found}", kind(other)),
    }
}

/// What stands there instead.
fn shown(found: &str) -> String {
    if let Some(text) = found.strip_prefix("string ") {
        return match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("the text {}…", &text[..end]),
            None => format!("the text {text}"),
        };
    }
    let plain = ["integer ", "floating point ", "boolean "].iter().find_map(|form| found.strip_prefix(form));
    match (plain, found) {
        (Some(value), _) => value.trim_matches('`').to_owned(),
        (None, "sequence") => "a list".to_owned(),
        (None, "map") => "a table".to_owned(),
        (None, "unit variant") => "a word alone".to_owned(),
        (None, other) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> (String, Option<String>) {
        let problem = problem(0..1, message);
        (problem.message, problem.help)
    }

    #[test]
    fn types_are_called_what_people_call_them() {
        for (message, expected) in [
            (
                "invalid type: string \"eight\", expected u32",
                "a whole number is expected here, not the text \"eight\"",
            ),
            ("invalid type: floating point `8.5`, expected u64", "a whole number is expected here, not 8.5"),
            ("invalid value: integer `-1`, expected u32", "a number below 0 does not fit here: -1"),
            ("invalid type: integer `3`, expected a sequence", "a list is expected here, not 3"),
            ("invalid type: sequence, expected struct Retry", "a table is expected here, not a list"),
            (
                "invalid length 1, expected an array of length 2",
                "a list of 2 values is expected here, not one of 1",
            ),
            ("missing field `times`", "`times` is missing"),
            ("a stage is written kind.name", "a stage is written kind.name"),
        ] {
            assert_eq!(told(message), (expected.to_owned(), None), "{message}");
        }
        let too_large = told("invalid value: integer `99999999999`, expected u32").0;
        assert_eq!(too_large, "this number is too large: 99999999999");
        let (long, _) = told(&format!("invalid type: string {:?}, expected f64", "é".repeat(5000)));
        assert!(long.starts_with("a number is expected here") && long.chars().count() < 120, "{long}");
    }

    #[test]
    fn shares_are_not_taken_for_counts() {
        for (found, is) in
            [("floating point `0.8`", true), ("string \"80%\"", true), ("floating point `8.5`", false)]
        {
            let help = told(&format!("invalid type: {found}, expected u64")).1;
            assert_eq!(help.is_some_and(|help| help.contains("a share")), is, "{found}");
        }
        assert_eq!(told("invalid type: floating point `0.5`, expected a string").1, None);
    }

    #[test]
    fn unknown_words_come_with_the_known_ones() {
        let help = |text: &str| Some(text.to_owned());
        let message = "unknown field `trian`, expected one of `train`, `validation`, `test`";
        assert_eq!(told(message), ("unknown key `trian`".to_owned(), help("did you mean `train`?")));
        let message = "unknown field `z`, expected `x` or `y`";
        assert_eq!(told(message), ("unknown key `z`".to_owned(), help("known keys: x, y")));
        let message = "unknown variant `best`, expected one of `adam`, `sgd`";
        assert_eq!(told(message), ("unknown word `best`".to_owned(), help("known words: adam, sgd")));
        assert_eq!(told("unknown field `z`, there are no fields"), ("unknown key `z`".to_owned(), None));
    }
}
