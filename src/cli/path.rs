//! `pcamflow path`: where an artifact's bytes are, for scripts.

use std::path::PathBuf;

use super::{
    Exit, complain,
    results::{Found, ResultArguments, Results, listed, with_results},
    say,
};

/// Says where artifacts are, one path a line.
pub(super) fn path(arguments: &ResultArguments) -> Exit {
    with_results(arguments, false, |results| told(results).err().unwrap_or(Exit::Done))
}

/// Where an artifact can be read: its object; of a folder, which is stored packed, what `out` shows of it.
fn place(results: &Results<'_>, found: &Found<'_>) -> Result<PathBuf, Exit> {
    let Found { result, name, artifact } = found;
    if !artifact.is_folder() {
        return Ok(results.engine.object(artifact));
    }
    results.engine.shown_as(&results.out, &result.stage, artifact).ok_or_else(|| {
        let what = format!("{}/{name}", result.stage);
        complain(&format!(
            "error: `{what}` is a folder, which the store keeps packed, and it is not shown below {} as it was made: \
             `pcamflow run` shows it again, `pcamflow export` copies it",
            results.out.display()
        ));
        Exit::Failed
    })
}

fn told(results: &Results<'_>) -> Result<(), Exit> {
    if let (None, Some(first)) = (results.artifact, results.all.first()) {
        let stage = &first.stage;
        complain(&format!("error: which artifact of `{stage}`? {}: write `{stage}/NAME`", listed(first)));
        return Err(Exit::Usage);
    }
    let found = results.artifacts()?;
    found.iter().try_for_each(|found| results.is_here(found))?;
    for found in found {
        say(&place(results, &found)?.display().to_string());
    }
    Ok(())
}
