//! Tables without lines: columns that line up, cut to the width of the terminal.
//!
//! Knows texts and tones; knows nothing of stages. Widths are those on screen, not bytes.

use console::{Alignment, measure_text_width, pad_str, truncate_str};

use super::paint::{Paint, Tone};

/// Between two columns.
const GAP: &str = "  ";

/// One cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

/// A cell with a text in a tone.
pub(super) fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: text.into().replace('\n', " "), tone }
}

/// Rows of equally many cells. The last column gives way where the terminal is narrow.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    alignments: [Alignment; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty table.
    pub(super) fn new(alignments: [Alignment; N]) -> Self {
        Self { alignments, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// The table's lines, each ended by a line break, without spaces at their ends.
    pub(super) fn text(&self, paint: Paint, indent: usize, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..N).map(|column| self.width_of(column)).collect();
        let line = |row: &[Cell; N]| {
            let line = format!("{:indent$}{}", "", self.line(row, &widths, paint));
            let line = width.map_or(line.as_str().into(), |width| truncate_str(&line, width, "…"));
            format!("{}\n", line.trim_end())
        };
        self.rows.iter().map(line).collect()
    }

    fn width_of(&self, column: usize) -> usize {
        self.rows.iter().map(|row| measure_text_width(&row[column].text)).max().unwrap_or(0)
    }

    fn line(&self, row: &[Cell; N], widths: &[usize], paint: Paint) -> String {
        let filled = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
        let cells = row.iter().zip(widths).zip(&self.alignments).enumerate();
        let padded = |(column, ((cell, width), alignment)): (usize, ((&Cell, &usize), &Alignment))| {
            // What ends a line is not padded: no spaces there, not even coloured ones.
            let ends = column + 1 == filled && matches!(alignment, Alignment::Left);
            let width = if ends { 0 } else { *width };
            let space = width.saturating_sub(measure_text_width(&cell.text));
            let text = paint.tone(cell.tone, &cell.text);
            let full = measure_text_width(&cell.text) + space;
            pad_str(&text, full, *alignment, None).into_owned()
        };
        cells.take(filled).map(padded).collect::<Vec<_>>().join(GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new([Alignment::Left, Alignment::Right, Alignment::Left]);
        for [a, b, c] in [["train.base", "34.2 s", "accuracy 0.934"], ["é", "1 min", ""]] {
            table.row([cell(Tone::Good, a), cell(Tone::Normal, b), cell(Tone::Faint, c)]);
        }
        table
    }

    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        assert_eq!(
            table().text(Paint::OFF, 2, None),
            "  train.base  34.2 s  accuracy 0.934\n  é            1 min\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_the_end_and_colours_do_not_count() {
        assert_eq!(table().text(Paint::OFF, 0, Some(24)), "train.base  34.2 s  acc…\né            1 min\n");
        let coloured = table().text(Paint::ON, 0, Some(24));
        assert_eq!(console::strip_ansi_codes(&coloured), table().text(Paint::OFF, 0, Some(24)));
    }
}
