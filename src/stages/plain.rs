//! Rewrites the messages of the TOML reader in plain words: a whole number, a list, a key.
//!
//! Knows the forms of serde's messages. Other messages stay as they are.

use std::ops::Range;

use super::{Problem, Topic, suggest::suggestion};

/// The message about a word in place of a table with that key.
pub(super) const NOT_A_WORD: &str = "a table is expected here, not a word";

/// The message about a table with several keys in place of one.
pub(super) const ONE_KEY: &str = "a table with one key is expected here, and it has more";

/// How many characters of a wrong text are quoted.
const QUOTED: usize = 60;

/// The types of whole numbers in serde's messages.
const WHOLE: [&str; 5] = ["u8", "u16", "u32", "u64", "usize"];

/// The problem of a value, from the reader's message about it.
pub(crate) fn problem(span: Range<usize>, message: &str) -> Problem {
    if let Some((word, known)) = unknown(message, "unknown field ") {
        let problem = Problem::at(span, format!("unknown key `{word}`"));
        return one_of(problem.about(Topic::UnknownKey(word.to_owned())), "keys", word, &known);
    }
    if let Some((word, known)) = unknown(message, "unknown variant ") {
        return one_of(Problem::at(span, format!("unknown value `{word}`")), "values", word, &known);
    }
    let problem = Problem::at(span, plain(message).unwrap_or_else(|| message.to_owned()));
    match is_share(message) {
        true => problem.help("write the number itself, such as 800, not a share of the whole"),
        false => problem,
    }
}

/// Whether the value is a share (0.8, "80%") in place of a whole number.
fn is_share(message: &str) -> bool {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return false };
    let number = found.strip_prefix("invalid type: floating point `").and_then(|rest| rest.strip_suffix('`'));
    let is_part = |number: &str| number.parse().is_ok_and(|number: f64| 0.0 < number && number < 1.0);
    WHOLE.contains(&expected) && (number.is_some_and(is_part) || found.ends_with("%\""))
}

/// Adds advice: the suggested word, or all known ones.
fn one_of(problem: Problem, what: &str, word: &str, known: &[&str]) -> Problem {
    match (suggestion(word, known), known) {
        (Some(near), _) => problem.help(format!("did you mean `{near}`?")),
        (None, [_, ..]) => problem.help(format!("known {what}: {}", known.join(", "))),
        (None, []) => problem,
    }
}

/// The unknown word and the known ones of "unknown field `x`, expected one of `a`, `b`".
fn unknown<'a>(message: &'a str, what: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let quoted = message.strip_prefix(what)?.strip_prefix('`')?;
    let (word, known) = quoted.split_once("`, expected").or_else(|| quoted.split_once("`, "))?;
    // The words are between backticks.
    Some((word, known.split('`').skip(1).step_by(2).collect()))
}

/// Any other message that is known.
fn plain(message: &str) -> Option<String> {
    match message {
        "wanted string or table" => return Some("a word or a table is expected here".to_owned()),
        "wanted exactly 1 element, found 0 elements" => {
            return Some("a table with one key is expected here, and it has none".to_owned());
        }
        "wanted exactly 1 element, more than 1 element" => return Some(ONE_KEY.to_owned()),
        _ => {}
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return Some(format!("{name} is missing"));
    }
    let (found, expected) = message.rsplit_once(", expected ")?;
    if let Some(found) = found.strip_prefix("invalid length ") {
        return Some(format!("expected {}, found one of {found}", kind(expected)));
    }
    if let Some(found) = found.strip_prefix("invalid type: ") {
        return Some(format!("{} is expected here, not {}", kind(expected), value(found)));
    }
    let found = value(found.strip_prefix("invalid value: ")?);
    // Not the bounds themselves: those of a stage are often narrower than those of the type.
    Some(match WHOLE.contains(&expected) {
        true if found.starts_with('-') => format!("the number must not be negative: {found}"),
        true => format!("this number is too large: {found}"),
        false => format!("{} is expected here, not {found}", kind(expected)),
    })
}

