//! The explained patches, their true masks and their slides.

use anyhow::{Result, ensure};
use pcamflow::{
    data::{
        Source,
        h5::{H5File, Length, Rows},
    },
    metrics::Region,
    stages::metrics::{Metrics, Truth},
};

use super::Explanations;
use crate::{job::Job, jobs::images::Images};

/// The explained patches, in the order of the maps.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) images: Images,
    /// The slide of each patch, if slides are known.
    pub(super) slides: Option<Vec<String>>,
    masks: Masks,
}

/// Where the true masks are.
#[derive(Debug)]
enum Masks {
    None,
    /// In the file of the patches.
    Beside,
    /// In another file.
    File(Box<Rows>),
}

impl Subject {
    /// Finds the patches of the maps among the images.
    ///
    /// # Errors
    /// A file is invalid, the maps are of other patches, or required masks are missing.
    pub(super) fn open(job: &Job<'_>, stage: &Metrics, explanations: &Explanations) -> Result<Self> {
        let maps = explanations.first();
        let images = Images::of_maps(job, maps, maps.len())?.with_box(stage.centre_box)?;
        images.note(job);
        let slides = images.slides(job)?;
        let masks = masks(job, stage, &images)?;
        Ok(Self { images, slides, masks })
    }

    /// The pixels of some patches, [S, S, 3] each. They are read together because a packed file is
    /// unpacked in chunks of many patches.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn pixels(&self, indices: &[usize]) -> Result<Vec<Vec<u8>>> {
        let positions: Vec<usize> = indices.iter().map(|&index| self.images.positions[index]).collect();
        let bytes = self.images.set.side().bytes();
        let mut pixels = vec![0; positions.len() * bytes];
        self.images.set.read(&positions, &mut pixels)?;
        Ok(pixels.chunks_exact(bytes).map(<[u8]>::to_vec).collect())
    }

    /// Whether the true masks are known.
    pub(super) fn has_masks(&self) -> bool {
        !matches!(self.masks, Masks::None)
    }

    /// The true mask of a patch; `None` if it is unknown or empty.
    ///
    /// # Errors
    /// The file is damaged.
    pub(super) fn mask(&self, index: usize) -> Result<Option<Region>> {
        let position = self.images.positions[index];
        match &self.masks {
            Masks::None => Ok(None),
            Masks::Beside => self.images.mask_region(position),
            Masks::File(masks) => {
                let mut mask = vec![0; masks.row_bytes()];
                masks.read(&[position as u64], &mut mask)?;
                Ok(Region::from_mask(&mask).ok())
            }
        }
    }
}

fn masks(job: &Job<'_>, stage: &Metrics, images: &Images) -> Result<Masks> {
    let Images { set, name, .. } = images;
    if stage.localisation == Truth::CentreBox {
        return Ok(Masks::None);
    }
    if stage.masks.is_some() {
        let file = job.input("masks")?;
        let file = H5File::open(&Source::new(&file.path, &file.name))?;
        let masks = Rows::masks(&file, Length::Exactly(set.len()))?.of_side(set.side())?;
        return Ok(Masks::File(Box::new(masks)));
    }
    ensure!(
        set.has_masks() || stage.localisation != Truth::Masks,
        "masks are missing: {name} has none, but `localisation = \"masks\"` requires them"
    );
    Ok(if set.has_masks() { Masks::Beside } else { Masks::None })
}
