//! Texts from elsewhere as Markdown: nothing in them means more than its letters.
//!
//! The dialect is GitHub's, whose tables end a cell at every `|`, also within code.

use super::format;

/// How many stages are shown one by one: what shows the page (GitHub) takes a megabyte.
pub(super) const MANY: usize = 200;

/// A row of a table.
pub(super) fn row<const N: usize>(cells: [String; N]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A name or a path as code, fit for a cell.
pub(super) fn code(text: &str) -> String {
    let text = format::one_line(text).replace('|', "\\|");
    // A run of backticks is fenced by a longer one.
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A text on one line, fit for a cell, in which what stands between backticks stays code.
pub(super) fn prose(text: &str) -> String {
    let text = format::one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = String::with_capacity(text.len());
    for (index, part) in parts.iter().enumerate() {
        let (is_code, is_last) = (index % 2 == 1, index + 1 == parts.len());
        if is_code && is_last {
            // A backtick without its partner.
            out.push_str("\\`");
            out.push_str(&escaped(part));
        } else if is_code && !part.is_empty() {
            out.push_str(&code(part));
        } else if is_code {
            out.push_str("\\`\\`");
        } else {
            out.push_str(&escaped(part));
        }
    }
    out
}

/// A text of several lines as a block.
pub(super) fn fence(text: &str) -> String {
    let text = format::clean(text);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_is_escaped_and_code_stays_code() {
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
