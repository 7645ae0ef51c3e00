//! Formats durations, counts, bytes, numbers, rates and paths for people.
//!
//! Pure functions from a value to a text; knows neither colours nor terminals.

use std::{
    borrow::Cow,
    path::{Component, Path, PathBuf},
};

use indicatif::{HumanBytes, HumanCount, HumanFloatCount};

use crate::protocol::Number;

/// A duration in its two largest units: `12 ms`, `34.2 s`, `4 min 12 s`,
/// `2 h 03 min`, `1 d 04 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    match seconds {
        s if s < 0.0005 => "0 ms".to_owned(),
        s if s < 0.0995 => format!("{:.0} ms", s * 1e3),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3599.5 => two_units(s.round(), 60, "min", "s"),
        s if s < 86_370.0 => two_units((s / 60.0).round(), 60, "h", "min"),
        s => two_units((s / 3600.0).round(), 24, "d", "h"),
    }
}

/// A count of small units, in large units (of `of` small ones) and small units.
fn two_units(count: f64, of: u64, large: &str, small: &str) -> String {
    // The conversion saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = count as u64;
    format!("{} {large} {:02} {small}", count / of, count % of)
}

/// A remaining time without fast changing digits: `42 s`, `4 min 12 s`.
#[must_use]
pub fn left(seconds: f64) -> String {
    if seconds < 59.5 { format!("{:.0} s", seconds.max(1.0)) } else { duration(seconds.round()) }
}

/// A count with thousands separators: `262,144`.
#[must_use]
pub fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// A count with its unit in the singular or plural: `1 stage`, `12 stages`.
#[must_use]
pub fn plural(number: usize, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number as u64))
}

/// A number with four significant digits, whole numbers in full: `0.9156`, `40,000`, `1.234e-5`.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => value.to_string(),
        _ if value.fract() == 0.0 && size < 1e15 => HumanFloatCount(value).to_string(),
        s if !(1e-4..1e15).contains(&s) => format!("{value:.3e}"),
        s => format!("{:.*}", decimals(s, 4), HumanFloatCount(value)),
    }
}

/// A number with a fixed count of decimals, for columns that line up: `0.9340`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if decimals == 0 { number(value.round()) } else { format!("{value:.decimals$}") }
}

/// A value of a table with the decimals of its standard deviation, if these are known.
#[must_use]
pub fn with_decimals(value: Option<f64>, decimals: Option<usize>) -> String {
    match (value, decimals) {
        (None, _) => "-".to_owned(),
        (Some(value), Some(decimals)) => fixed(value, decimals),
        (Some(value), None) => number(value),
    }
}

/// A value with its spread, if that is known and not too small.
#[must_use]
pub fn with_spread(mean: f64, sd: Option<f64>) -> String {
    match sd.and_then(|sd| Some((sd, decimals_of(sd)?))) {
        Some((sd, decimals)) => {
            format!("{} ± {}", fixed(mean, decimals), fixed(sd, decimals))
        }
        None => number(mean),
    }
}

/// The decimals that show two significant digits of a standard deviation; `None` if it is zero or too small.
#[must_use]
pub fn decimals_of(sd: f64) -> Option<usize> {
    const MOST: usize = 6;
    let shown = if sd > 0.0 && sd < 1e15 { decimals(sd, 2) } else { return None };
    (shown <= MOST).then_some(shown)
}

/// The decimals that show `digits` significant digits of a positive value.
fn decimals(value: f64, digits: i32) -> usize {
    // Between 1e-4 and 1e15, so the logarithm is a small number.
    #[allow(clippy::cast_possible_truncation)]
    let before = value.log10().floor() as i32 + 1;
    usize::try_from(digits - before).unwrap_or(0)
}

/// Units in a second: `412 images/s`, `0.31 images/s`, `1.40 GiB/s`.
#[must_use]
pub fn rate(per_second: f64, unit: &str) -> String {
    let shown = per_second.clamp(0.001, 1e15);
    // Clamped above: fits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = shown.round() as u64;
    match unit {
        "bytes" => format!("{}/s", HumanBytes(whole)),
        _ => format!("{:.*} {unit}/s", decimals(shown, 3).min(3), HumanFloatCount(shown)),
    }
}

/// A progress: `12,800/40,000 images`, or `12,800 images` if the total is unknown (0).
#[must_use]
pub fn amount(done: u64, total: u64, unit: &str) -> String {
    match (unit, total) {
        ("bytes", 0) => HumanBytes(done).to_string(),
        ("bytes", _) => format!("{}/{}", HumanBytes(done), HumanBytes(total)),
        (_, 0) => format!("{} {unit}", count(done)).trim_end().to_owned(),
        _ => format!("{}/{} {unit}", count(done), count(total)).trim_end().to_owned(),
    }
}

