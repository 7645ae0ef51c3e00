//! Reads a sweep from the command line: `--set` with several values or a range, and how they are combined.
//!
//! Commas outside of brackets, braces and quotes separate values, and nothing else does: so each value is written
//! as for `run --set`.

use super::arguments::SweepArguments;
use crate::pipeline::sweep::{Axis, Range, SweepSpec, Trials, Values};

/// The seed where none is said.
const SEED: u64 = 42;

/// What the command line says.
#[derive(Debug)]
pub(super) struct Said {
    /// What is set in all trials, as `--set` has it.
    pub(super) fixed: Vec<String>,
    /// The keys of that.
    pub(super) fixed_keys: Vec<String>,
    /// What is tried; `None` where the file's `[sweep]` says that.
    pub(super) spec: Option<SweepSpec>,
}

/// Reads the command line.
pub(super) fn said(arguments: &SweepArguments) -> Result<Said, Vec<String>> {
    let (mut fixed, mut fixed_keys, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    let mut axes: Vec<Axis> = Vec::new();
    for set in &arguments.run.pipeline.set {
        match one_set(set) {
            Ok((key, None)) => {
                fixed.push(set.clone());
                fixed_keys.push(key);
            }
            Ok((key, Some(_))) if axes.iter().any(|axis| axis.key == key) => {
                wrong.push(format!("--set: the values of `{key}` are given twice: give all of them at once"));
            }
            Ok((key, Some(values))) => axes.push(Axis { key, values, place: "--set".to_owned() }),
            Err(problem) => wrong.push(problem),
        }
    }
    wrong.extend(clashes(arguments, &axes, &fixed_keys));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let spec =
        trials(arguments).map(|trials| SweepSpec { trials, axes: axes.clone(), place: "--set".to_owned() });
    let product = || SweepSpec { trials: Trials::Product, axes: axes.clone(), place: "--set".to_owned() };
    let spec = match arguments.from {
        Some(_) => spec,
        None if axes.is_empty() => None,
        None => spec.or_else(|| Some(product())),
    };
    Ok(Said { fixed, fixed_keys, spec })
}

/// Lets the command line say how the values of a file make trials.
pub(super) fn override_trials(arguments: &SweepArguments, spec: &mut SweepSpec) -> Result<(), String> {
    let is_table = matches!(spec.trials, Trials::Rows { .. });
    let seed = arguments.seed.filter(|_| arguments.random.is_none());
    match (&mut spec.trials, trials(arguments), seed) {
        (_, Some(_), _) | (_, None, Some(_)) if is_table => Err(format!(
            "the trials are the rows of a table ({}): they can be neither paired nor drawn",
            spec.place
        )),
        (known, Some(trials), _) => {
            *known = trials;
            Ok(())
        }
        (Trials::Random { seed, .. }, None, Some(other)) => {
            *seed = other;
            Ok(())
        }
        (_, None, Some(_)) => {
            Err("--seed is for trials that are drawn: say how many with --random N".to_owned())
        }
        (_, None, None) => Ok(()),
    }
}

/// How values make trials, where the command line says so.
fn trials(arguments: &SweepArguments) -> Option<Trials> {
    let random = |count| Trials::Random { count, seed: arguments.seed.unwrap_or(SEED) };
    let rows = arguments.from.as_ref().map(|file| Trials::Rows { file: file.clone() });
    rows.or_else(|| arguments.random.map(random)).or_else(|| arguments.zip.then_some(Trials::Zip))
}

fn clashes(arguments: &SweepArguments, axes: &[Axis], fixed: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(axis) = axes.first().filter(|_| arguments.from.is_some()) {
        wrong.push(format!(
            "`{}` has several values, and --from says what the trials are: add a column to the table",
            axis.key
        ));
    }
    if arguments.seed.is_some() && arguments.random.is_none() && !axes.is_empty() {
        wrong.push("--seed is for trials that are drawn: say how many with --random N".to_owned());
    }
    let both = axes.iter().filter(|axis| fixed.contains(&axis.key));
    wrong.extend(both.map(|axis| format!("--set: `{}` has several values, and then one", axis.key)));
    let ranges = axes.iter().filter(|axis| matches!(axis.values, Values::Range(_)));
    let ranges = ranges.filter(|_| arguments.random.is_none());
    wrong.extend(ranges.map(|axis| {
        format!("`{}` is a range: say how many trials to draw, with --random N, or list its values", axis.key)
    }));
    wrong
}

/// The key of a `--set`, and its values; `None` where it has just one.
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

/// The values between commas.
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

/// `1..8`, `0.1..0.9`, `log:1e-5..1e-2`; `None` for what is no range.
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
    fn what_is_wrong_is_told() {
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
