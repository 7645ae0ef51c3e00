//! The guide: its topics as a table, and a page with its headings and code in colour.
//!
//! Knows Markdown only as the pages use it. On a terminal a page keeps its characters, so that its tables line up; only
//! the links at its end become commands. Elsewhere it is printed as it is.

use super::{
    paint::Tone,
    table::{Table, cell},
    view::{View, view_of_stdout, write},
};
use crate::guide::Page;

/// Prints a line for each page.
pub fn topics(pages: &[Page]) {
    write(&listing(pages, &view_of_stdout()));
}

/// Prints a page.
pub fn page(page: &Page) {
    let view = view_of_stdout();
    match view.width {
        Some(_) => write(&styled(page.text, &view)),
        None => write(page.text),
    }
}

fn listing(pages: &[Page], view: &View) -> String {
    let mut table = Table::new("ll").indented(2);
    for page in pages {
        table.row([cell(Tone::Strong, page.topic), page.sentence().into()]);
    }
    format!("`pcamflow guide TOPIC` prints a page:\n\n{}", table.text(view))
}

fn styled(text: &str, view: &View) -> String {
    let mut block = false;
    let line = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        block ^= is_fence;
        let styled = match link(line) {
            _ if is_fence => view.paint.tone(Tone::Faint, line),
            _ if block => view.paint.tone(Tone::Code, line),
            _ if line.starts_with('#') => view.paint.tone(Tone::Strong, line),
            Some(topic) => spans(&format!("[{topic}]: `pcamflow guide {topic}`"), view),
            None => spans(line, view),
        };
        styled + "\n"
    };
    text.lines().map(line).collect()
}

/// The topic to which a line leads, if it is a link at the end of a page: `[sweeps]: sweeps.md`.
fn link(line: &str) -> Option<&str> {
    let (topic, file) = line.strip_prefix('[')?.split_once("]: ")?;
    (file.strip_suffix(".md") == Some(topic)).then_some(topic)
}

/// A line with its code in colour: every second part between backticks.
fn spans(line: &str, view: &View) -> String {
    let part = |(place, part): (usize, &str)| match place % 2 {
        1 => view.paint.tone(Tone::Code, part),
        _ => part.to_owned(),
    };
    line.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{guide::PAGES, ui::paint::Paint};

    const OFF: View = View { paint: Paint::OFF, width: Some(80) };
    const ON: View = View { paint: Paint::ON, width: Some(80) };

    #[test]
    fn topics_line_up_and_fit_a_terminal() {
        let page = |topic, text| Page { topic, text };
        let pages = [page("a", "# A\n\nWhat\na is.\n\nMore.\n"), page("long", "# L\n\nLong.\n")];
        let expected = "`pcamflow guide TOPIC` prints a page:\n\n  a     What a is.\n  long  Long.\n";
        assert_eq!(listing(&pages, &OFF), expected);
        assert!(!listing(PAGES, &OFF).contains('…'));
    }

    #[test]
    fn headings_code_and_links_are_styled() {
        let text = "# A `b`\n\nSee `c d` ([ci]).\n\n```sh\nx `y` # z\n```\n\n[ci]: ci.md\n";
        let expected = "\u{1b}[1m# A `b`\u{1b}[0m\n\nSee `\u{1b}[36mc d\u{1b}[0m` ([ci]).\n\n\u{1b}[2m```sh\u{1b}[0m\n\
                        \u{1b}[36mx `y` # z\u{1b}[0m\n\u{1b}[2m```\u{1b}[0m\n\n[ci]: `\u{1b}[36mpcamflow guide ci\u{1b}[0m`\n";
        assert_eq!(styled(text, &ON), expected);
        assert_eq!(styled(text, &OFF), text.replace("ci.md", "`pcamflow guide ci`"));
    }

    #[test]
    fn code_in_the_pages_ends_on_its_line() {
        for page in PAGES {
            let prose = page.text.split("```").step_by(2);
            for line in prose.flat_map(str::lines) {
                assert!(line.matches('`').count() % 2 == 0, "{}: {line}", page.topic);
            }
        }
    }
}
