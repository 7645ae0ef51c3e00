//! Colours. Only this file knows escape sequences.

use console::Style;

/// The meaning of a text, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Ordinary text.
    Normal,
    /// Less important: headings, cached stages.
    Faint,
    /// Most important.
    Strong,
    /// Done.
    Good,
    /// Running.
    Active,
    /// Something to type or to find in a file.
    Code,
    /// A warning.
    Warning,
    /// Failed.
    Bad,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint {
    colour: bool,
}

impl Paint {
    /// Never colours.
    #[cfg(test)]
    pub(super) const OFF: Self = Self { colour: false };

    /// Always colours.
    #[cfg(test)]
    pub(super) const ON: Self = Self { colour: true };

    /// Uses colours if standard output is a terminal with colours, and `CLICOLOR` and `NO_COLOR` allow it.
    #[must_use]
    pub(super) fn for_stdout() -> Self {
        Self { colour: allowed() && console::colors_enabled() }
    }

    /// Uses colours if standard error is such a terminal.
    #[must_use]
    pub(super) fn for_stderr() -> Self {
        Self { colour: allowed() && console::colors_enabled_stderr() }
    }

    /// The text in its colour.
    #[must_use]
    pub(super) fn tone(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        style(tone).force_styling(true).apply_to(text).to_string()
    }
}

/// Whether `NO_COLOR` is empty or not set (<https://no-color.org>).
fn allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn style(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Normal => style,
        Tone::Faint => style.dim(),
        Tone::Strong => style.bold(),
        Tone::Good => style.green(),
        Tone::Active | Tone::Code => style.cyan(),
        Tone::Warning => style.yellow(),
        Tone::Bad => style.red().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_turned_off() {
        assert_eq!(Paint::OFF.tone(Tone::Bad, "failed"), "failed");
        assert_eq!(Paint::ON.tone(Tone::Good, "ran"), "\u{1b}[32mran\u{1b}[0m");
        assert_eq!(Paint::ON.tone(Tone::Good, ""), "");
    }
}
