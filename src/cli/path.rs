//! `pcamflow path`: where an artifact's bytes are, for scripts.

use std::path::PathBuf;

use clap::Args;

use super::{
    Exit, complain,
    results::{Found, ResultArguments, Results, listed, with_results},
    say,
};

/// Whose path, and which.
#[derive(Debug, Args)]
pub(super) struct PathArguments {
    #[command(flatten)]
    pub(super) result: ResultArguments,
    /// Print the file below `out`, which has a file ending; an error if `out` shows another result by now
    #[arg(long)]
    pub(super) shown: bool,
}

/// Says where artifacts are, one path a line.
pub(super) fn path(arguments: &PathArguments) -> Exit {
    let told = |results: &Results<'_>| told(results, arguments.shown).err().unwrap_or(Exit::Done);
    with_results(&arguments.result, false, told)
}

/// Where an artifact can be read: its object; of a folder, which is stored packed, and where that is asked
/// for, what `out` shows of it.
fn place(results: &Results<'_>, found: &Found<'_>, shown: bool) -> Result<PathBuf, Exit> {
    let Found { result, name, artifact } = found;
    if !artifact.is_folder() && !shown {
        return Ok(results.engine.store().lend(&artifact.digest));
    }
    results.engine.shown_as(&results.out, &result.stage, artifact).ok_or_else(|| {
        let what = format!("{}/{name}", result.stage);
        let packed = if artifact.is_folder() { " is a folder, which the store keeps packed, and it" } else { "" };
        complain(&format!(
            "error: `{what}`{packed} is not shown below {} as it was made: `{}` shows it again, `pcamflow export` \
             copies it",
            results.out.display(),
            results.engine.run_of(&result.stage)
        ));
        Exit::Failed
    })
}

fn told(results: &Results<'_>, shown: bool) -> Result<(), Exit> {
    if let (None, Some(first)) = (results.artifact, results.all.first()) {
        let stage = &first.stage;
        complain(&format!("error: which artifact of `{stage}`? {}: write `{stage}/NAME`", listed(first)));
        return Err(Exit::Usage);
    }
    let found = results.artifacts()?;
    found.iter().try_for_each(|found| results.is_here(found))?;
    for found in found {
        say(&place(results, &found, shown)?.display().to_string());
    }
    Ok(())
}
