//! The line of a running stage, fitted to the width of the terminal.
//!
//! A pure function from a state to a line; `bars` draws it.

use console::{measure_text_width, truncate_str};

use super::{
    apart::Names,
    format,
    paint::{Paint, Tone},
    widths::{GAP, PERCENT, Space, Widths, widths},
};

/// The state of something that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// The stage.
    pub(super) name: String,
    /// The unit of `done` and `total`.
    pub(super) unit: String,
    /// What it is doing.
    pub(super) at: String,
    /// Units done.
    pub(super) done: u64,
    /// All units; 0 if unknown.
    pub(super) total: u64,
}

/// What is measured when a line is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    /// Units per second; 0 if unknown.
    pub(super) rate: f64,
    /// Seconds since the start.
    pub(super) elapsed: f64,
}

/// A name in its column, which takes at most three tenths of the terminal.
#[must_use]
pub(super) fn name(text: &str, space: Space, names: &Names) -> String {
    let width = space.names.min(space.width * 3 / 10);
    padded(&names.cut(text, width), width)
}

/// One line, never wider than the terminal. What it is doing ends between two of its parts, if it does not fit.
#[must_use]
pub(super) fn line(row: &Row, measured: Measured, space: Space, names: &Names, paint: Paint) -> String {
    let name = paint.tone(Tone::Strong, &name(&row.name, space, names));
    let mut cells = vec![format!("{} {name}", spinner(measured, paint))];
    cells.extend(numbers(row, measured, space, paint));
    let used: usize = cells.iter().map(|cell| measure_text_width(cell) + GAP).sum();
    let at = fitted(&row.at, space.width.saturating_sub(used));
    cells.push(paint.tone(if row.done == 0 { Tone::Faint } else { Tone::Normal }, at));
    truncate_str(cells.join("  ").trim_end(), space.width, "…").into_owned()
}

/// As many parts of a list as fit, but at least the first one.
fn fitted(at: &str, room: usize) -> &str {
    let ends = at.match_indices(", ").map(|(end, _)| end).chain([at.len()]);
    let fitting = ends.filter(|end| measure_text_width(&at[..*end]) <= room).last();
    &at[..fitting.or(at.find(", ")).unwrap_or(at.len())]
}

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

fn spinner(measured: Measured, paint: Paint) -> String {
    // Ten frames a second; the index is taken modulo their number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frame = FRAMES[(measured.elapsed * 10.0) as usize % FRAMES.len()];
    paint.tone(Tone::Active, frame)
}

/// The cells between the name and `at`.
fn numbers(row: &Row, measured: Measured, space: Space, paint: Paint) -> Vec<String> {
    let Widths { bar: bar_width, rate, left: left_width } = widths(space);
    let mut cells = Vec::new();
    if row.total == 0 {
        let width = bar_width + PERCENT + usize::from(bar_width > 0);
        cells.push(paint.tone(Tone::Faint, &padded(&format::left(measured.elapsed), width)));
    } else {
        let bar = if bar_width > 0 { bar(row, bar_width, paint) + " " } else { String::new() };
        cells.push(format!("{bar}{:>3}%", whole_part(row, 100)));
    }
    if rate > 0 {
        let shown = (measured.rate > 0.0).then(|| format::rate(measured.rate, &row.unit));
        cells.push(padded(&shown.unwrap_or_default(), rate));
    }
    if left_width > 0 {
        cells.push(padded(&left(row, measured).unwrap_or_default(), left_width));
    }
    cells
}

/// The bar, full only when everything is done.
fn bar(row: &Row, width: usize, paint: Paint) -> String {
    let done = usize::try_from(whole_part(row, width as u64)).unwrap_or(0);
    paint.tone(Tone::Active, &"━".repeat(done)) + &paint.tone(Tone::Faint, &"─".repeat(width - done))
}

