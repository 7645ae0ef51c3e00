//! Two texts, line by line: the numbers in them measured, the rest compared.

use std::path::Path;

use anyhow::Result;

use super::tally::Findings;

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let [old, new] = [std::fs::read(old)?, std::fs::read(new)?];
    let [old, new] = [&old, &new].map(|bytes| String::from_utf8_lossy(bytes));
    let (before, now) = (old.lines().count(), new.lines().count());
    if before != now {
        findings.otherwise(|| format!("it has {now} lines, had {before}"));
    }
    for (place, (old, new)) in old.lines().zip(new.lines()).enumerate().filter(|(_, (old, new))| old != new) {
        line(place + 1, old, new, findings);
    }
    Ok(())
}

fn line(number: usize, old: &str, new: &str, findings: &mut Findings) {
    let (old, new) = (split(old), split(new));
    let texts = |line: &[Token<'_>]| line.iter().map(|token| token.text().to_owned()).collect::<Vec<_>>();
    if texts(&old) != texts(&new) {
        findings.otherwise(|| format!("line {number} has other words"));
        return;
    }
    for (old, new) in old.iter().zip(&new) {
        if let (Token::Number(old), Token::Number(new)) = (old, new) {
            findings.number("numbers", *old, *new, || format!("line {number}"));
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Number(f64),
    Text(&'a str),
}

impl Token<'_> {
    /// The words; a number has none.
    fn text(&self) -> &str {
        match self {
            Token::Number(_) => "",
            Token::Text(text) => text,
        }
    }
}

/// A line as words and numbers by turns. Spaces before a number give way, so that columns may shift.
fn split(line: &str) -> Vec<Token<'_>> {
    let is_of_number = |letter: char| letter.is_ascii_digit() || letter == '.';
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let digits = &rest[start..];
        let end = digits.find(|letter: char| !is_of_number(letter)).unwrap_or(digits.len());
        let signed = if rest[..start].ends_with('-') { start - 1 } else { start };
        tokens.push(Token::Text(rest[..signed].trim_end()));
        let word = &rest[signed..start + end];
        let value = word.trim_end_matches('.').parse();
        tokens.push(value.map_or(Token::Text(word), Token::Number));
        rest = &rest[start + end..];
    }
    tokens.push(Token::Text(rest.trim_end()));
    tokens
}

#[cfg(test)]
mod tests {
    use super::{super::tests::contents, *};

    #[test]
    fn words_and_numbers_are_told_apart() {
        use Token::{Number, Text};
        assert_eq!(split("a  -1.5, x2."), [Text("a"), Number(-1.5), Text(", x"), Number(2.0), Text("")]);
        assert_eq!(split("v 1.2.3"), [Text("v"), Text("1.2.3"), Text("")]);
    }

    #[test]
    fn numbers_in_lines_are_measured_and_other_words_named() {
        let compared = contents(b"accuracy  0.91\nloss 2\n", b"accuracy 0.92\nlust 2\n", "r.txt").unwrap();
        let part = &compared.parts[0];
        assert_eq!((part.values, part.at.as_str()), ([0.91, 0.92], "line 1"));
        assert_eq!(compared.otherwise, ["line 2 has other words"]);
    }
}
