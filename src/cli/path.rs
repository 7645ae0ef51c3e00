//! `pcamflow path`: prints the path of an artifact, for scripts.

use std::path::PathBuf;

use clap::Args;

use super::{
    Error, Exit, Outcome,
    results::{Found, ResultArguments, Results, listed, with_results},
    say,
};

/// The artifact, and which of its paths to print.
#[derive(Debug, Args)]
pub(super) struct PathArguments {
    #[command(flatten)]
    result: ResultArguments,
    /// Print the file below `out`, which has a file ending; an error if `out` now shows another result
    #[arg(long)]
    shown: bool,
}

/// Prints the paths of artifacts, one per line.
pub(super) fn path(arguments: &PathArguments) -> Outcome {
    with_results(&arguments.result, false, |results| {
        if let (None, Some(first)) = (results.artifact, results.all.first()) {
            let stage = &first.stage;
            let choices = listed(first);
            return Err(Error::usage(format!(
                "which artifact of `{stage}`? {choices}: write `{stage}/NAME`"
            )));
        }
        for found in results.artifacts()? {
            say(&path_of(results, &found, arguments.shown)?.display().to_string());
        }
        Ok(Exit::Done)
    })
}

/// The object in the store, or the file below `out`. Folders are packed in the store and only have the latter.
fn path_of(results: &Results<'_>, found: &Found<'_>, shown: bool) -> Result<PathBuf, Error> {
    let Found { result, name, artifact } = found;
    if !artifact.is_folder() && !shown {
        return Ok(results.engine.store().lend(&artifact.digest).path().to_owned());
    }
    results.engine.shown_as(&results.out, &result.stage, artifact).ok_or_else(|| {
        let packed = if artifact.is_folder() { " is a folder, which the store keeps packed, and it" } else { "" };
        Error::failed(format!(
            "`{}/{name}`{packed} is not shown below {} as it was made: `{}` shows it again, `pcamflow export` \
             copies it",
            result.stage,
            results.out.display(),
            results.engine.run_of(&result.stage)
        ))
    })
}
