//! What the TOML reader says of a value, in the words of pipeline files: a whole number, a list, a key.
//!
//! Knows the forms of serde's messages; any other message stays as it is.

use std::ops::Range;

use super::{Matter, Problem};

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
    Problem::at(span, said(message))
}

impl Problem {
    /// Advice: the known word that was meant, or all of them.
    fn one_of(self, what: &str, word: &str, known: &[&str]) -> Self {
        let near = self.did_you_mean(word, known.iter().copied());
        match (&near.help, known) {
            (None, [_, ..]) => near.help(format!("known {what}: {}", known.join(", "))),
            _ => near,
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
            return Some(format!("{} is expected here, not {}", bounded(expected), shown(found)));
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
            "wanted exactly 1 element, more than 1 element" => {
                Some("a table with one key is expected here, and it has more".to_owned())
            }
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

/// What was expected of a value that is of the right type, and out of bounds.
fn bounded(expected: &str) -> String {
    let most = match expected {
        "u8" => u32::from(u8::MAX),
        "u16" => u32::from(u16::MAX),
        "u32" => u32::MAX,
        "u64" | "usize" => return "a whole number of at least 0".to_owned(),
        other => return kind(other),
    };
    format!("a whole number from 0 to {most}")
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
            ("invalid type: floating point `0.5`, expected u64", "a whole number is expected here, not 0.5"),
            (
                "invalid value: integer `-1`, expected u32",
                "a whole number from 0 to 4294967295 is expected here, not -1",
            ),
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
        let (long, _) = told(&format!("invalid type: string {:?}, expected f64", "é".repeat(5000)));
        assert!(long.starts_with("a number is expected here") && long.chars().count() < 120, "{long}");
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
