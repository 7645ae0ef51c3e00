//! How a value changed, in a few words: `8 -> 9`. Long texts are cut to the part that differs.
//!
//! Pure functions from two texts to one; knows no stages.

/// The longest text that is shown whole.
const LONGEST: usize = 40;

/// How many letters are kept before the first difference.
const BEFORE: usize = 12;

/// How a value changed: `8 -> 9`; for a text of several lines, the first line that differs: `line 3: a -> b`. `None`
/// is the default. Values may be as in fingerprints (texts in quotes) or as people write them.
#[must_use]
pub fn change(old: Option<&str>, new: Option<&str>) -> String {
    let [old, new] = [old, new].map(|value| text(value.unwrap_or("default")));
    if old.contains('\n') || new.contains('\n') { lines(&old, &new) } else { both(&old, &new) }
}

/// A value without quotes.
fn text(value: &str) -> String {
    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.replace('"', ""))
}

/// Two texts of one line.
fn both(old: &str, new: &str) -> String {
    let [old, new] = excerpts(old, new);
    format!("{old} -> {new}")
}

/// Two texts of several lines: the first line that differs.
fn lines(old: &str, new: &str) -> String {
    let same = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count();
    let change = match (old.lines().nth(same), new.lines().nth(same)) {
        (Some(old), Some(new)) => both(old, new),
        (Some(old), None) => format!("- {}", begin(old)),
        (None, Some(new)) => format!("+ {}", begin(new)),
        (None, None) => return "other line ends".to_owned(),
    };
    format!("line {}: {change}", same + 1)
}

/// The beginning of a text.
fn begin(text: &str) -> String {
    cut(&text.chars().collect::<Vec<_>>(), 0)
}

/// Both texts, cut to where they differ.
fn excerpts(old: &str, new: &str) -> [String; 2] {
    let [old, new]: [Vec<char>; 2] = [old, new].map(|text| text.chars().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let from = if old.len().max(new.len()) <= LONGEST { 0 } else { start(&old, same) };
    [cut(&old, from), cut(&new, from)]
}

/// Where an excerpt begins: shortly before the first difference, at a word if possible.
fn start(text: &[char], same: usize) -> usize {
    let least = same.saturating_sub(BEFORE);
    if same <= BEFORE + 3 {
        return 0;
    }
    let word = (least..same).find(|at| text[at - 1].is_whitespace());
    word.unwrap_or(least)
}

/// The letters that are shown from there on, with marks where some are left out.
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
    fn short_values_are_shown_whole_and_long_ones_where_they_differ() {
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
    fn the_first_line_that_differs_is_shown() {
        let change = |old: &str, new: &str| {
            let [old, new] = [old, new].map(|text| serde_json::to_string(text).unwrap());
            change(Some(&old), Some(&new))
        };
        assert_eq!(change("a\nb\nc", "a\nB\nc"), "line 2: b -> B");
        assert_eq!(change("a\nc", "a\nc\nb"), "line 3: + b");
        assert_eq!(change("a\nb\nc", "a"), "line 2: - b");
        assert_eq!(change("a\nb\nc", "a\nB\nC"), "line 2: b -> B");
        assert_eq!(change("a\n", "a"), "other line ends");
    }

    proptest! {
        #[test]
        fn differences_are_visible_and_short(old in "(?s).{0,120}", new in "(?s).{0,120}") {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let told = change(Some(&quoted(&old)), Some(&quoted(&new)));
            prop_assert!(told.chars().count() <= 2 * LONGEST + 40, "{told}");
            let [left, right] = excerpts(&old, &new);
            prop_assert!(old == new || left != right, "{left}");
        }
    }
}
