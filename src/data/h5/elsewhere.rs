//! HDF5 files with data in other files: virtual datasets, external storage, external links.
//!
//! Results are cached by the digests of their input files. A digest does not cover data in another file: it may
//! change unnoticed, and if it is missing, HDF5 reads fill values. So such files are refused before anything is
//! read. Soft links are allowed: they lead out of their file only over an external link, which is refused.

use std::{collections::BTreeSet, fs::File, os::unix::fs::FileExt};

use anyhow::{Context, Result, anyhow, bail};
use hdf5::{Group, IndexType, IterationOrder, LinkType, LocationType, dataset::Layout};

use super::library::{open, reason};
use crate::data::Source;

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// If a file is HDF5 and has data in other files: the first such object, and how to copy its data into one file.
///
/// # Errors
/// A file that cannot be read.
pub fn elsewhere(source: &Source) -> Result<Option<String>> {
    // A file that the library cannot open is not read as HDF5 later.
    match is_hdf5(source)?.then(|| open(&source.path)) {
        Some(Ok(file)) => find(&file).with_context(|| source.to_string()),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Whether a file has the signature of HDF5, at the start or after a user block.
fn is_hdf5(source: &Source) -> Result<bool> {
    let cannot = |error| anyhow!("{source} cannot be read: {error}");
    let file = File::open(&source.path).map_err(cannot)?;
    let size = file.metadata().map_err(cannot)?.len();
    let places = std::iter::successors(Some(0), |at| Some(if *at == 0 { 512 } else { at * 2 }));
    let mut found = [0; 8];
    for at in places.take_while(|at| at + 8 <= size) {
        file.read_exact_at(&mut found, at).map_err(cannot)?;
        if found == SIGNATURE {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks that all data is in the file.
///
/// # Errors
/// Names the first object with data in another file.
pub(super) fn check(root: &Group, source: &Source) -> Result<()> {
    match find(root).with_context(|| source.to_string())? {
        Some(found) => bail!("{source}: {found}"),
        None => Ok(()),
    }
}

fn find(root: &Group) -> Result<Option<String>> {
    first(root).map_err(|error| anyhow!("the file may be damaged: {}", reason(&error)))
}

/// The first object with data in another file. Groups may contain each other, so each is visited once.
fn first(root: &Group) -> hdf5::Result<Option<String>> {
    let mut seen = BTreeSet::from([format!("{:?}", root.loc_info()?.token)]);
    let mut left = vec![(String::new(), root.clone())];
    while let Some((path, group)) = left.pop() {
        for (name, link) in group.links(IndexType::Name, IterationOrder::Increasing)? {
            let full = format!("{path}{name}");
            match link.link_type {
                // Includes user-defined links.
                LinkType::External => {
                    let copied = format!("h5copy -f ext -i OLD.h5 -o NEW.h5 -s {full} -d {full}");
                    return Ok(Some(in_words(&full, "an external link", &copied)));
                }
                LinkType::Soft => continue,
                LinkType::Hard => {}
            }
            // An object that cannot be opened is never read.
            let Ok(at) = group.loc_info_by_name(&name) else { continue };
            if at.loc_type == LocationType::Group && seen.insert(format!("{:?}", at.token)) {
                left.push((format!("{full}/"), group.group(&name)?));
            } else if at.loc_type == LocationType::Dataset
                && let Some(what) = dataset(&group, &name)?
            {
                return Ok(Some(in_words(&full, what, "h5repack -l CONTI OLD.h5 NEW.h5")));
            }
        }
    }
    Ok(None)
}

fn in_words(name: &str, what: &str, copied: &str) -> String {
    format!(
        "`{name}` is {what}: its data is in another file, which no digest covers; copy it into one file: {copied}"
    )
}

fn dataset(group: &Group, name: &str) -> hdf5::Result<Option<&'static str>> {
    let Ok(dataset) = group.dataset(name) else { return Ok(None) };
    let plist = dataset.dcpl()?;
    let external = !plist.get_external()?.is_empty();
    Ok(match plist.get_layout()? {
        Layout::Virtual => Some("a virtual dataset"),
        Layout::Compact | Layout::Contiguous | Layout::Chunked => {
            external.then_some("a dataset with external storage")
        }
    })
}

#[cfg(test)]
mod tests {
    use hdf5::{DatasetBuilder, Selection};
    use ndarray::ArrayD;

    use super::*;
    use crate::data::{
        fixtures::{Files, patches},
        h5::H5File,
    };

    fn message(source: &Source) -> String {
        format!("{:#}", H5File::open(source).unwrap_err())
    }

    fn new(files: &Files, name: &str) -> hdf5::File {
        hdf5::File::create(files.path(name)).unwrap()
    }

    /// A file with a dataset in a group that has its data elsewhere.
    fn shown(files: &Files, build: impl Fn(DatasetBuilder) -> DatasetBuilder) -> Source {
        let file = new(files, "shown.h5");
        let group = file.create_group("deep").unwrap().create_group("er").unwrap();
        build(group.new_dataset_builder()).empty::<u8>().shape((4, 96, 96, 3)).create("x").unwrap();
        files.source("shown.h5")
    }

    #[test]
    fn datasets_with_data_in_other_files_are_refused() {
        let files = Files::new();
        files.patches("held.h5", 4, |plain| plain);
        let shape = (4, 96, 96, 3);
        let everything = Selection::All;
        let source = shown(&files, |plain| {
            plain.virtual_map("held.h5", "x", shape, everything.clone(), shape, everything.clone())
        });
        let error = message(&source);
        assert!(error.contains("shown.h5") && error.contains("`deep/er/x` is a virtual dataset"), "{error}");
        assert!(error.contains("h5repack -l CONTI"), "{error}");
        std::fs::write(files.path("x.raw"), vec![7; 4 * 27648]).unwrap();
        let raw = files.path("x.raw").display().to_string();
        let error = message(&shown(&files, |plain| plain.external(&raw, 0, 0)));
        assert!(error.contains("`deep/er/x` is a dataset with external storage"), "{error}");
    }

    #[test]
    fn links_to_other_files_are_refused_however_they_are_reached() {
        let files = Files::new();
        files.patches("held.h5", 40, |plain| plain);
        for target in ["held.h5", "gone.h5"] {
            let file = new(&files, "linked.h5");
            file.link_external(target, "x", "x").unwrap();
            drop(file);
            let error = message(&files.source("linked.h5"));
            assert!(error.contains("`x` is an external link") && error.contains("h5copy -f ext"), "{error}");
            assert!(!error.contains("truncated"), "{error}");
            // A soft link leads over a group that is an external link.
            let file = new(&files, "linked.h5");
            file.create_group("a").unwrap().link_external(target, "/", "b").unwrap();
            file.link_soft("/a/b/x", "x").unwrap();
            drop(file);
            let error = message(&files.source("linked.h5"));
            assert!(error.contains("`a/b` is an external link"), "{error}");
        }
    }

    #[test]
    fn links_inside_a_file_and_groups_in_circles_are_fine() {
        let files = Files::new();
        let file = new(&files, "x.h5");
        let group = file.create_group("a").unwrap();
        group.new_dataset_builder().with_data(&patches(2)).create("real").unwrap();
        file.link_hard("/a", "/a/again").unwrap();
        file.link_soft("/a/real", "x").unwrap();
        file.link_soft("/nowhere", "y").unwrap();
        drop((file, group));
        let opened = H5File::open(&files.source("x.h5")).unwrap();
        assert_eq!(opened.dataset("x").unwrap().shape(), [2, 96, 96, 3]);
    }

    #[test]
    fn hdf5_is_recognised_by_its_signature() {
        let files = Files::new();
        for block in [0, 512, 2048] {
            let file = hdf5::File::with_options()
                .with_fcpl(|plist| plist.userblock(block))
                .create(files.path("picture.png"));
            file.unwrap().link_external("x.h5", "x", "x").unwrap();
            let found = elsewhere(&files.source("picture.png")).unwrap().unwrap_or_default();
            assert!(found.contains("`x` is an external link"), "{found}");
        }
        let whole = files.with("whole.h5", "x", &ArrayD::<u8>::zeros(vec![2]), |plain| plain);
        assert_eq!(elsewhere(&whole).unwrap(), None);
        for other in [&b""[..], b"text", b"\x89HDF\r\n\x1a\nand nothing more"] {
            std::fs::write(files.path("other"), other).unwrap();
            assert_eq!(elsewhere(&files.source("other")).unwrap(), None);
        }
    }
}
