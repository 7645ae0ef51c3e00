//! Reads a requirement: `kind.name.number >= bound`.
//!
//! The relation is one of `>= > <= < == !=`, the bound a number or a percentage. Instead of a main number, there
//! may be a number in a JSON artifact, `kind.name/artifact.key.key`. Around either, there may be `mean(...)`,
//! `sd(...)`, `min(...)` or `max(...)` over the repeats of a stage.

use std::str::FromStr;

use super::{Named, OVER, Over, RELATIONS, Requirement};
use crate::{nearest::nearest, stages::StageName};

/// What a requirement looks like.
const EXAMPLE: &str = "a requirement looks like `evaluate.test.accuracy >= 0.85`";

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sign = text.find(['<', '>', '=', '!']);
        let (left, right) = sign
            .map(|at| text.split_at(at))
            .ok_or_else(|| format!("there is nothing to compare with (>=, >, <=, <, == or !=): {EXAMPLE}"))?;
        let known =
            RELATIONS.iter().find_map(|(sign, relation)| Some((*relation, right.strip_prefix(sign)?)));
        let (relation, figure) =
            known.ok_or_else(|| format!("the comparison is one of >=, >, <=, <, == and !=: {EXAMPLE}"))?;
        let (over, inner) = over(left.trim())?;
        let (stage, number) = named(inner)?;
        let bound = bound(figure.trim())?;
        Ok(Self { text: text.trim().to_owned(), over, stage, number, relation, bound })
    }
}

/// The word around the number.
fn over(text: &str) -> Result<(Option<Over>, &str), String> {
    let Some((word, inner)) = text.split_once('(') else { return Ok((None, text)) };
    let inner = inner.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its closing bracket"))?;
    let known = OVER.iter().find(|(name, _)| *name == word.trim());
    known.map(|over| (Some(*over), inner.trim())).ok_or_else(|| {
        let words = OVER.map(|(name, _)| name);
        match nearest(word.trim(), words) {
            Some(near) => format!("there is no `{word}(...)`: did you mean `{near}(...)`?"),
            None => format!("there is no `{word}(...)`: over repeats there are {}", words.join(", ")),
        }
    })
}

/// A stage's name, and which of its numbers.
fn named(text: &str) -> Result<(String, Named), String> {
    let name = text.find('.').map_or(text.len(), |dot| dot + 1);
    let end = text[name..].find(['.', '/']).map_or(text.len(), |end| name + end);
    let (stage, number) = text.split_at(end);
    stage.parse::<StageName>()?;
    let mut letters = number.chars();
    let separator = letters.next();
    let number = letters.as_str().to_owned();
    match separator {
        Some('.') if !number.is_empty() => Ok((stage.to_owned(), Named::Main(number))),
        Some('/') if !number.is_empty() => Ok((stage.to_owned(), Named::InArtifact(number))),
        _ => Err(format!("which number of `{stage}`? {EXAMPLE}")),
    }
}

/// A number, or a percentage: `0.85`, `85%`.
fn bound(text: &str) -> Result<f64, String> {
    let percentage = text.strip_suffix('%').map(str::trim_end);
    // As a text, so that `91.3%` is exactly the number `0.913`.
    let number = percentage.map_or_else(|| text.to_owned(), |number| format!("{number}e-2"));
    let read = number.parse().ok().filter(|number: &f64| number.is_finite());
    read.ok_or_else(|| format!("`{text}` is neither a number nor a percentage: {EXAMPLE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Requirement {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_is_read() {
        let plain = read(" evaluate.test.accuracy>=85% ");
        assert_eq!(
            (plain.text.as_str(), plain.stage.as_str()),
            ("evaluate.test.accuracy>=85%", "evaluate.test")
        );
        assert!(plain.over.is_none() && (plain.relation)(&1.0, &1.0) && !(plain.relation)(&0.0, &1.0));
        assert_eq!(plain.bound, 0.85);
        assert_eq!(plain.number, Named::Main("accuracy".to_owned()));
        let labelled = read("metrics.all.grad-cam/deletion < -1e-3");
        assert_eq!(labelled.number, Named::Main("grad-cam/deletion".to_owned()));
        assert!((labelled.relation)(&0.0, &1.0) && !(labelled.relation)(&1.0, &1.0));
        assert_eq!(labelled.bound, -1e-3);
        let artifact = read("evaluate.test@7/metrics.json.classes.0.f1 == 1");
        assert_eq!(artifact.stage, "evaluate.test@7");
        assert_eq!(artifact.number, Named::InArtifact("metrics.json.classes.0.f1".to_owned()));
        assert_eq!(read("mean( evaluate.test.accuracy ) > 91.3 %").bound, 0.913);
        for (word, _) in OVER {
            let over = read(&format!("{word}(train.a.validation-loss) != 0")).over;
            assert_eq!(over.map(|(word, _)| word), Some(word));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("evaluate.test.accuracy", "there is nothing to compare with"),
            ("evaluate.test.accuracy = 0.85", "the comparison is one of"),
            ("evaluate.test.accuracy => 0.85", "the comparison is one of"),
            ("evaluate.test.accuracy >= high", "`high` is neither a number nor a percentage"),
            ("evaluate.test.accuracy >= nan", "`nan` is neither"),
            ("evaluate.test.accuracy >= 1e999", "`1e999` is neither"),
            ("evaluate.test >= 0.85", "which number of `evaluate.test`?"),
            ("evaluate.test. >= 0.85", "which number of `evaluate.test`?"),
            ("evaluate.test/ >= 0.85", "which number of `evaluate.test`?"),
            ("accuracy >= 0.85", "`accuracy` is not a stage"),
            ("evalute.test.accuracy >= 0.85", "did you mean `evaluate`?"),
            ("maen(evaluate.test.accuracy) >= 0.85", "did you mean `mean(...)`?"),
            ("quantile(evaluate.test.accuracy) >= 0.85", "there are mean, sd, min, max"),
            ("mean(evaluate.test.accuracy >= 0.85", "lacks its closing bracket"),
            ("evaluate.*.accuracy >= 0.85", "`*` cannot name a stage"),
            ("", "there is nothing to compare with"),
        ] {
            let error = text.parse::<Requirement>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
