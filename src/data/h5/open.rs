//! Opening an HDF5 file and its datasets.
//!
//! Turns whatever HDF5 has to say into one message: the file, what was found, what is expected.

use std::{io::Read, path::Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use hdf5::{Dataset, File, MinorErrorCode, types::TypeDescriptor};

use super::{
    elsewhere,
    library::{open, told},
};
use crate::{data::Source, fsx::foreign, nearest::nearest};

/// An opened HDF5 file.
#[derive(Debug, Clone)]
pub struct H5File {
    source: Source,
    file: File,
}

impl H5File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// A path that leads to no file; a file that is not HDF5, is truncated or cannot be read; one whose data lies
    /// in other files.
    pub fn open(source: &Source) -> Result<Self> {
        source.size()?;
        let file = open(&source.path).map_err(|error| why_not_opened(source, &error))?;
        elsewhere::check(&file, source)?;
        Ok(Self { source: source.clone(), file })
    }

    /// The file's path and name.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether the file has an object of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.file.link_exists(name)
    }

    /// Whether the file has an attribute of this name.
    #[must_use]
    pub fn has_attribute(&self, name: &str) -> bool {
        self.file.attr_names().is_ok_and(|names| names.iter().any(|known| known == name))
    }

    /// The group that holds everything.
    pub(super) fn root(&self) -> &hdf5::Group {
        &self.file
    }

    /// An attribute of the file.
    pub(super) fn attribute(&self, name: &str) -> Option<hdf5::Attribute> {
        self.file.attr(name).ok()
    }

    /// A dataset by name, as it is: what was never written of it reads as its fill value. The error lists what the
    /// file has instead.
    pub(super) fn find(&self, name: &str) -> Result<Dataset> {
        if self.has(name) {
            let dataset = self.file.dataset(name).map_err(|error| {
                anyhow!("{}: `{name}` cannot be opened as a dataset: {}", self.source, told(&error))
            })?;
            return check_filters(&dataset)
                .with_context(|| format!("{}: dataset `{name}`", self.source))
                .map(|()| dataset);
        }
        let names = self.file.member_names().unwrap_or_default();
        let listed = if names.is_empty() { "nothing".to_owned() } else { quoted(&names) };
        let near = nearest(name, names.iter().map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        bail!("{}: has no dataset `{name}`; it holds {listed}{hint}", self.source)
    }

    /// A dataset by name of which at least a part was written.
    pub(super) fn dataset(&self, name: &str) -> Result<Dataset> {
        let dataset = self.find(name)?;
        ensure!(
            dataset.size() == 0 || dataset.storage_size() > 0,
            "{}: dataset `{name}` was never written: the file holds none of its values; make it again",
            self.source
        );
        Ok(dataset)
    }

    /// A dataset by name that was written as a whole.
    pub(super) fn whole(&self, name: &str) -> Result<Dataset> {
        let dataset = self.dataset(name)?;
        if let (Some(written), Some(chunk)) = (dataset.num_chunks(), dataset.chunk()) {
            let along = |(size, chunk): (usize, usize)| size.div_ceil(chunk.max(1));
            let all: usize = dataset.shape().into_iter().zip(chunk).map(along).product();
            ensure!(
                written == all,
                "{}: dataset `{name}`: {} of its {all} chunks were never written; make the file again",
                self.source,
                all - written.min(all)
            );
        }
        Ok(dataset)
    }
}

/// How many rows a dataset should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Any number.
    Any,
    /// As many as something else has.
    Exactly(usize),
}

/// What a dataset holds, in HDF5's terms: `uint8 [1024, 96, 96, 3]`.
pub(super) fn describe(dataset: &Dataset) -> String {
    let kind = kind(dataset).map_or_else(|| "an unusual type".to_owned(), |kind| kind.to_string());
    format!("{kind} {:?}", dataset.shape())
}

