//! Tables: columns that line up, cut to the width of the terminal.
//!
//! Knows texts and tones, no stages. Widths are columns on the screen, not bytes.

use console::{measure_text_width, truncate_str};

use super::{View, paint::Tone};

/// The space between two columns.
pub(super) const GAP: &str = "  ";

/// A text and its tone.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

/// A cell. Line breaks in the text become spaces.
pub(super) fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: text.into().replace('\n', " "), tone }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        cell(Tone::Normal, text)
    }
}

/// The width of the widest cell.
pub(super) fn width<'a>(cells: impl Iterator<Item = &'a Cell>) -> usize {
    cells.map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0)
}

/// Rows of cells. Missing cells at the end of a row are empty, and columns beyond the declared ones are left-aligned.
/// If the terminal is narrow, lines are cut.
#[derive(Debug)]
pub(super) struct Table {
    /// Whether each column is right-aligned.
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// An empty table. `columns` has a letter for each column: `l` for left-aligned, `r` for right-aligned.
    pub(super) fn new(columns: &str) -> Self {
        Self { right: columns.chars().map(|letter| letter == 'r').collect(), rows: Vec::new(), indent: 0 }
    }

    /// A table with headings.
    pub(super) fn headed<T: Into<String>>(columns: &str, headings: impl IntoIterator<Item = T>) -> Self {
        let mut table = Self::new(columns);
        table.row(headings.into_iter().map(|heading| cell(Tone::Faint, heading)));
        table
    }

    /// The table with an indentation.
    pub(super) fn indented(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row.
    pub(super) fn row<T: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines of the table, without spaces at their ends.
    pub(super) fn text(&self, view: &View) -> String {
        let width = |column: usize| width(self.rows.iter().filter_map(|row| row.get(column)));
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<Cell>| {
            let line = format!("{:indent$}{}", "", self.line(row, &widths, view), indent = self.indent);
            let line = view.width.map_or(line.as_str().into(), |width| truncate_str(&line, width, "…"));
            format!("{}\n", line.trim_end())
        };
        self.rows.iter().map(line).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], view: &View) -> String {
        let filled = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
        let padded = |(place, cell): (usize, &Cell)| {
            let right = self.right.get(place).copied().unwrap_or(false);
            let text = view.paint.tone(cell.tone, &cell.text);
            // No padding at the end of a line.
            let ends = place + 1 == filled && !right;
            let space = if ends { 0 } else { widths[place] - measure_text_width(&cell.text) };
            if right { format!("{:space$}{text}", "") } else { format!("{text}{:space$}", "") }
        };
        row[..filled].iter().enumerate().map(padded).collect::<Vec<_>>().join(GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn table() -> Table {
        let mut table = Table::new("lrl");
        for [a, b, c] in [["train.base", "34.2 s", "accuracy 0.934"], ["é", "1 min", ""]] {
            table.row([cell(Tone::Good, a), b.into(), cell(Tone::Faint, c)]);
        }
        table
    }

    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        let expected = "  train.base  34.2 s  accuracy 0.934\n  é            1 min\n";
        assert_eq!(table().indented(2).text(&View { paint: Paint::OFF, width: None }), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_end_and_colours_do_not_count() {
        let [plain, coloured] =
            [Paint::OFF, Paint::ON].map(|paint| table().text(&View { paint, width: Some(24) }));
        assert_eq!(plain, "train.base  34.2 s  acc…\né            1 min\n");
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
    }

    #[test]
    fn rows_may_end_early_and_headings_are_the_first() {
        let mut table = Table::headed("lr", ["name", "n"]);
        table.row(["a"]);
        table.row(["b", "2", "a remark"]);
        let expected = "name  n\na\nb     2  a remark\n";
        assert_eq!(table.text(&View { paint: Paint::OFF, width: None }), expected);
    }
}
