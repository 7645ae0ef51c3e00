//! Stage kind `preview`: a grid of patches, to look at the data before training.

use super::{
    Appetite, Artifact, ArtifactType, CentreBox, Check, DEFAULT_SEED, Equality, FileOrArtifact, Input, Peers,
    RunSettings, Runner, Samples, Stage, artifact, declare::parameters, default_classes, file_input,
    split::patches_of,
};

parameters! {
    /// Draws some patches and shows them with their labels.
    pub struct Preview {
        /// The patches: one part of a split, or images and labels in two files.
        input images: Samples;
        /// The meta table: CSV with some of the official columns, which are shown. Its labels are used if
        /// `images` has none.
        input meta: Option<FileOrArtifact> = None;
        /// Ground-truth masks, shown as outlines: HDF5 with `mask` [N, S, S] uint8. A part of a split may
        /// contain masks.
        input masks: Option<FileOrArtifact> = None;
        /// Rows of the grid.
        semantic rows: u32 = 4;
        /// Columns of the grid.
        semantic columns: u32 = 4;
        /// Whether both classes get the same number of patches, to within one.
        semantic balanced: bool = true;
        /// The side of the centre box that labels describe, in pixels; `"none"` if they describe whole patches (default:
        /// 32 of patches of 96x96, none of others).
        inherited centre_box: CentreBox = CentreBox::Auto;
        /// The names of the classes 0 and 1.
        inherited classes: [String; 2] = default_classes();
        /// Draws other patches.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

/// The most rows and columns: a picture cannot show more patches.
const MOST: f64 = 20.0;

impl Stage for Preview {
    // 2: pictures have another typeface.
    // 3: the class 0 is "Non-cancerous" if it has no name.
    const VERSION: u32 = 3;
    const CORRECTIONS: &'static [&'static str] =
        &["pictures have another typeface", "the class 0 is `Non-cancerous` if it has no name"];
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = match &self.images {
            Samples::Artifact(part) => vec![Input::artifact("images", "images", part, ArtifactType::Patches)],
            Samples::Files(files) => {
                let labels = files.y.as_ref().map(|y| below_images("y", y, ArtifactType::Labels));
                let images = below_images("x", &files.x, ArtifactType::Images);
                [images].into_iter().chain(labels).collect()
            }
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
        self.centre_box.check(check);
        let labelled = match &self.images {
            Samples::Artifact(_) => true,
            Samples::Files(files) => files.y.is_some() || self.meta.is_some(),
        };
        check.require(
            labelled,
            "images",
            "patches need labels: set `y`, or set `meta` to a table with the column `center_tumor_patch`",
        );
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        let Samples::Artifact(part) = &self.images else { return };
        let room = u64::from(self.rows) * u64::from(self.columns);
        if let Some(size) = patches_of(part, peers) {
            let message = format!(
                "the grid has room for {room} patches, but `{part}` has only {size}: make `rows` or `columns` \
                 smaller"
            );
            check.require(room <= size, "rows", message);
        }
    }
}

fn below_images(part: &str, value: &FileOrArtifact, expected: ArtifactType) -> Input {
    Input { slot: format!("images.{part}"), ..file_input("images", value, expected) }
}