/// The number format of a dataset, where the library has a word for it.
pub(super) fn kind(dataset: &Dataset) -> Option<TypeDescriptor> {
    dataset.dtype().ok()?.to_descriptor().ok()
}

/// Compression that this build cannot undo is told before anything is read.
fn check_filters(dataset: &Dataset) -> Result<()> {
    let filters = dataset.dcpl().and_then(|plist| plist.get_filters());
    let filters = filters.map_err(|error| anyhow!("the file may be damaged: {}", told(&error)))?;
    match filters.iter().find(|filter| !filter.is_available()) {
        Some(filter) => bail!(
            "it is packed with {}, which cannot be read here; repack it with gzip: \
             h5repack -f GZIP=4 OLD.h5 NEW.h5",
            filter_name(filter.id())
        ),
        None => Ok(()),
    }
}

/// The filters that people meet, by their registered numbers.
fn filter_name(id: i32) -> String {
    let name = match id {
        4 => "szip",
        307 => "bzip2",
        32000 => "LZF",
        32001 => "Blosc",
        32004 => "LZ4",
        32008 => "bitshuffle",
        32013 => "ZFP",
        32015 => "Zstandard",
        32026 => "Blosc2",
        _ => return format!("HDF5 filter {id}"),
    };
    format!("{name} (HDF5 filter {id})")
}

fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    text.join(", ")
}

fn why_not_opened(source: &Source, error: &hdf5::Error) -> anyhow::Error {
    if is_part(&source.path) {
        return anyhow!(
            "{source} is one of several files that are one HDF5 file together, and no digest covers the others; \
             copy them into one file with h5repart or h5repack"
        );
    }
    if error.contains_minor(MinorErrorCode::Truncated) {
        return anyhow!(
            "{source} is truncated: its header promises more bytes than the file has; fetch or copy it again"
        );
    }
    if error.contains_minor(MinorErrorCode::NotHdf5) {
        let instead = foreign(&source.path);
        let instead =
            instead.unwrap_or("its signature is missing; check that it is the right file, and whole");
        return anyhow!("{source} is not an HDF5 file: {instead}");
    }
    if error.contains_minor(MinorErrorCode::CantLockFile) {
        return anyhow!("{source} is locked: another program is writing it; wait until it is done");
    }
    match std::fs::File::open(&source.path) {
        Err(io) => anyhow!("{source} cannot be read: {io}"),
        Ok(_) => anyhow!("{source} cannot be opened as HDF5, it may be damaged: {}", told(error)),
    }
}

