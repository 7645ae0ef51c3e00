//! The embedded typeface, Noto Sans of the crate `notosans`: widths of texts, and outlines of letters.
//!
//! Fonts of the system are never used, so pictures look the same on every machine.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlineCurve};
use tiny_skia::{Path, PathBuilder, Transform};

/// The typefaces that an SVG names: the embedded one, then similar ones.
pub(super) const FAMILY: &str = "Noto Sans, Helvetica, Arial, sans-serif";

/// Height of capitals and digits, in em.
pub(super) const CAPITALS: f64 = 1462.0 / EM;

/// The depth of letters below the base line, in em.
pub(super) const DESCENT: f64 = 0.24;

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(notosans::REGULAR_TTF));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(notosans::BOLD_TTF));

fn embedded(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font is a font")
}

fn face(bold: bool) -> &'static FontRef<'static> {
    if bold { &BOLD } else { &REGULAR }
}

/// Font units per em.
const EM: f64 = 2048.0;

/// The width of a line of text of `size` (em in pixels), in pixels.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let font = face(bold);
    let units: f32 = text.chars().map(|letter| font.h_advance_unscaled(font.glyph_id(letter))).sum();
    f64::from(units) * size / EM
}

/// The outlines of a line of text, starting at (0, 0) on its base line, y downwards; `None` if it has only
/// blanks.
pub(super) fn outline(text: &str, size: f64, bold: bool) -> Option<Path> {
    let font = face(bold);
    let mut path = PathBuilder::new();
    let mut at = 0.0;
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        if let Some(outline) = font.outline(glyph) {
            push(&mut path, &outline.curves, at);
        }
        at += font.h_advance_unscaled(glyph);
    }
    let scale = (size / EM) as f32;
    path.finish()?.transform(Transform::from_scale(scale, -scale))
}

/// Adds the contours of one letter. A curve that does not start at the end of the previous one begins a new
/// contour.
fn push(path: &mut PathBuilder, curves: &[OutlineCurve], at: f32) {
    let mut end = None;
    for curve in curves {
        let (start, stop) = match curve {
            OutlineCurve::Line(a, b) | OutlineCurve::Quad(a, _, b) | OutlineCurve::Cubic(a, _, _, b) => {
                (a, b)
            }
        };
        if end != Some(*start) {
            path.move_to(start.x + at, start.y);
        }
        match curve {
            OutlineCurve::Line(_, b) => path.line_to(b.x + at, b.y),
            OutlineCurve::Quad(_, m, b) => path.quad_to(m.x + at, m.y, b.x + at, b.y),
            OutlineCurve::Cubic(_, m, n, b) => path.cubic_to(m.x + at, m.y, n.x + at, n.y, b.x + at, b.y),
        }
        end = Some(*stop);
    }
}

/// `text`, cut with an ellipsis if it is wider than `limit` pixels.
pub(super) fn fitted(text: &str, size: f64, bold: bool, limit: f64) -> String {
    if width(text, size, bold) <= limit {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while kept.pop().is_some() && width(&kept, size, bold) + width("…", size, bold) > limit {}
    format!("{}…", kept.trim_end())
}

/// `text` broken at spaces into lines of at most `limit` pixels; a single wider word is cut.
pub(super) fn wrapped(text: &str, size: f64, bold: bool, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= limit => {
                *line += " ";
                *line += word;
            }
            _ => lines.push(fitted(word, size, bold, limit)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_the_fonts() {
        // Noto Sans' digits are 1171 of 2048 units wide.
        assert_eq!(width("00", 2048.0, false), 2.0 * 1171.0);
        assert!(width("mm", 12.0, true) > width("mm", 12.0, false));
    }

    #[test]
    fn letters_have_outlines_above_the_line_and_blanks_have_none() {
        let bounds = outline("H", 100.0, false).unwrap().bounds();
        assert!((f64::from(bounds.top()) + 100.0 * CAPITALS).abs() < 0.1 && bounds.bottom().abs() < 0.1);
        assert!(outline("  ", 100.0, false).is_none());
    }

    #[test]
    fn every_sign_that_pictures_use_is_there() {
        for letter in "0123456789.,%+−±×–…≤≥·éöß()|<>=/".chars() {
            assert_ne!(face(false).glyph_id(letter).0, 0, "{letter}");
        }
    }

    #[test]
    fn long_texts_are_cut_or_broken() {
        let limit = width("Non cancerous", 10.0, false);
        assert_eq!(fitted("Non cancerous", 10.0, false, limit), "Non cancerous");
        let cut = fitted("Non cancerous tissue", 10.0, false, limit);
        assert!(cut.ends_with('…') && width(&cut, 10.0, false) <= limit, "{cut}");
        assert_eq!(wrapped("Non cancerous tissue", 10.0, false, limit), ["Non cancerous", "tissue"]);
    }
}
