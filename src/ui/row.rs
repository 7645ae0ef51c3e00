//! The line of a running stage, fitted to the width of the terminal.
//!
//! A pure function from a state to a line; `bars` draws it.

use console::{measure_text_width, truncate_str};

use super::{
    format,
    paint::{Paint, Tone},
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

/// The available space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Columns of the longest name.
    pub(super) names: usize,
}

/// A name in its column, which takes at most three tenths of the terminal.
#[must_use]
pub(super) fn name(text: &str, space: Space) -> String {
    let width = space.names.min(space.width * 3 / 10);
    padded(&truncate_str(text, width, "…"), width)
}

/// One line, never wider than the terminal.
#[must_use]
pub(super) fn line(row: &Row, measured: Measured, space: Space, paint: Paint) -> String {
    let name = paint.tone(Tone::Strong, &name(&row.name, space));
    let mut cells = vec![format!("{} {name}", spinner(measured, paint))];
    cells.extend(numbers(row, measured, space.width, paint));
    cells.push(paint.tone(if row.done == 0 { Tone::Faint } else { Tone::Normal }, &row.at));
    truncate_str(cells.join("  ").trim_end(), space.width, "…").into_owned()
}

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

fn spinner(measured: Measured, paint: Paint) -> String {
    // Ten frames a second; the index is taken modulo their number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frame = FRAMES[(measured.elapsed * 10.0) as usize % FRAMES.len()];
    paint.tone(Tone::Active, frame)
}

/// The cells between the name and `at`. Only the width decides which, so that they do not move.
fn numbers(row: &Row, measured: Measured, width: usize, paint: Paint) -> Vec<String> {
    let bar_width = match width {
        0..50 => 0,
        50..100 => 12,
        _ => 24,
    };
    let mut cells = Vec::new();
    if row.total == 0 {
        cells.push(paint.tone(Tone::Faint, &padded(&format::left(measured.elapsed), bar_width + 4)));
    } else {
        let bar = if bar_width > 0 { bar(row, bar_width, paint) + " " } else { String::new() };
        cells.push(format!("{bar}{:>3}%", whole_part(row, 100)));
    }
    if width >= 100 {
        let rate = (measured.rate > 0.0).then(|| format::rate(measured.rate, &row.unit));
        cells.push(padded(&rate.unwrap_or_default(), 16));
    }
    if width >= 50 {
        cells.push(padded(&left(row, measured).unwrap_or_default(), 16));
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

    fn at_width(width: usize) -> String {
        line(&training(), MEASURED, Space { width, names: 12 }, Paint::OFF)
    }

    #[test]
    fn a_line_has_what_the_width_allows() {
        assert_eq!(at_width(45), "⠋ train.base     41%  epoch 3/8, loss 0.412");
        assert_eq!(
            at_width(80),
            "⠋ train.base    ━━━━────────  41%  2 min 14 s left   epoch 3/8, loss 0.412"
        );
        assert_eq!(
            at_width(110),
            "⠋ train.base    ━━━━━━━━━───────────────  41%  1,412 images/s    2 min 14 s left   epoch 3/8, loss 0.412"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let name = "explain.integrated-gradients-of-ein-sehr-langer-Name".to_owned();
        let row = Row { name, ..training() };
        for (width, paint) in (1..200).flat_map(|width| [(width, Paint::OFF), (width, Paint::ON)]) {
            let line = line(&row, MEASURED, Space { width, names: 52 }, paint);
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
        let line = line(&row, MEASURED, Space { width: 130, names: 12 }, Paint::OFF);
        assert!(line.starts_with("⠋ train.base    1 min 35 s "), "{line}");
        assert!(!line.contains(['━', '%']) && !line.contains("left"), "{line}");
    }
}
