//! The names of the stage kinds. Each kind is declared in the file of its name.

use serde::{Deserialize, Serialize};

/// Makes `Kind`, with a word and a sentence for each kind.
macro_rules! kinds {
    ( $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal , )+ ) => {
        /// The kinds of stage.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind { $( $(#[doc = $doc])+ #[serde(rename = $word)] $variant, )+ }

        impl Kind {
            /// Every kind, in the order in which pipelines use them.
            pub const ALL: [Self; [$($word),+].len()] = [ $( Self::$variant, )+ ];

            /// The word that names the kind in a pipeline file.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// One sentence about the kind.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $( Self::$variant => concat!($($doc),+).trim_ascii(), )+ }
            }
        }
    };
}

kinds! {
    /// Procedural H&E-like patches with planted evidence: no data needed.
    Synthesize = "synthesize",
    /// Files of web servers, checked by their digests: the official data, or any other.
    Fetch = "fetch",
    /// A file that is packed with gzip, unpacked; added where such a file is read.
    Unpack = "unpack",
    /// One data set from a folder or an archive of pictures.
    Import = "import",
    /// Splits one data set into training, validation and test patches, stratified.
    Split = "split",
    /// Trains a classifier from its initialisation.
    Train = "train",
    /// Trains a classifier further, as if it had never stopped.
    ResumeTrain = "resume-train",
    /// Measures a model on labelled patches.
    Evaluate = "evaluate",
    /// Maps of where a model sees the evidence, patch by patch.
    Explain = "explain",
    /// Measures whether explanations show what the model uses, and find the evidence.
    Metrics = "metrics",
    /// Tests whether an explanation depends on what the model learnt.
    Sanity = "sanity",
    /// Shows patches on a grid.
    Preview = "preview",
    /// Any program with declared inputs and artifacts, run in its own folder.
    Command = "command",
}

impl Kind {
    /// Whether an input may be a folder: a path with a slash at its end.
    #[must_use]
    pub fn reads_folders(self) -> bool {
        matches!(self, Self::Command | Self::Import)
    }

    /// The kind that a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
