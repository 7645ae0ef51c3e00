//! The line of one running stage: what it shows, and what it leaves out where the terminal is narrow.
//!
//! A pure function from what is known of a stage to one line; when it is drawn is `bars`' matter.

use console::{measure_text_width, truncate_str};

use super::{
    format,
    paint::{Paint, Tone},
};

/// What is known of something that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// The stage.
    pub(super) name: String,
    /// What a unit is.
    pub(super) unit: String,
    /// What it is at.
    pub(super) at: String,
    /// Whether it waits for another run.
    pub(super) waits: bool,
    /// Units done.
    pub(super) done: u64,
    /// Units in all; 0 where unknown.
    pub(super) total: u64,
}

/// What is measured of it, at the moment of drawing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    /// Units per second; 0 where unknown.
    pub(super) rate: f64,
    /// Seconds since it began.
    pub(super) elapsed: f64,
}

/// The space there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Columns of the longest name.
    pub(super) names: usize,
}

/// The widths of a row's columns; 0 leaves one out. `at` has what is left.
struct Columns {
    bar: usize,
    percent: usize,
    amount: usize,
    rate: usize,
    left: usize,
}

/// Chosen by width alone, so that nothing jumps while the numbers change.
fn columns(width: usize) -> Columns {
    let [bar, percent, amount, rate, left] = match width {
        0..50 => [0, 4, 0, 0, 0],
        50..80 => [8, 0, 0, 0, 15],
        80..100 => [12, 4, 0, 0, 16],
        100..130 => [14, 4, 0, 16, 16],
        _ => [24, 4, 22, 16, 16],
    };
    Columns { bar, percent, amount, rate, left }
}

/// The columns that names get: the longest one, as far as the width allows.
#[must_use]
pub(super) fn name_column(space: Space) -> usize {
    space.names.min(space.width * 3 / 10)
}

/// A name in its column.
#[must_use]
pub(super) fn name(text: &str, space: Space) -> String {
    padded(&truncate_str(text, name_column(space), "…"), name_column(space))
}

/// One line, never wider than the terminal.
#[must_use]
pub(super) fn line(row: &Row, measured: Measured, space: Space, paint: Paint) -> String {
    let name = paint.tone(Tone::Strong, &name(&row.name, space));
    let mut cells = vec![format!("{} {name}", spinner(row, measured, paint))];
    if !row.waits {
        cells.extend(numbers(row, measured, &columns(space.width), paint));
    }
    cells.push(at(row, measured, paint));
    truncate_str(cells.join("  ").trim_end(), space.width, "…").into_owned()
}

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

fn spinner(row: &Row, measured: Measured, paint: Paint) -> String {
    // Ten frames a second; the index is taken modulo their number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frame = FRAMES[(measured.elapsed * 10.0) as usize % FRAMES.len()];
    paint.tone(if row.waits { Tone::Warning } else { Tone::Active }, frame)
}

/// The cells between name and `at`.
fn numbers(row: &Row, measured: Measured, columns: &Columns, paint: Paint) -> Vec<String> {
    let mut cells = vec![how_far(row, measured, columns, paint)];
    let known = row.done > 0 || row.total > 0;
    let amount = || format::amount(row.done, row.total, &row.unit);
    let rate = || format::rate(measured.rate, &row.unit);
    let texts = [
        (columns.amount, known.then(amount)),
        (columns.rate, (measured.rate > 0.0).then(rate)),
        (columns.left, left(row, measured)),
    ];
    let shown = texts.into_iter().filter(|(width, _)| *width > 0);
    cells.extend(shown.map(|(width, text)| padded(&text.unwrap_or_default(), width)));
    cells
}

/// The bar and the percentage; as long as the total is unknown, the time in their place.
fn how_far(row: &Row, measured: Measured, columns: &Columns, paint: Paint) -> String {
    if row.total == 0 {
        let both = columns.bar + columns.percent + usize::from(columns.bar * columns.percent > 0);
        return paint.tone(Tone::Faint, &padded(&format::left(measured.elapsed), both));
    }
    let percent = || format!("{:>3}%", whole_part(row, 100));
    let parts =
        [(columns.bar > 0).then(|| bar(row, columns.bar, paint)), (columns.percent > 0).then(percent)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The bar: done in colour, half a column where that is nearer.
fn bar(row: &Row, width: usize, paint: Paint) -> String {
    let halves = usize::try_from(whole_part(row, 2 * width as u64)).unwrap_or(0);
    let half = if halves % 2 == 1 { "╸" } else { "" };
    let done = format!("{}{half}", "━".repeat(halves / 2));
    let rest = "─".repeat(width - halves.div_ceil(2));
    paint.tone(Tone::Active, &done) + &paint.tone(Tone::Faint, &rest)
}

/// How many of `parts` equal parts are done, rounded down: full only when all is done.
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

fn at(row: &Row, measured: Measured, paint: Paint) -> String {
    if row.waits {
        return format!("{} · {}", paint.tone(Tone::Warning, &row.at), format::left(measured.elapsed));
    }
    let tone = if row.done == 0 { Tone::Faint } else { Tone::Normal };
    paint.tone(tone, &row.at)
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
            waits: false,
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
        assert_eq!(at_width(60), "⠋ train.base    ━━━─────  2 min 14 s left  epoch 3/8, loss …");
        assert_eq!(
            at_width(80),
            "⠋ train.base    ━━━━╸───────  41%  2 min 14 s left   epoch 3/8, loss 0.412"
        );
        assert_eq!(
            at_width(100),
            "⠋ train.base    ━━━━━╸────────  41%  1,412 images/s    2 min 14 s left   epoch 3/8, loss 0.412"
        );
        assert_eq!(
            at_width(160),
            "⠋ train.base    ━━━━━━━━━╸──────────────  41%  131,200/320,000 images  1,412 images/s    \
             2 min 14 s left   epoch 3/8, loss 0.412"
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
        assert_eq!(bar(999_999), "━━━╸");
        assert_eq!(bar(1_000_000), "━━━━");
        assert_eq!(bar(u64::MAX), "━━━━");
    }

    #[test]
    fn an_unknown_total_shows_the_time_and_no_bar() {
        let row = Row { total: 0, ..training() };
        let line = line(&row, MEASURED, Space { width: 130, names: 12 }, Paint::OFF);
        assert!(line.starts_with("⠋ train.base    1 min 35 s "), "{line}");
        assert!(line.contains("131,200 images"), "{line}");
        assert!(!line.contains(['━', '%']) && !line.contains("left"), "{line}");
    }

    #[test]
    fn a_waiting_stage_says_for_whom() {
        let at = "waiting for run of ada:17".to_owned();
        let row = Row { name: "train.base".to_owned(), at, waits: true, ..Row::default() };
        let measured = Measured { elapsed: 12.0, ..MEASURED };
        let line = line(&row, measured, Space { width: 80, names: 10 }, Paint::OFF);
        assert_eq!(line, "⠋ train.base  waiting for run of ada:17 · 12 s");
    }
}
