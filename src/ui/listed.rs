//! A list of names after a heading: wrapped on a terminal, on one line elsewhere.
//!
//! A pure function from names to a text.

use super::words;

/// The whole on one line if it fits; else the names below, as many a line as fit. Without a width, which is
/// where no terminal is, always one line: scripts take lines.
#[must_use]
pub(super) fn text(head: &str, names: &[String], width: Option<usize>) -> String {
    let all = names.join(", ");
    let line = format!("{head}: {all}");
    match width {
        Some(width) if console::measure_text_width(&line) > width => {
            format!("{head}:\n{}", words::wrapped(&all, 2, Some(width)).join("\n"))
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_folded_on_a_terminal_alone() {
        let names: Vec<String> = (1..=6).map(|place| format!("train.number-{place}")).collect();
        let one = "mini: 6 stages: train.number-1, train.number-2, train.number-3, train.number-4, \
                   train.number-5, train.number-6";
        assert_eq!(text("mini: 6 stages", &names, None), one);
        assert_eq!(text("mini: 6 stages", &names, Some(200)), one);
        let folded = "mini: 6 stages:\n  train.number-1, train.number-2,\n  train.number-3, train.number-4,\n  \
                      train.number-5, train.number-6";
        assert_eq!(text("mini: 6 stages", &names, Some(40)), folded);
    }
}