/// Whether the drivers `family`, `multi` or `split` made a file: they cut one HDF5 file into several, and leave
/// their names in its head.
fn is_part(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(1024).read_to_end(&mut head));
    read.is_ok() && head.windows(8).any(|name| name == b"NCSAfami" || name == b"NCSAmult")
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::data::fixtures::{Files, damage};

    fn told(source: &Source) -> String {
        format!("{:#}", H5File::open(source).unwrap_err())
    }

    #[test]
    fn files_that_are_something_else_say_what_they_are() {
        let files = Files::new();
        let say = |name: &str, content: &[u8]| {
            std::fs::write(files.path(name), content).unwrap();
            told(&files.source(name))
        };
        assert!(say("a.h5", b"row,label\n0,1\n").contains("a.h5 ("));
        assert!(say("a.h5", b"row,label\n0,1\n").contains("is not an HDF5 file: its signature is missing"));
        assert!(
            say("b.h5", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]).contains("unpack it first (gunzip)")
        );
        assert!(say("c.h5", b"<!DOCTYPE html><html>").contains("looks like a web page"));
        assert!(say("d.h5", b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS pointer"));
        assert!(say("e.h5", b"").contains("is empty (0 bytes)"));
        assert!(told(&files.source("none.h5")).contains("does not exist"));
        assert!(told(&Source::at(files.path(""))).contains("is a folder"));
    }

    #[test]
    fn a_part_of_a_file_in_several_parts_is_named_as_such() {
        let files = Files::new();
        let path = files.path("x%d.h5");
        let file = hdf5::File::with_options()
            .with_fapl(|plist| plist.family_options(1 << 20))
            .create(&path)
            .unwrap();
        file.new_dataset_builder().with_data(&crate::data::fixtures::patches(60)).create("x").unwrap();
        drop(file);
        let error = told(&files.source("x0.h5"));
        assert!(error.contains("x0.h5") && error.contains("one of several files"), "{error}");
    }

    #[test]
    fn a_file_cut_short_is_truncated() {
        let files = Files::new();
        let source = files.patches("x.h5", 4, |plain| plain);
        let content = std::fs::read(&source.path).unwrap();
        std::fs::write(&source.path, &content[..content.len() / 2]).unwrap();
        assert!(told(&source).contains("is truncated"), "{}", told(&source));
    }

    /// On a file system whose locks do not work, or while a process that is being started holds one.
    #[test]
    fn a_lock_that_another_holds_is_no_obstacle() {
        let files = Files::new();
        let source = files.patches("x.h5", 1, |plain| plain);
        let other = std::fs::File::open(&source.path).unwrap();
        other.lock().unwrap();
        assert_eq!(H5File::open(&source).unwrap().dataset("x").unwrap().shape(), [1, 96, 96, 3]);
    }

    #[test]
    fn a_damaged_header_is_an_error() {
        let files = Files::new();
        let source = files.patches("x.h5", 1, |plain| plain);
        damage(&source.path, 8..600);
        let error = H5File::open(&source).and_then(|file| file.dataset("x").map(drop)).unwrap_err();
        assert!(format!("{error:#}").contains("x.h5"), "{error:#}");
    }

    #[test]
    fn a_missing_dataset_lists_what_is_there() {
        let files = Files::new();
        let source = files.with("x.h5", "X", &ArrayD::<u8>::zeros(vec![2]), |plain| plain);
        let file = H5File::open(&source).unwrap();
        let error = file.dataset("x").unwrap_err().to_string();
        assert!(error.ends_with("has no dataset `x`; it holds `X`; did you mean `X`?"), "{error}");
        let empty = files.source("empty.h5");
        drop(hdf5::File::create(&empty.path).unwrap());
        let error = H5File::open(&empty).unwrap().dataset("y").unwrap_err().to_string();
        assert!(error.ends_with("has no dataset `y`; it holds nothing"), "{error}");
    }

    #[test]
    fn a_group_is_not_a_dataset() {
        let files = Files::new();
        hdf5::File::create(files.path("x.h5")).unwrap().create_group("x").unwrap();
        let error = H5File::open(&files.source("x.h5")).unwrap().dataset("x").unwrap_err().to_string();
        assert!(error.contains("`x` cannot be opened as a dataset"), "{error}");
    }

    /// HDF5 prints an error stack by default, and holds that switch per process.
    #[test]
    fn nothing_is_printed_beside_the_error() {
        const CHILD: &str = "PCAMFLOW_TEST_QUIET_CHILD";
        if let Some(path) = std::env::var_os(CHILD) {
            let failures = (0..4).map(|_| {
                let path = path.clone();
                std::thread::spawn(move || told(&Source::at(&path)))
            });
            let failures: Vec<_> = failures.collect();
            failures.into_iter().for_each(|thread| drop(thread.join().unwrap()));
            return;
        }
        let files = Files::new();
        std::fs::write(files.path("x.h5"), b"not HDF5 at all").unwrap();
        let name = concat!(module_path!(), "::nothing_is_printed_beside_the_error");
        let name = name.split_once("::").unwrap().1;
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, files.path("x.h5"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && String::from_utf8_lossy(&child.stdout).contains("1 passed"));
        assert!(!printed.contains("HDF5-DIAG") && !printed.contains("H5F"), "{printed}");
    }
}
