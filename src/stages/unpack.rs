//! Stage kind `unpack`: a file that is packed with gzip, unpacked.
//!
//! Nobody has to write it. A stage that reads such a file gets one: see `pipeline::unpacked`.

use std::path::Path;

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, Input, RunSettings, Runner, SourceFile, Stage,
    declare::parameters,
};

/// How the name of a packed file ends.
const PACKED: &str = ".gz";

parameters! {
    /// Unpacks a file.
    pub struct Unpack {
        /// A file that is packed with gzip: `x.h5.gz`.
        input file: SourceFile;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

impl Unpack {
    /// The stage that unpacks a file, if its name says that it is packed.
    #[must_use]
    pub fn of(file: &SourceFile) -> Option<Self> {
        file.path.ends_with(PACKED).then(|| Self { file: file.clone(), run: RunSettings::default() })
    }

    /// The name of the file without its folder and without what its packing and its format add.
    #[must_use]
    pub fn stem(&self) -> &str {
        let unpacked = Path::new(self.file.path.trim_end_matches(PACKED));
        unpacked.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// The name of its artifact's file. It has the extension of the unpacked file, but nothing else of its name, which is no
    /// part of a key.
    #[must_use]
    pub fn unpacked(&self) -> String {
        let unpacked = Path::new(self.file.path.trim_end_matches(PACKED));
        match unpacked.extension().and_then(|extension| extension.to_str()) {
            Some(extension) => format!("file.{extension}"),
            None => "file".to_owned(),
        }
    }
}

impl Stage for Unpack {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Engine;
    const APPETITE: Appetite = Appetite::One;
    const EQUALITY: Equality = Equality::Bitwise;

    fn inputs(&self) -> Vec<Input> {
        vec![Input::file("file", "file", &self.file)]
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![Artifact { name: "file".into(), file: self.unpacked().into(), holds: ArtifactType::Anything }]
    }

    fn check(&self, check: &mut Check<'_>) {
        let message = "`file` must be packed with gzip: its name ends with .gz";
        check.require(self.file.path.ends_with(PACKED), "file", message);
    }
}
