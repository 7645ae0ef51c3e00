//! Two folders, file by file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;

/// All files below a folder with their sizes, by their paths in it. Links to folders and to nothing are left out.
pub(super) fn files(folder: &Path) -> Result<BTreeMap<String, (PathBuf, u64)>> {
    let mut found = BTreeMap::new();
    let mut left = vec![(folder.to_owned(), String::new())];
    while let Some((folder, above)) = left.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), format!("{above}{}", entry.file_name().to_string_lossy()));
            if entry.file_type()?.is_dir() {
                left.push((path, format!("{name}/")));
            } else if path.is_file() {
                let size = path.metadata()?.len();
                found.insert(name, (path, size));
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
        let expected = ["`only-old` is gone", "`only-new` is new", "`raw` has other bytes from byte 0 on"];
        assert_eq!(found.otherwise, expected);
        assert!(compare(&old, &old, "plots/").unwrap().identical);
    }
}
