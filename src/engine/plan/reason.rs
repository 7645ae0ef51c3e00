//! Why a stage runs, may run or cannot run. Plans, events and records show its text.

use std::fmt;

/// Why a stage is planned as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Why {
    /// The command line forces it.
    Forced,
    /// It never had a result.
    NeverRan,
    /// Its result is no longer in the store.
    Removed,
    /// Its result is damaged.
    Damaged,
    /// The store has put its result aside, for this reason.
    Lost(String),
    /// These are the differences from its last result.
    Changed(String),
    /// Its result is known, but its bytes are missing and needed.
    BytesNeeded,
    /// The bytes of this artifact are missing, and this stage needs them.
    BytesNeededBy { artifact: String, reader: String },
    /// This artifact, which it reads, may turn out to be different.
    MayChange(String),
    /// This stage, which runs, has the same key.
    SameAs(String),
    /// This stage, which it reads, cannot run.
    MakerCannotRun(String),
    /// This source file is missing.
    SourceAbsent(String),
    /// Two reasons at once.
    Both(Box<Why>, Box<Why>),
    /// A reason to run, unless its result turns out to be that of this stage, or one in the store.
    Unless(Box<Why>, Option<String>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => f.write_str("forced"),
            Self::NeverRan => f.write_str("never ran"),
            Self::Removed => f.write_str("its last result was removed from the store"),
            Self::Damaged => f.write_str("its result was damaged or lost"),
            Self::Lost(text) | Self::Changed(text) => f.write_str(text),
            Self::BytesNeeded => f.write_str("its bytes are not in this store, and are needed"),
            Self::BytesNeededBy { artifact, reader } => {
                write!(f, "the bytes of `{artifact}` are not in this store, and `{reader}` needs them")
            }
            Self::MayChange(artifact) => write!(f, "`{artifact}` may change"),
            Self::SameAs(stage) => write!(f, "the same as `{stage}`, which runs"),
            Self::MakerCannotRun(maker) => write!(f, "`{maker}` cannot run"),
            Self::SourceAbsent(source) => write!(f, "`{source}` is not here, and is needed"),
            Self::Both(one, other) => write!(f, "{one}, and {other}"),
            Self::Unless(why, None) => write!(f, "{why}, but may turn out the same as a result in the store"),
            Self::Unless(why, Some(stage)) => write!(f, "{why}, but may turn out the same as `{stage}`"),
        }
    }
}
