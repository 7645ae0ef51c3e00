//! Texts from elsewhere as Markdown: special characters are escaped.
//!
//! The dialect is GitHub's. In its tables, a `|` ends a cell, also within code.

use super::format;

/// The largest number of rows in a table, because GitHub limits the page to a megabyte.
pub(super) const MANY: usize = 200;

/// A row of a table.
pub(super) fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A table, or nothing if it has no rows. Rows beyond [`MANY`] are only counted.
pub(super) fn table(titles: &[&str], alignment: &str, rows: &[String]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let more = match rows.len().saturating_sub(MANY) {
        0 => String::new(),
        more => format!("| and {more} more |{}\n", "  |".repeat(titles.len() - 1)),
    };
    let shown: String = rows.iter().take(MANY).map(String::as_str).collect();
    format!("| {} |\n{alignment}\n{shown}{more}", titles.join(" | "))
}

/// A name or a path as code in a cell.
pub(super) fn code(text: &str) -> String {
    let text = format::one_line(text).replace('|', "\\|");
    // Backticks are enclosed in a longer run of backticks.
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A text on one line in a cell. The parts between backticks are code.
pub(super) fn prose(text: &str) -> String {
    let text = format::one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let part = |(index, part): (usize, &&str)| match (index % 2 == 1, index + 1 == parts.len()) {
        // A single backtick.
        (true, true) => format!("\\`{}", escaped(part)),
        (true, false) if part.is_empty() => "\\`\\`".to_owned(),
        (true, false) => code(part),
        (false, _) => escaped(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A text of several lines as a block of code.
pub(super) fn fence(text: &str) -> String {
    let text = format::clean(text);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '\\' | '|' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => out.extend(['\\', letter]),
            other => out.push(other),
        }
        out
    })
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped_and_code_stays_code() {
        for (text, expected) in [
            ("`epochs` 8 -> 9 (p.toml:3)", "`epochs` 8 -&gt; 9 (p.toml:3)"),
            ("a|b_c *d* <e> [f]", "a\\|b\\_c \\*d\\* &lt;e&gt; \\[f\\]"),
            ("`a|b` c", "`a\\|b` c"),
            ("odd ` tick_", "odd \\` tick\\_"),
            ("two\nlines", "two lines"),
            ("empty `` code", "empty \\`\\` code"),
        ] {
            assert_eq!(prose(text), expected);
        }
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(fence("a\n```\nb\n"), "````text\na\n```\nb\n````\n");
    }
}
