//! The fingerprint of a stage, compared with the previous one: `plan -v`.
//!
//! A pure function from details to a text.

use std::collections::BTreeSet;

use super::{View, format, paint::Tone, plan};
use crate::engine::plan::details::Details;

/// Shown for the digest of an input that does not exist yet.
const OPEN: &str = "still to be made";

/// The fingerprint of one stage.
#[must_use]
pub(super) fn text(details: &Details, view: &View) -> String {
    let Details { stage, state, why, key, previous, lines, .. } = details;
    let (_, state) = plan::state(*state);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let mut text = view.paint.tone(Tone::Strong, &format::one_line(&format!("{stage}  {state}{why}"))) + "\n";
    text += &format!("  key       {}\n", key.as_deref().unwrap_or("not known before its inputs are"));
    if let Some(previous) = previous {
        let whose = if previous.stage == *stage { String::new() } else { format!(" as {}", previous.stage) };
        let same = key.as_ref() == Some(&previous.key);
        let what = if same { "made     " } else { "previous " };
        let which = if same { String::new() } else { format!("{}, ", previous.key) };
        text += &format::one_line(&format!("  {what} {which}{}{whose}", previous.started));
        text += "\n";
    }
    let old = previous.iter().flat_map(|previous| previous.lines.keys());
    let paths: BTreeSet<&String> = old.chain(lines.keys()).collect();
    for path in paths {
        text += &line(details, path, view);
    }
    text
}

/// A line of a fingerprint. If it changed, the old and the new one.
fn line(details: &Details, path: &str, view: &View) -> String {
    let note = details.notes.get(path).map(|note| format!("  ({note})")).unwrap_or_default();
    let old = details.previous.as_ref().map(|previous| previous.lines.get(path));
    let new = details.lines.get(path).map(|value| value.as_deref().unwrap_or(OPEN));
    let shown =
        |mark: &str, value: &str, note: &str| format::one_line(&format!("  {mark} {path} = {value}{note}"));
    let tone = |tone, text: String| view.paint.tone(tone, &text) + "\n";
    match (old, new) {
        (Some(Some(old)), Some(new)) if old == new => tone(Tone::Faint, shown(" ", new, &note)),
        (None, Some(new)) => tone(Tone::Normal, shown(" ", new, &note)),
        (_, Some(OPEN)) => tone(Tone::Warning, shown("?", OPEN, &note)),
        (old, new) => {
            let old = old.flatten().map(|old| tone(Tone::Bad, shown("-", old, "")));
            let new = new.map(|new| tone(Tone::Good, shown("+", new, &note)));
            old.into_iter().chain(new).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        engine::{plan::details::Previous, tell::event::Planned},
        ui::paint::Paint,
    };

    #[test]
    fn changed_lines_are_shown_twice_and_unknown_ones_are_marked() {
        let pairs = |lines: &[(&str, &str)]| -> BTreeMap<String, String> {
            lines.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
        };
        let previous = Previous {
            key: "ab12".into(),
            stage: "train.old".into(),
            started: "2026-01-02T03:04:05Z".into(),
            lines: pairs(&[
                ("input data", "77"),
                ("kind", "train"),
                ("parameter epochs", "8"),
                ("parameter x", "1"),
            ]),
        };
        let details = Details {
            stage: "train.base".into(),
            state: Planned::Maybe,
            why: "`split.d/train` may change".into(),
            key: None,
            lines: [("input data", None), ("kind", Some("train")), ("parameter epochs", Some("9"))]
                .map(|(path, value)| (path.to_owned(), value.map(str::to_owned)))
                .into(),
            notes: pairs(&[("parameter epochs", "a.toml:3"), ("input data", "split.d/train")]),
            previous: Some(previous),
            differences: Vec::new(),
        };
        let expected = "\
train.base  maybe: `split.d/train` may change
  key       not known before its inputs are
  previous  ab12, 2026-01-02T03:04:05Z as train.old
  ? input data = still to be made  (split.d/train)
    kind = train
  - parameter epochs = 8
  + parameter epochs = 9  (a.toml:3)
  - parameter x = 1
";
        assert_eq!(text(&details, &View { paint: Paint::OFF, width: None }), expected);
    }
}
