//! Checks the store that a team shares: whether it answers, accepts the credentials, and can be written if it has to be.

use super::finding::Finding;
use crate::{
    cli::{
        args::DoctorArguments,
        project::{here, root_of},
        remote::remote_of,
    },
    remote::{Remote, Trouble},
};

const CHECK: &str = "remote";

/// Nothing if the project has no remote.
pub(super) fn findings(arguments: &DoctorArguments) -> Option<Finding> {
    let root = root_of(arguments.file.as_deref().unwrap_or(here())).ok()?;
    match remote_of(&root, arguments.remote.as_deref()) {
        Ok(remote) => remote.as_ref().map(check),
        Err(error) => Some(Finding::wrong(CHECK, error.message())),
    }
}

fn check(remote: &Remote) -> Finding {
    let settings = remote.settings();
    let url = &settings.url;
    if let Err(trouble) = remote.check() {
        return wrong(url, &trouble);
    }
    match settings.push.then(|| remote.check_writing()) {
        None => Finding::ok(CHECK, format!("{url} answers; results are not pushed")),
        Some(Ok(())) => Finding::ok(CHECK, format!("{url} answers, and can be written")),
        Some(Err(trouble)) => Finding::missing(
            CHECK,
            format!("{url} answers, but cannot be written: {trouble}"),
            "set `push = false` in pcamflow.toml, or PCAMFLOW_REMOTE_PUSH=false, if it is only to be read",
        ),
    }
}

fn wrong(url: &str, trouble: &Trouble) -> Finding {
    let advice = match trouble {
        Trouble::Refused(_) => {
            "give credentials where the provider's own tools look for them, or set `anonymous = true`"
        }
        Trouble::Unreachable(_) => "check the network, `endpoint` and `timeout`",
        _ => "check the URL (`pcamflow guide remote`)",
    };
    Finding::missing(CHECK, format!("{url}: {trouble}"), advice)
}
