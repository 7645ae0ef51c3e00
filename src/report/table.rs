//! Aligned tables of plain text.

use std::fmt;

/// The alignment of a column.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows of text. Columns are as wide as their widest cell, with two blanks between them; lines end without
/// blanks.
pub(super) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [impl Into<String>; N]) {
        self.rows.push(cells.map(Into::into));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let (width, gap) = (self.width(index), if index > 0 { "  " } else { "" });
                line += &match self.columns[index] {
                    Column::Left => format!("{gap}{cell:<width$}"),
                    Column::Right => format!("{gap}{cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_letters_not_bytes_and_ends_lines_clean() {
        let mut table = Table::new([Column::Left, Column::Right, Column::Left]);
        table.row(["é", "1", ""]);
        table.row(["long", "100", "x"]);
        assert_eq!(table.to_string(), "é       1\nlong  100  x\n");
        assert_eq!(Table::new([Column::Left]).to_string(), "");
    }
}
