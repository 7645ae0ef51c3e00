//! Stage kind `import`: images in the official layout, from a folder or an archive of pictures.

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, FileOrArtifact, Input, RunSettings, Runner, Stage,
    artifact,
    declare::{choice, parameters, settings},
    file_input,
};
use crate::side::Side;

parameters! {
    /// Makes one data set of pictures (PNG, JPEG, TIFF, BMP), in the order of their paths.
    pub struct Import {
        /// The pictures: a folder (a path with a slash at the end), or a tar archive, gzipped or not. A path that begins
        /// with `./` is relative to the project's folder, any other to the folder of the source files.
        input images: FileOrArtifact;
        /// The labels: CSV with a line for each picture (default: each picture is in a folder that names its class).
        input labels: Option<FileOrArtifact> = None;
        /// The columns of `labels`.
        semantic columns: Columns = Columns::default();
        /// The words for the classes 0 and 1, in the table or as names of folders.
        semantic class_words: [String; 2] = ["0".to_owned(), "1".to_owned()];
        /// A regular expression whose first group finds the slide or patient in the path of a picture, such as
        /// `"^([^/]+)/"`. Needed only without a column for it.
        semantic group_pattern: Option<String> = None;
        /// Rows and columns of every picture, 32 to 512 (default: those of the first one).
        semantic side: Option<u32> = None;
        /// What to do with pictures that are damaged, have another size or no label.
        semantic bad_images: BadImages = BadImages::Refuse;
        /// What to do with identical pictures in both classes.
        semantic contradictions: Contradictions = Contradictions::Refuse;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

settings! {
    /// The columns of a table of labels.
    pub struct Columns {
        /// The picture: its file name with or without extension, or its path.
        id: String = "id".to_owned();
        /// Its class.
        label: String = "label".to_owned();
        /// Its slide or patient, if the table has a column for it.
        group: Option<String> = None;
    }
}

choice! {
    /// What to do with pictures that cannot be used.
    pub enum BadImages {
        /// The stage fails and names all of them.
        Refuse = "refuse",
        /// They are left out and named.
        Drop = "drop",
    }
}

choice! {
    /// What to do with identical pictures that have different labels.
    pub enum Contradictions {
        /// The stage fails and names them.
        Refuse = "refuse",
        /// All of them are kept, and counted.
        Keep = "keep",
    }
}

impl Stage for Import {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![file_input("images", &self.images, ArtifactType::Anything)];
        inputs
            .extend(self.labels.as_ref().map(|labels| file_input("labels", labels, ArtifactType::Anything)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("images", "images.h5", ArtifactType::Images),
            artifact("labels", "labels.h5", ArtifactType::Labels),
            artifact("meta", "meta.csv", ArtifactType::Meta),
            artifact("import", "import.json", ArtifactType::Numbers),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        let [negative, positive] = &self.class_words;
        let words = !negative.is_empty() && !positive.is_empty() && negative != positive;
        check.require(
            words,
            "class-words",
            "`class-words` must be two different words: of class 0 and of class 1",
        );
        if let Some(side) = self.side {
            check.within("side", side.into(), Side::LEAST as f64, Side::MOST as f64);
        }
        if let Some(Err(wrong)) = self.group_pattern.as_deref().map(groups) {
            check.require(false, "group-pattern", wrong);
        }
        let both = self.group_pattern.is_some() && self.columns.group.is_some();
        check.require(
            !both,
            "group-pattern",
            "`group-pattern` and `columns.group` both name the slides: keep one",
        );
        let used = self.labels.is_some() || self.columns == Columns::default();
        check.require(used, "columns", "`columns` are those of `labels`, the table that is missing");
    }
}

/// The regular expression of a `group-pattern`.
///
/// # Errors
/// It is none, or has no group.
pub fn groups(pattern: &str) -> Result<regex_lite::Regex, String> {
    let regex = regex_lite::Regex::new(pattern)
        .map_err(|error| format!("`group-pattern` cannot be read: {error}"))?;
    match regex.captures_len() > 1 {
        true => Ok(regex),
        false => Err("`group-pattern` needs a group in parentheses: what it matches is the slide or patient"
            .to_owned()),
    }
}
