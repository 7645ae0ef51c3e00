//! Which format a store has, and how an older one becomes the present one.
//!
//! The file `format` says `pcamflow store N`; further lines may say which pcamflow it takes. A newer store,
//! and a file that says nothing of the kind, are refused. An older one is migrated: by one step a format,
//! alone in the store, each step followed by the new number. A step that was cut off is done again, so every
//! step may find its work half done.

use std::path::Path;

use super::{Error, Result, error::FORMAT, layout::Layout};
use crate::fsx::{self, Durability, FileLock, Gate, TryLock};

/// Characters of the file `format` that a message quotes.
const LONGEST: usize = 100;

/// What stands before the number.
const WORDS: &str = "pcamflow store ";

/// One step from a format to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The format that it takes.
    from: u32,
    /// What it does, for people.
    what: &'static str,
    /// Does it, in the folder of the store. What is done already is no error.
    run: fn(&Path) -> Result<()>,
}

/// All steps up to the present format, in order. Format 1 was the first one.
const STEPS: [Step; 0] = [];

fn of(format: u32) -> String {
    format!("{WORDS}{format}\n")
}

/// What the file of a store says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Format(u32),
    /// A newer one; what it says of the pcamflow that it takes.
    Newer(u32, Option<String>),
    Garbled,
}

fn parse(text: &str, newest: u32) -> Found {
    let mut lines = text.lines();
    let number = lines.next().and_then(|line| line.trim_end().strip_prefix(WORDS)?.parse::<u32>().ok());
    match number {
        None => Found::Garbled,
        Some(number) if number > newest => {
            let takes = lines.map(str::trim).find(|line| !line.is_empty()).map(quoted);
            Found::Newer(number, takes)
        }
        Some(number) => Found::Format(number),
    }
}

/// The beginning of a text that may be anything.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl Layout {
    /// Makes sure that the store has the present format, migrating an older one. A store that does not exist yet
    /// is fine, and a folder that is something else is not.
    pub(super) fn check_format(&self) -> Result<()> {
        check_with(self, FORMAT, &STEPS)
    }

    /// The content of the file `format`.
    pub(super) fn format_text() -> String {
        of(FORMAT)
    }
}

fn check_with(layout: &Layout, newest: u32, steps: &[Step]) -> Result<()> {
    let root = || layout.root().to_owned();
    let Some(bytes) = fsx::read_if_there(&layout.format())? else {
        return match is_free(layout) {
            // Somebody made the store between the two looks.
            Err(_) if layout.exists()? => check_with(layout, newest, steps),
            other => other,
        };
    };
    let text = String::from_utf8_lossy(&bytes);
    match parse(&text, newest) {
        Found::Format(number) if number == newest => Ok(()),
        Found::Newer(found, takes) => Err(Error::NewerFormat { root: root(), found, takes }),
        Found::Format(number) if steps.iter().any(|step| step.from == number) => {
            migrate(layout, newest, steps)
        }
        Found::Format(_) | Found::Garbled => {
            Err(Error::OtherFormat { root: root(), found: quoted(text.trim()) })
        }
    }
}

/// What may lie in the folder of a store that is about to be made: what making it leaves when it is cut off,
/// and what file systems keep at their top.
const NOTHING: [&str; 5] = [".gitignore", "tmp", "gate", "lost+found", ".snapshot"];

/// A folder without `format`: empty, or not there, or else no store.
fn is_free(layout: &Layout) -> Result<()> {
    let root = layout.root().to_owned();
    let names = fsx::list(&root)?;
    let mut names =
        names.iter().map(|name| name.to_string_lossy()).filter(|name| !NOTHING.contains(&name.as_ref()));
    let Some(first) = names.next() else { return Ok(()) };
    if layout.objects().exists() || layout.actions().exists() {
        return Err(Error::NoFormat { root });
    }
    let more = names.count();
    Err(Error::NoStore { root, first: first.into_owned(), more })
}

/// Takes an older store to the present format: alone, one step after the other.
fn migrate(layout: &Layout, newest: u32, steps: &[Step]) -> Result<()> {
    let gate = Gate::alone(&layout.gate())?;
    if !gate.is_enforced() {
        return Err(Error::NoLocks { root: layout.root().to_owned() });
    }
    if let Some(run) = live_run(layout)? {
        return Err(Error::InUse { root: layout.root().to_owned(), run });
    }
    // Somebody else may have done it, or a part of it, while we waited.
    while let Found::Format(number) = parse(&String::from_utf8_lossy(&fsx::read(&layout.format())?), newest) {
        let Some(step) = steps.iter().find(|step| step.from == number && number < newest) else { break };
        tracing::warn!(
            "the store {} is taken from format {number} to {}: {}",
            layout.root().display(),
            number + 1,
            step.what
        );
        (step.run)(layout.root())?;
        fsx::write_atomic(&layout.format(), of(number + 1).as_bytes(), Durability::Durable)?;
    }
    Ok(())
}