/// How many of `parts` equal parts are done, rounded down.
fn whole_part(row: &Row, parts: u64) -> u64 {
    let done = u128::from(row.done.min(row.total)) * u128::from(parts);
    u64::try_from(done / u128::from(row.total.max(1))).unwrap_or(parts)
}

fn left(row: &Row, measured: Measured) -> Option<String> {
    let units = row.total.saturating_sub(row.done);
    // Precise to 2^53 units.
    #[allow(clippy::cast_precision_loss)]
    let seconds = units as f64 / measured.rate;
    (seconds.is_finite() && units > 0).then(|| format!("{} left", format::left(seconds)))
}

fn padded(text: &str, width: usize) -> String {
    let space = width.saturating_sub(measure_text_width(text));
    format!("{text}{:space$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn training() -> Row {
        Row {
            name: "train.base".to_owned(),
            unit: "images".to_owned(),
            at: "epoch 3/8, loss 0.412".to_owned(),
            done: 131_200,
            total: 320_000,
        }
    }

    const MEASURED: Measured = Measured { rate: 1_412.3, elapsed: 95.0 };

    fn line(row: &Row, space: Space, paint: Paint) -> String {
        super::line(row, MEASURED, space, &Names::default(), paint)
    }

    fn at_width(width: usize) -> String {
        line(&training(), Space { width, names: 12 }, Paint::OFF)
    }

    #[test]
    fn a_line_has_what_the_width_allows() {
        assert_eq!(at_width(45), "⠋ train.base     41%  epoch 3/8, loss 0.412");
        assert_eq!(at_width(80), "⠋ train.base    ━━━━───────  41%  2 min 14 s left   epoch 3/8, loss 0.412");
        assert_eq!(
            at_width(125),
            "⠋ train.base    ━━━━━━━━━───────────────  41%  1,412 images/s    2 min 14 s left   epoch 3/8, loss 0.412"
        );
    }

    #[test]
    fn the_validation_of_the_last_epoch_is_whole_and_the_loss_of_a_batch_gives_way() {
        let at = "epoch 12/12, val 0.355 84.1%, loss 0.412".to_owned();
        for (width, names, end) in [
            (80, 12, "2 min 14 s left   epoch 12/12, val 0.355 84.1%"),
            (80, 24, "2 min 14 s left   epoch 12/12, val 0.355 84.1%"),
            (100, 12, "2 min 14 s left   epoch 12/12, val 0.355 84.1%, loss 0.412"),
            (40, 12, " 41%  epoch 12/12"),
        ] {
            let row = Row { at: at.clone(), ..training() };
            let line = line(&row, Space { width, names }, Paint::OFF);
            assert!(line.ends_with(end), "{width}: {line}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let name = "explain.integrated-gradients-of-ein-sehr-langer-Name".to_owned();
        let row = Row { name, ..training() };
        for (width, paint) in (1..200).flat_map(|width| [(width, Paint::OFF), (width, Paint::ON)]) {
            let line = line(&row, Space { width, names: 52 }, paint);
            assert!(measure_text_width(&line) <= width, "{width}: {line}");
        }
    }

    #[test]
    fn a_bar_is_full_only_when_all_is_done() {
        let bar = |done| bar(&Row { done, total: 1_000_000, ..Row::default() }, 4, Paint::OFF);
        assert_eq!(bar(0), "────");
        assert_eq!(bar(999_999), "━━━─");
        assert_eq!(bar(1_000_000), "━━━━");
        assert_eq!(bar(u64::MAX), "━━━━");
    }

    #[test]
    fn an_unknown_total_shows_the_time_and_no_bar() {
        let row = Row { total: 0, ..training() };
        let line = line(&row, Space { width: 130, names: 12 }, Paint::OFF);
        assert!(line.starts_with("⠋ train.base    1 min 35 s "), "{line}");
        assert!(!line.contains(['━', '%']) && !line.contains("left"), "{line}");
    }
}
