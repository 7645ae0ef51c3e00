//! How a value changed, in a few words: `8 -> 9`. Long texts are cut to the part that differs.
//!
//! Pure functions from two texts to one; knows no stages.

/// Longer texts than these are shown where they differ.
const LONGEST: usize = 40;

/// Letters that are kept before the first difference.
const BEFORE: usize = 12;

/// What became of a value: `8 -> 9`; of a text of several lines, of which line: `line 3: a -> b`. `None` is its
/// default. Values as fingerprints have them (texts in quotes) and as people write them do.
#[must_use]
pub fn change(old: Option<&str>, new: Option<&str>) -> String {
    let [old, new] = [old, new].map(|value| text(value.unwrap_or("default")));
    if old.contains('\n') || new.contains('\n') { lines(&old, &new) } else { both(&old, &new) }
}

/// A value without quotes, as it is meant.
fn text(value: &str) -> String {
    match serde_json::from_str::<String>(value) {
        Ok(text) => text,
        Err(_) => value.replace('"', ""),
    }
}

/// Two texts of one line.
fn both(old: &str, new: &str) -> String {
    let [old, new] = excerpts(old, new);
    format!("{old} -> {new}")
}

/// Two texts of which one has several lines: the first lines that differ.
fn lines(old: &str, new: &str) -> String {
    let [all_old, all_new]: [Vec<&str>; 2] = [old, new].map(|text| text.lines().collect());
    let before = all_old.iter().zip(&all_new).take_while(|(a, b)| a == b).count();
    let (rest_old, rest_new) = (&all_old[before..], &all_new[before..]);
    let after = rest_old.iter().rev().zip(rest_new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&rest_old[..rest_old.len() - after], &rest_new[..rest_new.len() - after]);
    let more = match old.len().max(new.len()) {
        0 => return "other line ends".to_owned(),
        1 => String::new(),
        count => format!(", and {} more lines", count - 1),
    };
    let change = match (old.first(), new.first()) {
        (Some(old), Some(new)) => both(old, new),
        (Some(gone), None) => format!("- {}", begin(gone)),
        (None, Some(come)) => format!("+ {}", begin(come)),
        (None, None) => String::new(),
    };
    format!("line {}: {change}{more}", before + 1)
}

/// The beginning of a text.
fn begin(text: &str) -> String {
    cut(&text.chars().collect::<Vec<_>>(), 0)
}

/// Both texts as far as they tell the difference.
fn excerpts(old: &str, new: &str) -> [String; 2] {
    let [old, new]: [Vec<char>; 2] = [old, new].map(|text| text.chars().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let from = if old.len().max(new.len()) <= LONGEST { 0 } else { start(&old, same) };
    [cut(&old, from), cut(&new, from)]
}

/// Where an excerpt begins: a little before the first difference, at a word if one begins there.
fn start(text: &[char], same: usize) -> usize {
    let least = same.saturating_sub(BEFORE);
    if same <= BEFORE + 3 {
        return 0;
    }
    let word = (least..same).find(|at| text[at - 1].is_whitespace());
    word.unwrap_or(least)
}

/// So many letters from there on as may be shown, with marks where some are left out.
fn cut(text: &[char], from: usize) -> String {
    let room = LONGEST - usize::from(from > 0);
    let rest = &text[from.min(text.len())..];
    let (shown, mark) = if rest.len() <= room { (rest.len(), "") } else { (room - 1, "…") };
    let begin = if from > 0 { "…" } else { "" };
    let middle: String = rest[..shown].iter().collect();
    format!("{begin}{middle}{mark}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_values_are_whole_and_long_ones_shown_where_they_differ() {
        assert_eq!(change(Some("8"), None), "8 -> default");
        assert_eq!(change(Some("\"adam\""), Some("\"sgd\"")), "adam -> sgd");
        assert_eq!(change(Some("[8, 16]"), Some("[8, 32]")), "[8, 16] -> [8, 32]");
        let [old, new] = ["-n", "-r"].map(|flag| {
            format!(
                "\"grep -v tumour predictions.csv | sort {flag} > table.csv && gzip table.csv, and so on\""
            )
        });
        let told = "…| sort -n > table.csv && gzip table.cs… -> …| sort -r > table.csv && gzip table.cs…";
        assert_eq!(change(Some(&old), Some(&new)), told);
        let long = format!("\"{}\"", "x".repeat(60));
        assert_eq!(change(Some("\"x\""), Some(&long)), format!("x -> {}…", "x".repeat(39)));
    }

    #[test]
    fn of_several_lines_the_first_that_differ_are_told() {
        let change = |old: &str, new: &str| {
            let [old, new] = [old, new].map(|text| serde_json::to_string(text).unwrap());
            change(Some(&old), Some(&new))
        };
        assert_eq!(change("a\nb\nc", "a\nB\nc"), "line 2: b -> B");
        assert_eq!(change("a\nc", "a\nb\nc"), "line 2: + b");
        assert_eq!(change("a\nb\nb2\nc", "a\nc"), "line 2: - b, and 1 more lines");
        assert_eq!(change("a\nb\nc", "a\nB\nC"), "line 2: b -> B, and 1 more lines");
        assert_eq!(change("a\n", "a"), "other line ends");
    }

    proptest! {
        #[test]
        fn whatever_differs_is_told_so_and_fits(old in "(?s).{0,120}", new in "(?s).{0,120}") {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let told = change(Some(&quoted(&old)), Some(&quoted(&new)));
            prop_assert!(told.chars().count() <= 2 * LONGEST + 40, "{told}");
            let [left, right] = excerpts(&old, &new);
            prop_assert!(old == new || left != right, "{left}");
        }
    }
}
