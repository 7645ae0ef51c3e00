//! What an HDF5 file shows but does not hold: virtual datasets, external storage, links to other files.
//!
//! A result is cached by the digest of the files that it was made from. Bytes that lie in another file are in no
//! digest: they may change without anyone noticing, and where they are gone the library gives fill values. So a
//! file with such a part is refused, before anything of it is opened. A soft link stays in its file, unless it
//! leads over an external link, and that is refused itself.

use std::{collections::BTreeSet, fs::File, os::unix::fs::FileExt};

use anyhow::{Context, Result, anyhow, bail};
use hdf5::{Group, IndexType, IterationOrder, LinkType, LocationType, dataset::Layout};

use super::library::{open, told};
use crate::data::Source;

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// What a file of any format shows and does not hold, where it is HDF5: in words, with the way out.
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

/// Whether a file has the signature of HDF5, where the library looks for it: in front, or behind a user block.
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

/// Checks that a file holds all that it shows.
///
/// # Errors
/// Names the first object that does not lie in the file, and says how to bring it in.
pub(super) fn check(root: &Group, source: &Source) -> Result<()> {
    match find(root).with_context(|| source.to_string())? {
        Some(found) => bail!("{source}: {found}"),
        None => Ok(()),
    }
}

fn find(root: &Group) -> Result<Option<String>> {
    first(root).map_err(|error| anyhow!("the file may be damaged: {}", told(&error)))
}

/// The first object that lies elsewhere, in words. Groups may contain each other: each is looked at once.
fn first(root: &Group) -> hdf5::Result<Option<String>> {
    let mut seen = BTreeSet::from([format!("{:?}", root.loc_info()?.token)]);
    let mut left = vec![(String::new(), root.clone())];
    while let Some((path, group)) = left.pop() {
        for (name, link) in group.links(IndexType::Name, IterationOrder::Increasing)? {
            let full = format!("{path}{name}");
            match link.link_type {
                // Links of kinds that a user defined are among them.
                LinkType::External => {
                    let copied = format!("h5copy -f ext -i OLD.h5 -o NEW.h5 -s {full} -d {full}");
                    return Ok(Some(words(&full, "an external link", &copied)));
                }
                LinkType::Soft => continue,
                LinkType::Hard => {}
            }
            // What cannot be opened here is not read either.
            let Ok(at) = group.loc_info_by_name(&name) else { continue };
            if at.loc_type == LocationType::Group && seen.insert(format!("{:?}", at.token)) {
                left.push((format!("{full}/"), group.group(&name)?));
            } else if at.loc_type == LocationType::Dataset
                && let Some(what) = dataset(&group, &name)?
            {
                return Ok(Some(words(&full, what, "h5repack -l CONTI OLD.h5 NEW.h5")));
            }
        }
    }
    Ok(None)
}

fn words(name: &str, what: &str, copied: &str) -> String {
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

    fn told(source: &Source) -> String {
        format!("{:#}", H5File::open(source).unwrap_err())
    }

    fn new(files: &Files, name: &str) -> hdf5::File {
        hdf5::File::create(files.path(name)).unwrap()
    }

    /// A dataset in a group, shown by a file that does not hold it.
    fn shown(files: &Files, build: impl Fn(DatasetBuilder) -> DatasetBuilder) -> Source {
        let file = new(files, "shown.h5");
        let group = file.create_group("deep").unwrap().create_group("er").unwrap();
        build(group.new_dataset_builder()).empty::<u8>().shape((4, 96, 96, 3)).create("x").unwrap();
        files.source("shown.h5")
    }

    #[test]
    fn datasets_whose_bytes_lie_in_other_files_are_refused() {
        let files = Files::new();
        files.patches("held.h5", 4, |plain| plain);
        let shape = (4, 96, 96, 3);
        let everything = Selection::All;
        let source = shown(&files, |plain| {
            plain.virtual_map("held.h5", "x", shape, everything.clone(), shape, everything.clone())
        });
        let error = told(&source);
        assert!(error.contains("shown.h5") && error.contains("`deep/er/x` is a virtual dataset"), "{error}");
        assert!(error.contains("h5repack -l CONTI"), "{error}");
        std::fs::write(files.path("x.raw"), vec![7; 4 * 27648]).unwrap();
        let raw = files.path("x.raw").display().to_string();
        let error = told(&shown(&files, |plain| plain.external(&raw, 0, 0)));
        assert!(error.contains("`deep/er/x` is a dataset with external storage"), "{error}");
    }

    #[test]
    fn links_into_other_files_are_refused_however_they_are_reached() {
        let files = Files::new();
        files.patches("held.h5", 40, |plain| plain);
        for target in ["held.h5", "gone.h5"] {
            let file = new(&files, "linked.h5");
            file.link_external(target, "x", "x").unwrap();
            drop(file);
            let error = told(&files.source("linked.h5"));
            assert!(error.contains("`x` is an external link") && error.contains("h5copy -f ext"), "{error}");
            assert!(!error.contains("truncated"), "{error}");
            // A soft link leads over a group that is an external one.
            let file = new(&files, "linked.h5");
            file.create_group("a").unwrap().link_external(target, "/", "b").unwrap();
            file.link_soft("/a/b/x", "x").unwrap();
            drop(file);
            let error = told(&files.source("linked.h5"));
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
