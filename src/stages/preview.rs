//! Stage kind `preview`: a grid of patches to look at before anything is learnt from them.

use super::{
    Appetite, Artifact, ArtifactRef, ArtifactType, Check, DEFAULT_SEED, Equality, FileOrArtifact, Input,
    Origin, Peers, RunSettings, Runner, Samples, Stage, artifact, declare::parameters, default_classes,
    file_input, split::patches_of,
};

parameters! {
    /// Draws some patches and shows them with their labels.
    pub struct Preview {
        /// The patches: one part of a split, or images and labels apart.
        input images: Samples;
        /// The meta table: CSV with the official columns, of which it shows what there is. Says the
        /// labels where `images` has none.
        input meta: Option<FileOrArtifact> = None;
        /// Ground-truth masks, outlined: HDF5 with `mask` [N, 96, 96] uint8. A part of a split may have
        /// its own.
        input masks: Option<FileOrArtifact> = None;
        /// Rows of the grid.
        semantic rows: u32 = 4;
        /// Columns of the grid.
        semantic columns: u32 = 4;
        /// Whether it shows as many of either class, to within one; else whatever is drawn.
        semantic balanced: bool = true;
        /// What the classes 0 and 1 are called.
        inherited classes: [String; 2] = default_classes();
        /// Draws other patches.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

/// Rows and columns at most: more patches than that are no picture, but a data set.
const MOST: f64 = 20.0;

impl Stage for Preview {
    // 2: pictures have another typeface.
    const VERSION: u32 = 2;
    const CORRECTIONS: &'static [&'static str] = &["pictures have another typeface"];
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = match &self.images {
            Samples::Artifact(reference) => vec![part(reference)],
            Samples::Files(files) => [
                Some(below_images("x", &files.x, ArtifactType::Images)),
                files.y.as_ref().map(|labels| below_images("y", labels, ArtifactType::Labels)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        inputs.extend(self.meta.as_ref().map(|meta| file_input("meta", meta, ArtifactType::Meta)));
        inputs.extend(self.masks.as_ref().map(|masks| file_input("masks", masks, ArtifactType::Masks)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("grid", "grid.png", ArtifactType::Picture),
            artifact("grid-svg", "grid.svg", ArtifactType::Picture),
            artifact("rows", "rows.csv", ArtifactType::Table),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within("rows", self.rows.into(), 1.0, MOST);
        check.within("columns", self.columns.into(), 1.0, MOST);
        let labelled = match &self.images {
            Samples::Artifact(_) => true,
            Samples::Files(files) => files.y.is_some() || self.meta.is_some(),
        };
        check.require(
            labelled,
            "images",
            "patches need labels: name them as `y`, or as `meta` the table whose `center_tumor_patch` says them",
        );
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        let (Samples::Artifact(part), room) = (&self.images, u64::from(self.rows) * u64::from(self.columns))
        else {
            return;
        };
        if let Some(size) = patches_of(part, peers) {
            let message = format!(
                "the grid has room for {room} patches, but `{part}` has only {size}: make `rows` or `columns` \
                 smaller"
            );
            check.require(room <= size, "rows", message);
        }
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}

fn part(reference: &ArtifactRef) -> Input {
    let from = Origin::Artifact { reference: reference.clone(), wants: ArtifactType::Patches };
    Input { slot: "images".to_owned(), field: "images", from }
}

fn below_images(part: &str, value: &FileOrArtifact, wants: ArtifactType) -> Input {
    Input { slot: format!("images.{part}"), ..file_input("images", value, wants) }
}
