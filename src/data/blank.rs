//! Counts blank patches: rows that were never written, and patches of a single colour. Knows no file.

use std::ops::AddAssign;

/// How many patches are blank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Blank {
    /// Patches with a row that was never or only partly written. They read as the fill value.
    pub unwritten: u64,
    /// Patches that were written with a single colour.
    pub constant: u64,
    first_unwritten: Option<i64>,
    first_constant: Option<i64>,
}

impl Blank {
    /// Counts one patch.
    pub fn look(&mut self, row: i64, unwritten: bool, constant: bool) {
        if unwritten {
            self.unwritten += 1;
            self.first_unwritten.get_or_insert(row);
        } else if constant {
            self.constant += 1;
            self.first_constant.get_or_insert(row);
        }
    }

    /// Warnings about the file `name`. `of` is the number of patches that were checked ("200 patches").
    #[must_use]
    pub fn warnings(&self, name: &str, of: &str) -> Vec<String> {
        let line = |count: u64, first: Option<i64>, what: &str| {
            first.map(|row| format!("{name}: {count} of {of} {what} (first: row {row})"))
        };
        let unwritten = "were never written, and hold only the file's fill value";
        let constant = "are of a single colour";
        let lines = [
            (self.unwritten, self.first_unwritten, unwritten),
            (self.constant, self.first_constant, constant),
        ];
        lines.into_iter().filter_map(|(count, first, what)| line(count, first, what)).collect()
    }
}

impl AddAssign for Blank {
    fn add_assign(&mut self, other: Self) {
        self.unwritten += other.unwritten;
        self.constant += other.constant;
        let least = |a: Option<i64>, b: Option<i64>| a.into_iter().chain(b).min();
        self.first_unwritten = least(self.first_unwritten, other.first_unwritten);
        self.first_constant = least(self.first_constant, other.first_constant);
    }
}

/// Whether all pixels of a patch have the same colour. Stops at the first pixel that differs from the previous one.
#[must_use]
pub fn is_constant(pixels: &[u8]) -> bool {
    pixels.len() >= 3 && pixels[3..] == pixels[..pixels.len() - 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_single_colour_is_found() {
        assert!(is_constant(&[7; 30]) && is_constant(&[1, 2, 3].repeat(10)));
        let mut pixels = [1, 2, 3].repeat(10);
        pixels[29] = 4;
        assert!(!is_constant(&pixels));
    }

    #[test]
    fn blank_patches_are_counted_once_and_their_first_row_is_named() {
        let mut blank = Blank::default();
        assert!(blank.warnings("x.h5", "3 patches").is_empty());
        blank.look(9, true, true);
        blank.look(5, false, true);
        blank.look(6, false, false);
        let mut other = Blank::default();
        other.look(2, false, true);
        other += blank;
        let lines = other.warnings("x.h5", "4 patches");
        assert_eq!(
            lines,
            [
                "x.h5: 1 of 4 patches were never written, and hold only the file's fill value (first: row 9)",
                "x.h5: 2 of 4 patches are of a single colour (first: row 2)",
            ]
        );
    }
}
