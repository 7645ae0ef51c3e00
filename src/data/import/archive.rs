//! Where pictures are: the files below a folder, or the entries of a tar archive. Knows names and bytes, not pictures.

use std::{
    fs::File,
    io::{BufReader, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    data::Source,
    fsx::{self, Links, What},
};

/// The extensions of pictures, in small letters.
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp"];
/// The largest picture. 512 x 512 pixels with 4 bytes each are 1 MB.
const LARGEST: u64 = 64 << 20;

/// The pictures of a folder or an archive, sorted by path.
pub(super) struct Archive {
    source: Source,
    /// Paths from the folder, or in the archive.
    pub(super) names: Vec<String>,
    /// Files that are no pictures, by their extension.
    pub(super) others: usize,
    place: Place,
}

/// Where the bytes of the pictures are, in their order.
enum Place {
    Folder(PathBuf),
    /// Offset and length of each.
    Tar(File, Vec<(u64, u64)>),
}

impl Archive {
    /// Lists the pictures. A gzipped archive is unpacked into a file without a name in `folder`.
    ///
    /// # Errors
    /// A source that cannot be read, an archive that is damaged, two pictures of one name, no pictures.
    pub(super) fn open(source: &Source, folder: &Path) -> Result<Self> {
        let mut archive = match source.path.is_dir() {
            true => Self::of_folder(source)?,
            false => Self::of_tar(source, folder)?,
        };
        archive.sort()?;
        let (kinds, others) = (PICTURES.join(", "), archive.others);
        ensure!(!archive.names.is_empty(), "{source} has no pictures ({kinds}), but {others} other files");
        Ok(archive)
    }

    fn of_folder(source: &Source) -> Result<Self> {
        let entries = fsx::walk(&source.path, Links::Followed).with_context(|| source.to_string())?;
        let files = entries.into_iter().filter(|entry| !matches!(entry.what, What::Folder));
        let (names, others): (Vec<String>, Vec<String>) =
            files.map(|entry| entry.path).partition(|path| is_picture(path));
        let place = Place::Folder(source.path.clone());
        Ok(Self { source: source.clone(), names, others: others.len(), place })
    }

    fn of_tar(source: &Source, folder: &Path) -> Result<Self> {
        source.size()?;
        let file = File::open(&source.path).with_context(|| format!("{source} cannot be read"))?;
        let file = unzipped(file, folder).with_context(|| format!("{source} cannot be unpacked"))?;
        let damaged = || format!("{source} is neither a folder nor a whole tar archive");
        let (mut names, mut places, mut others) = (Vec::new(), Vec::new(), 0);
        let mut tar = tar::Archive::new(BufReader::new(&file));
        for entry in tar.entries().with_context(damaged)? {
            let entry = entry.with_context(damaged)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = entry.path().with_context(damaged)?.to_string_lossy().into_owned();
            match is_picture(&name) {
                true => {
                    names.push(name.trim_start_matches("./").to_owned());
                    places.push((entry.raw_file_position(), entry.size()));
                }
                false => others += 1,
            }
        }
        Ok(Self { source: source.clone(), names, others, place: Place::Tar(file, places) })
    }

    fn sort(&mut self) -> Result<()> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by(|a, b| self.names[*a].cmp(&self.names[*b]));
        self.names = order.iter().map(|&at| std::mem::take(&mut self.names[at])).collect();
        if let Place::Tar(_, places) = &mut self.place {
            *places = order.iter().map(|&at| places[at]).collect();
        }
        let twice = self.names.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(twice.is_none(), "{} has two pictures {}", self.source, twice.map_or("", |pair| &pair[0]));
        Ok(())
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// It cannot be read, or is far too large.
    pub(super) fn read(&self, at: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match &self.place {
            Place::Folder(folder) => {
                let mut file = File::open(folder.join(&self.names[at]))?;
                let size = file.metadata()?.len();
                ensure!(size <= LARGEST, "has {size} bytes, far too many for a patch");
                file.read_to_end(&mut bytes)?;
            }
            Place::Tar(file, places) => {
                let (offset, size) = places[at];
                ensure!(size <= LARGEST, "has {size} bytes, far too many for a patch");
                bytes.resize(size as usize, 0);
                file.read_exact_at(&mut bytes, offset)?;
            }
        }
        Ok(bytes)
    }
}

/// Whether a file is a picture, by its extension. Files that begin with a dot are not: they belong to a system.
fn is_picture(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    !name.starts_with('.') && extension.is_some_and(|extension| PICTURES.contains(&extension.as_str()))
}

/// The archive itself, or, if it is gzipped, its content.
fn unzipped(file: File, folder: &Path) -> Result<File> {
    let mut magic = [0; 2];
    if file.read_at(&mut magic, 0)? < 2 || magic != [0x1f, 0x8b] {
        return Ok(file);
    }
    let mut plain = tempfile::tempfile_in(folder)?;
    std::io::copy(&mut flate2::bufread::MultiGzDecoder::new(BufReader::new(file)), &mut plain)?;
    std::io::Seek::rewind(&mut plain)?;
    Ok(plain)
}
