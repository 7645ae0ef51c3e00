//! `pcamflow path`: where an artifact's bytes are, for scripts.

use super::{
    Exit, complain,
    results::{ResultArguments, Results, listed, with_results},
    say,
};

/// Says where artifacts are, one path a line.
pub(super) fn path(arguments: &ResultArguments) -> Exit {
    with_results(arguments, false, |results| told(results).err().unwrap_or(Exit::Done))
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
        say(&results.engine.object(found.artifact).display().to_string());
    }
    Ok(())
}