/// A run that has a lease: it relies on the store as it is, even while it leaves the gate open.
fn live_run(layout: &Layout) -> Result<Option<String>> {
    for name in fsx::list(&layout.leases())? {
        let path = layout.leases().join(name);
        if let TryLock::Held(_) = FileLock::try_acquire(&path, "")? {
            return Ok(Some(path.display().to_string()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::store::{Lookup, case::Case};

    /// As if records had once lain in a folder `results`.
    fn rename_results(root: &Path) -> Result<()> {
        let (old, new) = (root.join("results"), root.join("actions"));
        if old.exists() {
            fsx::move_file(&old, &new)?;
        }
        Ok(())
    }

    /// As if the file `gone` had once been there.
    fn remove_gone(root: &Path) -> Result<()> {
        fsx::remove_file(&root.join("gone")).map(drop).map_err(Into::into)
    }

    fn fails(root: &Path) -> Result<()> {
        Err(Error::NoFormat { root: root.to_owned() })
    }

    const STEPS: [Step; 2] = [
        Step { from: 1, what: "records move", run: rename_results },
        Step { from: 2, what: "a file goes", run: remove_gone },
    ];

    /// A store of the first format, as those steps understand it: with a record that is not where it
    /// belongs today.
    fn old_store() -> (Case, PathBuf) {
        let case = Case::new();
        case.record(&["content"]);
        let root = case.store.root().to_owned();
        fs::rename(root.join("actions"), root.join("results")).unwrap();
        fs::write(root.join("gone"), "x").unwrap();
        (case, root)
    }

    fn format(root: &Path) -> String {
        fs::read_to_string(root.join("format")).unwrap()
    }

    #[test]
    fn an_older_store_is_taken_through_every_step_and_its_results_are_found() {
        let (case, root) = old_store();
        check_with(&case.store.layout, 3, &STEPS).unwrap();
        assert_eq!(format(&root), "pcamflow store 3\n");
        assert!(!root.join("gone").exists() && !root.join("results").exists());
        let key = case.store.keys().unwrap()[0];
        assert!(matches!(case.store.record(&key).unwrap(), Lookup::Found(_)));
        // Again: nothing to do.
        check_with(&case.store.layout, 3, &STEPS).unwrap();
    }

    #[test]
    fn a_migration_that_was_cut_off_goes_on_where_it_was() {
        // Within the first step, after it, and within the second.
        for cut in 0..3 {
            let (case, root) = old_store();
            if cut == 0 {
                rename_results(&root).unwrap();
            } else {
                let broken = [STEPS[0], Step { run: fails, ..STEPS[1] }];
                assert!(check_with(&case.store.layout, 3, &broken).is_err());
                assert_eq!(format(&root), "pcamflow store 2\n");
            }
            if cut == 2 {
                remove_gone(&root).unwrap();
            }
            check_with(&case.store.layout, 3, &STEPS).unwrap();
            assert_eq!(format(&root), "pcamflow store 3\n", "cut {cut}");
            assert!(!root.join("gone").exists() && root.join("actions").is_dir());
        }
    }

    #[test]
    fn eight_at_once_migrate_once() {
        let (case, root) = old_store();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| check_with(&case.store.layout, 3, &STEPS).unwrap());
            }
        });
        assert_eq!(format(&root), "pcamflow store 3\n");
    }

    #[test]
    fn a_store_that_a_run_uses_is_not_migrated() {
        let (case, root) = old_store();
        let lease = case.store.lease();
        let hold = lease.hold();
        lease.claim_key(&crate::digest::Digest::of(b"key"));
        hold.release();
        let error = check_with(&case.store.layout, 3, &STEPS).unwrap_err();
        assert!(error.to_string().contains("wait until that run has ended"), "{error}");
        assert_eq!(format(&root), "pcamflow store 1\n");
        drop(lease);
        check_with(&case.store.layout, 3, &STEPS).unwrap();
    }

    #[test]
    fn a_newer_store_is_refused_with_what_it_takes() {
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

    #[test]
    fn the_chain_leads_to_the_present_format() {
        let froms: Vec<u32> = super::STEPS.iter().map(|step| step.from).collect();
        let expected: Vec<u32> = (1..FORMAT).collect();
        assert_eq!(froms, expected);
    }
}