/// Main numbers, under the names that `--require` and `--by` take:
/// `accuracy 0.9156, roc-auc 0.971`.
#[must_use]
pub fn numbers(numbers: &[Number]) -> String {
    let one = |n: &Number| format!("{} {}", n.name, number(n.value));
    numbers.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A line for each name and value. Empty values are left out.
#[must_use]
pub fn facts(facts: &[(&str, String)]) -> String {
    let some = facts.iter().filter(|(_, fact)| !fact.is_empty());
    some.map(|(name, fact)| format!("  {name:<9} {}\n", one_line(fact))).collect()
}

/// A text from elsewhere without escape sequences and control characters; line breaks stay.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let wild = |c: char| c.is_control() && c != '\n';
    if !text.contains(wild) {
        return Cow::Borrowed(text);
    }
    // Line by line, so that an incomplete escape sequence does not hide the lines after it.
    let bare = |line: &str| {
        let line = console::strip_ansi_codes(line.strip_suffix('\r').unwrap_or(line)).into_owned();
        line.replace(wild, " ")
    };
    Cow::Owned(text.split('\n').map(bare).collect::<Vec<_>>().join("\n"))
}

/// Like [`clean`], on one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// A path relative to the folder `here`, if that is shorter.
#[must_use]
pub fn path(path: &Path, here: &Path) -> String {
    let relative = if path.is_absolute() { relative(path, here) } else { path.to_owned() };
    let (long, short) = (path.display().to_string(), relative.display().to_string());
    let shown = if short.len() < long.len() { short } else { long };
    one_line(if shown.is_empty() { "." } else { &shown })
}

/// The relative path from one absolute folder to another path.
fn relative(path: &Path, here: &Path) -> PathBuf {
    let shared = path.components().zip(here.components()).take_while(|(a, b)| a == b).count();
    let up = here.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_two_units_and_round_across_their_borders() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.012, "12 ms"),
            (0.0994, "99 ms"),
            (0.0996, "0.1 s"),
            (0.8, "0.8 s"),
            (34.16, "34.2 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min 00 s"),
            (252.0, "4 min 12 s"),
            (3599.4, "59 min 59 s"),
            (3599.6, "1 h 00 min"),
            (7380.0, "2 h 03 min"),
            (86_399.0, "1 d 00 h"),
            (100_800.0, "1 d 04 h"),
            (-1.0, "0 ms"),
            (f64::NAN, "0 ms"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn remaining_times_have_no_decimals() {
        assert_eq!(left(0.2), "1 s");
        assert_eq!(left(41.7), "42 s");
        assert_eq!(left(59.7), "1 min 00 s");
        assert_eq!(left(66.0), "1 min 06 s");
    }

    #[test]
    fn numbers_have_four_significant_digits_and_whole_numbers_all() {
        for (value, text) in [
            (0.915_62, "0.9156"),
            (0.934, "0.934"),
            (0.093_456, "0.09346"),
            (1.0, "1"),
            (-0.5, "-0.5"),
            (0.0, "0"),
            (12.345_67, "12.35"),
            (1_234.56, "1,235"),
            (262_144.0, "262,144"),
            (0.000_012_345, "1.234e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_spread_decides_the_number_of_digits() {
        for (sd, decimals) in
            [(0.004_2, Some(4)), (0.31, Some(2)), (1.5, Some(1)), (12.0, Some(0)), (0.0, None), (1e-9, None)]
        {
            assert_eq!(decimals_of(sd), decimals, "{sd}");
        }
        assert_eq!(decimals_of(f64::NAN), None);
        assert_eq!(fixed(0.934, 4), "0.9340");
        assert_eq!(fixed(40_012.4, 0), "40,012");
    }

    #[test]
    fn rates_have_three_significant_digits() {
        for (rate_, unit, text) in [
            (412.4, "images", "412 images/s"),
            (12_345.6, "patches", "12,346 patches/s"),
            (2.346, "images", "2.35 images/s"),
            (0.314, "images", "0.314 images/s"),
            (1_503_238_553.6, "bytes", "1.40 GiB/s"),
        ] {
            assert_eq!(rate(rate_, unit), text);
        }
    }

    #[test]
    fn amounts_name_their_unit_and_leave_out_an_unknown_total() {
        assert_eq!(amount(12_800, 40_000, "images"), "12,800/40,000 images");
        assert_eq!(amount(12_800, 0, "images"), "12,800 images");
        assert_eq!(amount(3 << 29, 3 << 30, "bytes"), "1.50 GiB/3.00 GiB");
        assert_eq!(plural(1, "stage"), "1 stage");
        assert_eq!(plural(1_000, "stage"), "1,000 stages");
    }

    #[test]
    fn texts_from_elsewhere_lose_escapes_and_control_characters() {
        assert_eq!(clean("plain\ntext"), "plain\ntext");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\tx\u{7}"), "red x ");
        assert_eq!(clean("\u{1b}[2Jx\r\ny\rz"), "x\ny z");
        for open in ["\u{1b}]0;title", "\u{1b}P1$r", "\u{1b}[31", "\u{1b}_x", "\u{1b}", "\u{9d}8;;x"] {
            let text = clean(&format!("before\n{open}\nerror: after\n")).into_owned();
            assert!(text.starts_with("before\n") && text.ends_with("\nerror: after\n"), "{open:?}: {text:?}");
        }
    }

    #[test]
    fn a_path_is_relative_if_that_is_shorter() {
        let here = Path::new("/home/ada/study");
        for (long, short) in [
            ("/home/ada/study/out/mini", "out/mini"),
            ("/home/ada/out", "../out"),
            ("/tmp/out", "/tmp/out"),
            ("out/mini", "out/mini"),
            ("/home/ada/study", "."),
        ] {
            assert_eq!(path(Path::new(long), here), short);
        }
    }
}
