//! What a stage may read: artifacts of other stages, or source files.
//!
//! Where a stage or an artifact is expected, a string names one, and a table names files. References are resolved
//! elsewhere.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{ArtifactRef, Kind, StageName, declare::table};
use crate::digest::Digest;

/// A source file. Its path is relative to `[pipeline] data` unless it is absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    /// The path as written. A folder, where one may be read, has a slash at its end.
    pub path: String,
    /// The pinned content digest: keys can then be made without the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake3: Option<Digest>,
}

table! {
    /// A file, with its content pinned.
    struct PinnedFile {
        /// The path, relative to the folder of the source files.
        #[serde(deserialize_with = "local_path")]
        path: String;
        /// The BLAKE3 digest of its content: keys can be made without the file.
        blake3: Option<Digest> = None;
    }
}

impl From<PinnedFile> for SourceFile {
    fn from(file: PinnedFile) -> Self {
        Self { path: file.path, blake3: file.blake3 }
    }
}

/// An artifact or a file: `"synthesize.patches/images"`, `"x.h5"`, `{ path = "x.h5", blake3 = "..." }`.
///
/// A string that begins with a stage kind and a dot names a stage, unless it is the plain name of a file of a known
/// format, such as `train.h5`; any other is a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FileOrArtifact {
    /// Made by another stage.
    Artifact(ArtifactRef),
    /// A source file.
    File(SourceFile),
}

table! {
    /// Images and labels in two files.
    #[derive(Eq)]
    pub struct SourcePair {
        /// HDF5 with the dataset `x` [N, S, S, 3] uint8.
        x: FileOrArtifact;
        /// HDF5 with the dataset `y`, N labels 0 or 1.
        y: FileOrArtifact;
    }
}

/// Labelled patches: `"split.pcam/test"` or `{ x = "...", y = "..." }` of files or artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Images {
    /// One part of a split.
    Artifact(ArtifactRef),
    /// Images and labels in two files.
    Files(SourcePair),
}

/// Patches to look at: `"split.pcam/test"`, or `{ x = "...", y = "..." }` of files or artifacts. `y` may be
/// absent if the labels come from somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Samples {
    /// One part of a split.
    Artifact(ArtifactRef),
    /// Images and labels in two files.
    Files(SampleFiles),
}

table! {
    /// Images, with or without their labels.
    #[derive(Eq)]
    pub struct SampleFiles {
        /// HDF5 with the dataset `x` [N, S, S, 3] uint8.
        x: FileOrArtifact;
        /// HDF5 with the dataset `y`, N labels 0 or 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        y: Option<FileOrArtifact> = None;
    }
}

/// The data of a training: `"split.pcam"`, or two pairs of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TrainingData {
    /// The training and validation parts of a split.
    Split(StageName),
    /// Source files.
    Files(Box<TrainingFiles>),
}

table! {
    /// Training and validation patches from files.
    #[derive(Eq)]
    pub struct TrainingFiles {
        /// The patches to learn from.
        train: SourcePair;
        /// The patches that decide which epoch is best.
        validation: SourcePair;
    }
}

/// Reads a type that is written as a string or as a table, and makes its schema. Serde's own `untagged` would
/// not report what is wrong and where.
macro_rules! string_or_table {
    ($type:ty, $expecting:literal, $string:ty => $from_string:expr, $table:ty => $from_table:expr) => {
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use ::serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
                struct Either;
                impl<'de> Visitor<'de> for Either {
                    type Value = $type;
                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        let from_string: fn(&str) -> Result<$type, String> = $from_string;
                        from_string(text).map_err(E::custom)
                    }
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$type, A::Error> {
                        <$table as ::serde::Deserialize>::deserialize(MapAccessDeserializer::new(map))
                            .map($from_table)
                    }
                }
                deserializer.deserialize_any(Either)
            }
        }

        impl $crate::stages::Schema for $type {
            fn schema() -> ::serde_json::Value {
                use $crate::stages::{Schema, schema::either};
                either([<$string as Schema>::schema(), <$table as Schema>::schema()])
            }
        }
    };
}

pub(super) use string_or_table;

string_or_table!(SourceFile, "a path, or { path = \"...\", blake3 = \"...\" }",
    String => source_file,
    PinnedFile => SourceFile::from);
string_or_table!(FileOrArtifact, "a path, an artifact such as \"synthesize.patches/images\", or { path = \"...\" }",
    String => file_or_artifact,
    PinnedFile => |file| FileOrArtifact::File(file.into()));
string_or_table!(Images, "an artifact such as \"split.pcam/test\", or { x = \"...\", y = \"...\" }",
    ArtifactRef => |text| artifact(text, |file| format!("{{ x = {file:?}, y = \"...\" }}")).map(Images::Artifact),
    SourcePair => Images::Files);
string_or_table!(Samples, "an artifact such as \"split.pcam/test\", or { x = \"...\", y = \"...\" }",
    ArtifactRef => |text| artifact(text, |file| format!("{{ x = {file:?} }}")).map(Samples::Artifact),
    SampleFiles => Samples::Files);
