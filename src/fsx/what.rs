//! What an entry of a folder is. Plain data.

/// What an entry of a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A folder.
    Folder,
    /// A regular file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link, with what it says.
    Link(String),
}
