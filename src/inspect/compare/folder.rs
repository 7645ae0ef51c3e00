//! Two folders, file by file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::tally::{Comparison, Nature};

/// Compares all files of two folders by their paths in them.
///
/// # Errors
/// A file that cannot be read, or is not what its name says.
pub(super) fn compare(
    old: &Path,
    new: &Path,
    compare_files: &dyn Fn(&Path, &Path, &str) -> Result<Comparison>,
) -> Result<Comparison> {
    let (before, now) = (files(old)?, files(new)?);
    let sum = |files: &BTreeMap<String, (PathBuf, u64)>| files.values().map(|(_, size)| size).sum();
    let mut whole = Comparison {
        identical: true,
        bytes: [sum(&before), sum(&now)],
        first_difference: None,
        nature: Nature::Bytes,
        parts: Vec::new(),
        otherwise: Vec::new(),
        more: 0,
    };
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    for name in names {
        match (before.get(name), now.get(name)) {
            (Some((old, _)), Some((new, _))) => add(&mut whole, name, compare_files(old, new, name)?),
            (Some(_), None) => whole.otherwise.push(format!("`{name}` is gone")),
            (None, _) => whole.otherwise.push(format!("`{name}` is new")),
        }
    }
    whole.identical &= whole.otherwise.is_empty();
    whole.parts.sort_by(|a, b| b.share().total_cmp(&a.share()));
    let told = whole.otherwise.len().min(super::tally::TOLD);
    whole.more += whole.otherwise.drain(told..).count() as u64;
    Ok(whole)
}

fn add(whole: &mut Comparison, name: &str, one: Comparison) {
    whole.identical &= one.identical;
    if let (Some(at), true, true) = (one.first_difference, one.parts.is_empty(), one.otherwise.is_empty()) {
        whole.otherwise.push(format!("`{name}` has other bytes from byte {at} on"));
    }
    whole.more += one.more;
    whole.otherwise.extend(one.otherwise.into_iter().map(|what| format!("`{name}`: {what}")));
    whole.parts.extend(one.parts.into_iter().map(|mut part| {
        part.name = format!("{name}: {}", part.name);
        part
    }));
}

/// All files below a folder with their sizes, by their paths in it.
fn files(folder: &Path) -> Result<BTreeMap<String, (PathBuf, u64)>> {
    let mut found = BTreeMap::new();
    let mut left = vec![(folder.to_owned(), String::new())];
    while let Some((folder, above)) = left.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            match entry.file_type()? {
                kind if kind.is_dir() => left.push((entry.path(), format!("{name}/"))),
                _ if entry.path().is_file() => {
                    found.insert(name, (entry.path(), entry.path().metadata()?.len()));
                }
                // A link that leads nowhere, or to a folder that is looked at in its own place.
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::inspect::compare::compare;

    #[test]
    fn files_are_compared_by_their_paths_and_formats() {
        let above = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = above.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for side in ["old", "new"] {
            write(&format!("{side}/same.txt"), "1");
            write(&format!("{side}/in/metrics.json"), if side == "old" { "[1.0]" } else { "[1.5]" });
            write(&format!("{side}/raw"), side);
            write(&format!("{side}/only-{side}"), "");
        }
        let [old, new] = ["old", "new"].map(|side| above.path().join(side));
        let found = compare(&old, &new, "plots/").unwrap();
        assert!(!found.identical);
        assert_eq!((found.parts.len(), found.parts[0].name.as_str()), (1, "in/metrics.json: value[]"));
        let expected = ["`only-new` is new", "`only-old` is gone", "`raw` has other bytes from byte 0 on"];
        assert_eq!(found.otherwise, expected);
        assert!(compare(&old, &old, "plots/").unwrap().identical);
    }
}