/// The plain name of an expected type.
fn kind(expected: &str) -> String {
    let word = match expected {
        _ if WHOLE.contains(&expected) => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "newtype variant" | "struct variant" | "tuple variant" => "a table",
        "string or map" => "a word or a table",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("enum ") => "a word or a table",
        _ => {
            let count = expected.strip_prefix("an array of length ");
            return count.map_or_else(|| expected.to_owned(), |count| format!("a list of {count} values"));
        }
    };
    word.to_owned()
}

/// A found value.
fn value(found: &str) -> String {
    if let Some(text) = found.strip_prefix("string ") {
        return match text.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("the text {}…", &text[..end]),
            None => format!("the text {text}"),
        };
    }
    let plain = ["integer ", "floating point ", "boolean "].iter().find_map(|form| found.strip_prefix(form));
    match (plain, found) {
        (Some(value), _) => value.trim_matches('`').to_owned(),
        (None, "sequence") => "a list".to_owned(),
        (None, "map") => "a table".to_owned(),
        (None, "unit variant") => "a word".to_owned(),
        (None, other) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plainly(message: &str) -> (String, Option<String>) {
        let problem = problem(0..1, message);
        (problem.message, problem.help)
    }

    #[test]
    fn types_have_plain_names() {
        for (message, expected) in [
            (
                "invalid type: string \"eight\", expected u32",
                "a whole number is expected here, not the text \"eight\"",
            ),
            ("invalid type: floating point `8.5`, expected u64", "a whole number is expected here, not 8.5"),
            ("invalid value: integer `-1`, expected u32", "the number must not be negative: -1"),
            ("invalid type: integer `3`, expected a sequence", "a list is expected here, not 3"),
            ("invalid type: sequence, expected struct Retry", "a table is expected here, not a list"),
            (
                "invalid length 1, expected an array of length 2",
                "expected a list of 2 values, found one of 1",
            ),
            ("missing field `times`", "`times` is missing"),
            ("a stage is written kind.name", "a stage is written kind.name"),
        ] {
            assert_eq!(plainly(message), (expected.to_owned(), None), "{message}");
        }
        let too_large = plainly("invalid value: integer `99999999999`, expected u32").0;
        assert_eq!(too_large, "this number is too large: 99999999999");
        let (long, _) = plainly(&format!("invalid type: string {:?}, expected f64", "é".repeat(5000)));
        assert!(long.starts_with("a number is expected here") && long.chars().count() < 120, "{long}");
    }

    #[test]
    fn a_share_in_place_of_a_count_gets_advice() {
        for (found, is) in
            [("floating point `0.8`", true), ("string \"80%\"", true), ("floating point `8.5`", false)]
        {
            let help = plainly(&format!("invalid type: {found}, expected u64")).1;
            assert_eq!(help.is_some_and(|help| help.contains("a share")), is, "{found}");
        }
        assert_eq!(plainly("invalid type: floating point `0.5`, expected a string").1, None);
    }

    #[test]
    fn unknown_words_come_with_the_known_ones() {
        let help = |text: &str| Some(text.to_owned());
        let message = "unknown field `trian`, expected one of `train`, `validation`, `test`";
        assert_eq!(plainly(message), ("unknown key `trian`".to_owned(), help("did you mean `train`?")));
        let message = "unknown field `z`, expected `x` or `y`";
        assert_eq!(plainly(message), ("unknown key `z`".to_owned(), help("known keys: x, y")));
        let message = "unknown variant `best`, expected one of `adam`, `sgd`";
        assert_eq!(plainly(message), ("unknown value `best`".to_owned(), help("known values: adam, sgd")));
        assert_eq!(plainly("unknown field `z`, there are no fields"), ("unknown key `z`".to_owned(), None));
    }
}
