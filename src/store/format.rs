//! The format of a store. The file `format` contains `pcamflow store N`.
//!
//! A store of another format is refused, and so is a folder that contains something else. On further lines, a
//! newer store may say which pcamflow reads it.

use super::{Error, Result, layout::Layout};
use crate::fsx;

/// The format that this pcamflow reads and writes.
const FORMAT: u32 = 1;

/// The text before the number.
const WORDS: &str = "pcamflow store ";

/// How many characters of the file `format` a message quotes.
const LONGEST: usize = 100;

/// What a new store may find in its folder: what an interrupted creation leaves, and what file systems keep at
/// their top.
const IGNORED: [&str; 5] = [".gitignore", "tmp", "gate", "lost+found", ".snapshot"];

impl Layout {
    /// The content of the file `format`.
    pub(super) fn format_text() -> String {
        format!("{WORDS}{FORMAT}\n")
    }

    /// Checks that this is a store of this format, or a place where one can be created.
    pub(super) fn check_format(&self) -> Result<()> {
        match fsx::read_if_there(&self.format)? {
            Some(bytes) => self.check_text(&String::from_utf8_lossy(&bytes)),
            None => match self.check_is_free() {
                // Another process created the store between the two looks.
                Err(_) if self.exists()? => self.check_format(),
                other => other,
            },
        }
    }

    fn check_text(&self, text: &str) -> Result<()> {
        let mut lines = text.lines().map(str::trim);
        let number = lines.next().and_then(|line| line.strip_prefix(WORDS)?.parse::<u32>().ok());
        let root = self.root.display();
        Err(Error::Unusable(match number {
            Some(FORMAT) => return Ok(()),
            Some(newer) if newer > FORMAT => format!(
                "the store {root} has format {newer}, and this pcamflow (version {}) reads format {FORMAT}: {}, or \
                 name another store (--store)",
                env!("CARGO_PKG_VERSION"),
                match lines.find(|line| !line.is_empty()) {
                    Some(takes) => format!("it {}", beginning(takes)),
                    None => "use the newer pcamflow that made it".to_owned(),
                }
            ),
            _ => format!(
                "the file `format` of the store {root} says {:?}, and this pcamflow reads format {FORMAT}: the file \
                 is damaged, or another program's; restore it, or move the store away (if you know that this \
                 pcamflow made the store, the file is the line \"{WORDS}{FORMAT}\")",
                beginning(text.trim())
            ),
        }))
    }

    /// A folder without `format` has to be empty or absent.
    fn check_is_free(&self) -> Result<()> {
        let mut names = fsx::list(&self.root)?;
        names.retain(|name| !IGNORED.iter().any(|ignored| name == ignored));
        let Some(first) = names.first() else { return Ok(()) };
        let (root, first, more) = (self.root.display(), first.display(), names.len() - 1);
        Err(Error::Unusable(if self.objects.exists() || self.actions.exists() {
            format!(
                "{root} holds objects or records but no file `format`: it was restored in part or is no store; \
                 restore that file too, or use another store, or move this one away"
            )
        } else {
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(
                "{root} is no pcamflow store: it holds {first}{more}; name a folder that is empty or not there yet, \
                 or a store (--store)"
            )
        }))
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::testing::Case;

    #[test]
    fn a_store_of_another_format_is_refused() {
        let case = Case::new();
        case.record(&["content"]);
        let said = |text: &str| {
            fs::write(case.store.root().join("format"), text).unwrap();
            let error = case.store.layout.check_format().unwrap_err();
            assert!(error.is_environment());
            error.to_string()
        };
        let newer = said("pcamflow store 7\ntakes pcamflow 2.5 or newer\n");
        assert!(newer.contains("has format 7, and this pcamflow"), "{newer}");
        assert!(newer.contains("takes pcamflow 2.5 or newer"), "{newer}");
        assert!(said("pcamflow store 7\n").contains("use the newer pcamflow that made it"));
        for garbled in ["pcamflow store 0", "pcamflow stor", "", "\u{0}\u{0}", "pcamflow store 1x"] {
            let said = said(garbled);
            assert!(said.contains("reads format 1"), "{said}");
        }
    }
}
