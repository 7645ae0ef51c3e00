//! Opens an HDF5 file and its datasets. Every error names the file, what was found and what is expected.

use anyhow::{Context, Result, anyhow, bail, ensure};
use hdf5::{Dataset, File, MinorErrorCode, types::TypeDescriptor};

use super::{
    elsewhere,
    library::{open, reason},
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
    /// A file that is missing, is not HDF5, is truncated, cannot be read, or has data in other files.
    pub fn open(source: &Source) -> Result<Self> {
        source.size()?;
        let file = open(&source.path).map_err(|error| why_not_opened(source, &error))?;
        elsewhere::check(&file, source)?;
        Ok(Self { source: source.clone(), file })
    }

    /// The path and name of the file.
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

    /// The root group.
    pub(super) fn root(&self) -> &hdf5::Group {
        &self.file
    }

    /// Finds a dataset by name. Values that were never written read as the fill value. The error lists the names
    /// in the file.
    pub(super) fn find(&self, name: &str) -> Result<Dataset> {
        if self.has(name) {
            let dataset = self.file.dataset(name).map_err(|error| {
                anyhow!("{}: `{name}` cannot be opened as a dataset: {}", self.source, reason(&error))
            })?;
            check_filters(&dataset).with_context(|| format!("{}: dataset `{name}`", self.source))?;
            return Ok(dataset);
        }
        let names = self.file.member_names().unwrap_or_default();
        let listed: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
        let listed = if names.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
        let near = nearest(name, names.iter().map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        bail!("{}: has no dataset `{name}`; it holds {listed}{hint}", self.source)
    }

    /// Finds a dataset of which at least a part was written.
    pub(super) fn dataset(&self, name: &str) -> Result<Dataset> {
        let dataset = self.find(name)?;
        ensure!(
            dataset.size() == 0 || dataset.storage_size() > 0,
            "{}: dataset `{name}` was never written: the file holds none of its values; make it again",
            self.source
        );
        Ok(dataset)
    }

    /// Finds a dataset that was written completely.
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
    /// This number.
    Exactly(usize),
}

impl Length {
    /// Checks the number of rows of a dataset.
    pub(super) fn check(self, found: usize, source: &Source, name: &str) -> Result<()> {
        match self {
            Self::Exactly(expected) if found != expected => {
                bail!("{source}: dataset `{name}` has {found} rows, expected {expected}")
            }
            Self::Any | Self::Exactly(_) => Ok(()),
        }
    }
}

/// Type and shape of a dataset: `uint8 [1024, 96, 96, 3]`.
pub(super) fn describe(dataset: &Dataset) -> String {
    format!("{} {:?}", kind_in_words(kind(dataset)), dataset.shape())
}

/// `uint8`.
pub(super) fn kind_in_words(kind: Option<TypeDescriptor>) -> String {
    kind.map_or_else(|| "an unusual type".to_owned(), |kind| kind.to_string())
}

/// The type of the values of a dataset, if the library has a name for it.
pub(super) fn kind(dataset: &Dataset) -> Option<TypeDescriptor> {
    dataset.dtype().ok()?.to_descriptor().ok()
}

/// Refuses compression that this build cannot undo, before anything is read.
fn check_filters(dataset: &Dataset) -> Result<()> {
    let filters = dataset.dcpl().and_then(|plist| plist.get_filters());
    let filters = filters.map_err(|error| anyhow!("the file may be damaged: {}", reason(&error)))?;
    match filters.iter().find(|filter| !filter.is_available()) {
        Some(filter) => bail!(
            "it is compressed with HDF5 filter {}, which cannot be read here; compress it with gzip: \
             h5repack -f GZIP=4 OLD.h5 NEW.h5",
            filter.id()
        ),
        None => Ok(()),
    }
}

fn why_not_opened(source: &Source, error: &hdf5::Error) -> anyhow::Error {
    if error.contains_minor(MinorErrorCode::Truncated) {
        return anyhow!(
            "{source} is truncated: its header promises more bytes than the file has; fetch or copy it again"
        );
    }
    if error.contains_minor(MinorErrorCode::NotHdf5) {
        let unknown = "its signature is missing; check that it is the right file, and complete";
        return anyhow!("{source} is not an HDF5 file: {}", foreign(&source.path).unwrap_or(unknown));
    }
    match std::fs::File::open(&source.path) {
        Err(io) => anyhow!("{source} cannot be read: {io}"),
        Ok(_) => anyhow!("{source} cannot be opened as HDF5, it may be damaged: {}", reason(error)),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::data::fixtures::{Files, damage};

    fn opening_error(source: &Source) -> String {
        format!("{:#}", H5File::open(source).unwrap_err())
    }

    #[test]
    fn the_message_says_what_a_file_is_instead_of_hdf5() {
        let files = Files::new();
        let say = |name: &str, content: &[u8]| {
            std::fs::write(files.path(name), content).unwrap();
            opening_error(&files.source(name))
        };
        assert!(say("a.h5", b"row,label\n0,1\n").contains("a.h5 ("));
        assert!(say("a.h5", b"row,label\n0,1\n").contains("is not an HDF5 file: its signature is missing"));
        assert!(
            say("b.h5", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]).contains("unpack it first (gunzip)")
        );
        assert!(say("c.h5", b"<!DOCTYPE html><html>").contains("looks like a web page"));
        assert!(say("d.h5", b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS pointer"));
        assert!(say("e.h5", b"").contains("is empty (0 bytes)"));
        assert!(opening_error(&files.source("none.h5")).contains("does not exist"));
        assert!(opening_error(&Source::at(files.path(""))).contains("is a folder"));
    }

    #[test]
    fn a_file_cut_short_is_truncated() {
        let files = Files::new();
        let source = files.patches("x.h5", 4, |plain| plain);
        let content = std::fs::read(&source.path).unwrap();
        std::fs::write(&source.path, &content[..content.len() / 2]).unwrap();
        assert!(opening_error(&source).contains("is truncated"), "{}", opening_error(&source));
    }

    /// Locks may fail on some file systems, and a process that is being started may hold one for a moment.
    #[test]
    fn a_locked_file_is_read() {
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

    /// HDF5 prints an error stack by default.
    #[test]
    fn hdf5_prints_nothing() {
        const CHILD: &str = "PCAMFLOW_TEST_QUIET_CHILD";
        if let Some(path) = std::env::var_os(CHILD) {
            let failures = (0..4).map(|_| {
                let path = path.clone();
                std::thread::spawn(move || opening_error(&Source::at(&path)))
            });
            let failures: Vec<_> = failures.collect();
            failures.into_iter().for_each(|thread| drop(thread.join().unwrap()));
            return;
        }
        let files = Files::new();
        std::fs::write(files.path("x.h5"), b"not HDF5 at all").unwrap();
        let name = concat!(module_path!(), "::hdf5_prints_nothing");
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
