//! Reads a sweep from the command line: `--set` with several values or a range, and how to combine them.
//!
//! Only commas outside of brackets, braces and quotes separate values, so each value is written as for `run --set`.

use super::arguments::SweepArguments;
use crate::pipeline::sweep::{Axis, Range, SweepSpec, Trials, Values};

/// The default seed.
const SEED: u64 = 42;

/// The sweep on the command line.
#[derive(Debug)]
pub(super) struct Given {
    /// Each `--set` with one value, which all trials have.
    pub(super) fixed: Vec<String>,
    /// Their keys.
    pub(super) fixed_keys: Vec<String>,
    /// The trials; `None` if they are those of the file's `[sweep]`.
    pub(super) spec: Option<SweepSpec>,
}

/// Reads the command line.
pub(super) fn read(arguments: &SweepArguments) -> Result<Given, Vec<String>> {
    let (mut fixed, mut fixed_keys, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    let mut axes: Vec<Axis> = Vec::new();
    let place = || "--set".to_owned();
    for set in &arguments.run.project.pipeline.set {
        match one_set(set) {
            Ok((key, None)) => {
                fixed.push(set.clone());
                fixed_keys.push(key);
            }
            Ok((key, Some(_))) if axes.iter().any(|axis| axis.key == key) => {
                wrong.push(format!("--set: the values of `{key}` are given twice: give all of them at once"));
            }
            Ok((key, Some(values))) => axes.push(Axis { key, values, place: place() }),
            Err(problem) => wrong.push(problem),
        }
    }
    wrong.extend(conflicts(arguments, &axes, &fixed_keys));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let trials = trials(arguments).unwrap_or(Trials::Product);
    let given = arguments.from.is_some() || !axes.is_empty();
    let spec = given.then(|| SweepSpec { trials, axes, place: place() });
    Ok(Given { fixed, fixed_keys, spec })
}

/// Changes how the values of a file are combined, as the command line says.
pub(super) fn override_trials(arguments: &SweepArguments, spec: &mut SweepSpec) -> Result<(), String> {
    match (&mut spec.trials, trials(arguments)) {
        (_, None) => Ok(()),
        (Trials::Rows { .. }, Some(_)) => Err(format!(
            "the trials are the rows of a table ({}): they can be neither paired nor drawn",
            spec.place
        )),
        (known, Some(trials)) => {
            *known = trials;
            Ok(())
        }
    }
}

/// How the command line combines values; `None` if it does not say.
fn trials(arguments: &SweepArguments) -> Option<Trials> {
    let random = |count| Trials::Random { count, seed: arguments.seed.unwrap_or(SEED) };
    let rows = arguments.from.as_ref().map(|file| Trials::Rows { file: file.clone() });
    rows.or_else(|| arguments.random.map(random)).or_else(|| arguments.zip.then_some(Trials::Zip))
}

/// Options that contradict each other.
fn conflicts(arguments: &SweepArguments, axes: &[Axis], fixed: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(axis) = axes.first().filter(|_| arguments.from.is_some()) {
        wrong.push(format!(
            "`{}` has several values, and --from says what the trials are: add a column to the table",
            axis.key
        ));
    }
    for Axis { key, values, .. } in axes {
        if fixed.contains(key) {
            wrong.push(format!("--set: `{key}` has several values, and then one"));
        }
        if arguments.random.is_none() && matches!(values, Values::Range(_)) {
            wrong.push(format!(
                "`{key}` is a range: say how many trials to draw, with --random N, or list its values"
            ));
        }
    }
    wrong
}

/// The key of a `--set`, and its values; `None` if there is only one.
fn one_set(text: &str) -> Result<(String, Option<Values>), String> {
    let form = "values are written kind.name.key=VALUE,VALUE, as in train.base.epochs=4,8";
    let Some((key, values)) = text.split_once('=') else {
        return Err(format!("--set {text}: {form}"));
    };
    let (key, values) = (key.trim().to_owned(), values.trim());
    if let Some(range) = range(values) {
        return Ok((key, Some(Values::Range(range))));
    }
    match pieces(values) {
        Err(problem) => Err(format!("--set {text}: {problem}")),
        Ok(pieces) if pieces.iter().any(String::is_empty) => {
            Err(format!("--set {text}: a value is empty; {form}"))
        }
        Ok(pieces) if pieces.len() == 1 => Ok((key, None)),
        Ok(pieces) => Ok((key, Some(Values::List(pieces)))),
    }
}

/// Splits a text at the commas.
fn pieces(text: &str) -> Result<Vec<String>, String> {
    let mut pieces = vec![String::new()];
    let mut open: Vec<char> = Vec::new();
    let (mut quote, mut escaped) = (None, false);
    for letter in text.chars() {
        match (quote, letter) {
            (Some('"'), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(of), _) if of == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[') => open.push(']'),
            (None, '{') => open.push('}'),
            (None, ']' | '}') if open.pop() != Some(letter) => {
                return Err(format!("`{letter}` closes nothing that is open"));
            }
            (None, ',') if open.is_empty() => {
                pieces.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    match (quote, open.last()) {
        (Some(quote), _) => Err(format!("a quote is not closed: {quote}")),
        (None, Some(closing)) => Err(format!("a `{closing}` is missing")),
        (None, None) => Ok(pieces.into_iter().map(|piece| piece.trim().to_owned()).collect()),
    }
}

/// A range: `1..8`, `0.1..0.9`, `log:1e-5..1e-2`.
fn range(text: &str) -> Option<Range> {
    let (log, ends) = text.strip_prefix("log:").map_or((false, text), |ends| (true, ends));
    let (from, to) = ends.split_once("..")?;
    let (from, to) = (from.trim(), to.trim());
    let whole = [from, to].iter().all(|end| end.parse::<i64>().is_ok());
    Some(Range { from: from.parse().ok()?, to: to.parse().ok()?, log, whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_outside_of_brackets_and_quotes_separate_values() {
        let of = |text: &str| match one_set(&format!("a.b={text}")) {
            Ok((_, Some(Values::List(values)))) => values.join(" | "),
            Ok((_, None)) => "one".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(of("1e-4,3e-4, 1e-3"), "1e-4 | 3e-4 | 1e-3");
        assert_eq!(of("[8, 16],[16, 32]"), "[8, 16] | [16, 32]");
        assert_eq!(of("[8, 16]"), "one");
        assert_eq!(of("{ a = 1, b = 2 }"), "one");
        assert_eq!(of("'a,b',\"c,\\\"d\""), "'a,b' | \"c,\\\"d\"");
        assert_eq!(of("adam,sgd"), "adam | sgd");
        assert_eq!(of("x/../y"), "one");
    }

    #[test]
    fn ranges_are_two_numbers() {
        let range = |text| range(text).map(|range| (range.from, range.to, range.log, range.whole));
        assert_eq!(range("1..8"), Some((1.0, 8.0, false, true)));
        assert_eq!(range("0.5..8"), Some((0.5, 8.0, false, false)));
        assert_eq!(range("log:1e-5..1e-2"), Some((1e-5, 1e-2, true, false)));
        assert_eq!(range("a..b"), None);
        assert_eq!(range("1.5"), None);
    }

    #[test]
    fn mistakes_are_reported() {
        for (text, expected) in [
            ("a.b", "values are written"),
            ("a.b=1,,2", "a value is empty"),
            ("a.b=[1,2", "`]` is missing"),
            ("a.b=1],2", "closes nothing"),
            ("a.b='x,y", "a quote is not closed"),
        ] {
            assert!(one_set(text).unwrap_err().contains(expected), "{text}");
        }
    }
}