string_or_table!(TrainingData, "a stage such as \"split.pcam\", or { train = { x, y }, validation = { x, y } }",
    StageName => |text| artifact(text, |file| {
        format!("{{ train = {{ x = {file:?}, y = \"...\" }}, validation = {{ x = \"...\", y = \"...\" }} }}")
    }).map(TrainingData::Split),
    TrainingFiles => |files| TrainingData::Files(Box::new(files)));

fn source_file(text: &str) -> Result<SourceFile, String> {
    local(text).map(|path| SourceFile { path, blake3: None })
}

fn file_or_artifact(text: &str) -> Result<FileOrArtifact, String> {
    let is_file = !text.contains('/') && FORMATS.iter().any(|format| text.ends_with(format));
    match names_a_stage(text) && !is_file {
        true => text.parse().map(FileOrArtifact::Artifact),
        false => source_file(text).map(FileOrArtifact::File),
    }
}

fn names_a_stage(text: &str) -> bool {
    text.split_once('.').is_some_and(|(kind, _)| Kind::from_word(kind).is_some())
}

/// A reference to a stage or an artifact. For a file in its place, the error shows the `form` to write.
pub(super) fn artifact<T: FromStr<Err = String>>(text: &str, form: fn(&str) -> String) -> Result<T, String> {
    let is_file = text.contains('/') || FORMATS.iter().any(|format| text.ends_with(format));
    match text.parse() {
        Err(_) if is_file && !names_a_stage(text) => {
            let file = local(text)?;
            Err(format!("`{file}` is a file, but a string here names a stage: write {}", form(&file)))
        }
        read => read,
    }
}

/// Extensions by which a file is recognised where a stage is expected.
const FORMATS: [&str; 8] = [".h5", ".hdf5", ".safetensors", ".pt", ".pth", ".ckpt", ".torchscript", ".csv"];

/// A path on this machine, not a URL.
fn local(text: &str) -> Result<String, String> {
    match text.contains("://") {
        true => Err(format!(
            "`{text}` is a URL, and only local files are read: download it in a `fetch` stage, and name its artifact"
        )),
        false => Ok(text.to_owned()),
    }
}

fn local_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    local(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        images: Images,
        file: FileOrArtifact,
    }

    #[test]
    fn strings_and_tables_are_both_read() {
        let text = "images = { x = 'a.h5', y = { path = 'b.h5' } }\nfile = 'split_x.h5'";
        let table: Table = toml::from_str(text).unwrap();
        assert!(matches!(table.images, Images::Files(pair)
            if matches!(&pair.y, FileOrArtifact::File(file) if file.path == "b.h5")));
        assert!(matches!(table.file, FileOrArtifact::File(file) if file.path == "split_x.h5"));
    }

    #[test]
    fn a_string_that_begins_with_a_kind_names_a_stage() {
        let text = "images = 'split.a/test'\nfile = 'synthesize.patches/images'";
        let table: Table = toml::from_str(text).unwrap();
        assert!(matches!(table.images, Images::Artifact(_)));
        assert!(matches!(table.file, FileOrArtifact::Artifact(_)));
        let table: Table =
            toml::from_str("images = { x = 'train.h5', y = 'train.y.h5' }\nfile = 'split.csv'").unwrap();
        assert!(matches!(table.file, FileOrArtifact::File(_)));
        let Images::Files(pair) = table.images else { panic!("{:?}", table.images) };
        assert!(matches!((pair.x, pair.y), (FileOrArtifact::File(_), FileOrArtifact::File(_))));
    }

    #[test]
    fn a_url_is_not_a_file_and_a_file_is_not_a_stage() {
        let error = |images: &str, file: &str| {
            toml::from_str::<Table>(&format!("images = {images}\nfile = {file}"))
                .err()
                .unwrap()
                .message()
                .to_owned()
        };
        for (images, file) in [
            ("'https://host/x.h5'", "'a'"),
            ("{ x = 'https://host/x.h5', y = 'y' }", "'a'"),
            ("'split.a/test'", "'s3://bucket/x.h5'"),
            ("'split.a/test'", "{ path = 'https://host/x.h5' }"),
        ] {
            assert!(
                error(images, file).contains("is a URL, and only local files are read"),
                "{images} {file}"
            );
        }
        let written = "write { x = \"x.h5\", y = \"...\" }";
        assert!(error("'x.h5'", "'a'").ends_with(written), "{}", error("'x.h5'", "'a'"));
        assert!(error("'model.x'", "'a'").contains("there is no stage kind `model`"));
    }

    #[test]
    fn a_wrong_key_in_the_table_form_keeps_its_name_in_the_error() {
        let error = toml::from_str::<Table>("images = { x = 'a.h5', z = 'b.h5' }\nfile = 'a'").err().unwrap();
        assert!(error.message().contains("unknown field `z`"), "{error}");
    }
}
