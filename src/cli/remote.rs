//! Opens the store that a team shares, for the commands; nothing is asked before it is needed.

use std::path::Path;

use super::Error;
use crate::remote::{FILE, Remote, Settings, Trouble};

/// The remote of the project in a folder; `None` if it has none. `given` is `--remote`.
pub(super) fn remote_of(root: &Path, given: Option<&str>) -> Result<Option<Remote>, Error> {
    let settings = Settings::find(root, given).map_err(Error::usage)?;
    Ok(settings.map(Remote::new))
}

/// The remote of a command that is about one.
pub(super) fn required(root: &Path, given: Option<&str>) -> Result<Remote, Error> {
    remote_of(root, given)?.ok_or_else(|| {
        Error::usage(format!(
            "the project has no remote store: name one with --remote URL, PCAMFLOW_REMOTE, or in {} (`pcamflow guide \
             remote`)",
            root.join(FILE).display()
        ))
    })
}

/// Refuses a remote that is only read.
pub(super) fn writable(remote: &Remote) -> Result<(), Error> {
    let settings = remote.settings();
    match settings.reads_only() {
        true => Err(Error::usage(format!("{} is a web server, which is only read", settings.url))),
        false => Ok(()),
    }
}

/// The error of a command that is about a remote.
pub(super) fn failed(remote: &Remote, trouble: &Trouble) -> Error {
    Error::environment(format!("the remote {}: {trouble}", remote.settings().url))
}
