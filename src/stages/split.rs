//! Stage kind `split`: training, validation and test patches from one data set.

use super::{
    Appetite, Artifact, ArtifactRef, ArtifactType, Check, DEFAULT_SEED, Equality, FileOrArtifact, Images,
    Input, Peers, RunSettings, Runner, Stage, artifact,
    declare::{choice, parameters, settings},
    file_input, peer,
};

parameters! {
    /// Draws three disjoint parts, stratified by class.
    pub struct Split {
        /// The images: HDF5 with `x` [N, S, S, 3] uint8, S the side of the patches, 32 to 512.
        input images: FileOrArtifact;
        /// The labels: HDF5 with `y`, N values 0 or 1.
        input labels: FileOrArtifact;
        /// The meta table: CSV with a column `wsi`; gives each patch its slide.
        input meta: Option<FileOrArtifact> = None;
        /// Ground-truth masks: HDF5 with `mask` [N, S, S] uint8.
        input masks: Option<FileOrArtifact> = None;
        /// The number of patches in each part.
        semantic sizes: Sizes;
        /// How the rows are drawn.
        semantic algorithm: Algorithm = Algorithm::Pcamflow;
        /// A column of the meta table: rows with the same value stay in one part. `wsi` keeps slides together.
        semantic group_by: Option<String> = None;
        /// How far the size of a part of whole groups may be from the requested size, as a share of it.
        semantic group_tolerance: f64 = 0.1;
        /// Draws other rows.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

settings! {
    /// Patches per part.
    pub struct Sizes {
        /// Patches to learn from.
        train: u64;
        /// Patches that decide which epoch is best.
        validation: u64;
        /// Patches to measure on.
        test: u64;
    }
}

choice! {
    /// How the rows are drawn.
    pub enum Algorithm {
        /// Stratified to within one patch per class; independent of platform.
        Pcamflow = "pcamflow",
        /// The same indices as scikit-learn's `train_test_split`.
        ScikitLearn = "scikit-learn",
    }
}

impl Stage for Split {
    // 2: `split.json` counts identical patches.
    const VERSION: u32 = 2;
    const CORRECTIONS: &'static [&'static str] =
        &["`split.json` counts identical patches; the parts are the same"];
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            file_input("images", &self.images, ArtifactType::Images),
            file_input("labels", &self.labels, ArtifactType::Labels),
        ];
        inputs.extend(self.meta.as_ref().map(|meta| file_input("meta", meta, ArtifactType::Meta)));
        inputs.extend(self.masks.as_ref().map(|masks| file_input("masks", masks, ArtifactType::Masks)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("train", "train.h5", ArtifactType::Patches),
            artifact("validation", "validation.h5", ArtifactType::Patches),
            artifact("test", "test.h5", ArtifactType::Patches),
            artifact("split", "split.json", ArtifactType::Numbers),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        let Sizes { train, validation, test } = self.sizes;
        check.at_least("sizes.train", train, 1);
        check.at_least("sizes.validation", validation, 1);
        check.at_least("sizes.test", test, 1);
        check.within("group-tolerance", self.group_tolerance, 0.0, 1.0);
        let grouped = self.group_by.is_some();
        check.require(
            !grouped || self.meta.is_some(),
            "group-by",
            "`group-by` needs `meta`, the table with the column",
        );
        let both = grouped && self.algorithm == Algorithm::ScikitLearn;
        check.require(!both, "group-by", "`group-by` requires `algorithm = \"pcamflow\"`");
    }
}

/// The number of patches in a part of a split, if it is known in advance. For whole groups it is not.
#[must_use]
pub(super) fn patches_of(part: &ArtifactRef, peers: &Peers<'_>) -> Option<u64> {
    let Split { sizes, group_by: None, .. } = peer::<Split>(peers, &part.stage)? else { return None };
    match part.artifact.as_deref()? {
        "train" => Some(sizes.train),
        "validation" => Some(sizes.validation),
        "test" => Some(sizes.test),
        _ => None,
    }
}

/// Checks that a stage does not set slides or masks for patches of a split, which contains them.
pub(super) fn check_own(
    given: bool,
    field: &str,
    what: &str,
    images: &Images,
    peers: &Peers<'_>,
    check: &mut Check<'_>,
) {
    let Images::Artifact(part) = images else { return };
    if peer::<Split>(peers, &part.stage).is_none() {
        return;
    }
    let message = format!("`{part}` contains its {what}: set them in `{}`", part.stage);
    check.require(!given, field, message);
}

/// Checks `take` against the number of patches, if it is known.
pub(super) fn check_take(take: Option<u32>, images: &Images, peers: &Peers<'_>, check: &mut Check<'_>) {
    let (Some(take), Images::Artifact(part)) = (take, images) else { return };
    if let Some(size) = patches_of(part, peers) {
        let message = format!(
            "`take` is {take}, but `{part}` has only {size} patches: take at most {size}, or leave `take` out"
        );
        check.require(u64::from(take) <= size, "take", message);
    }
}
