//! `pcamflow show`: shows the result of a stage, or the contents of an artifact.

use clap::Args;

use super::{
    Error, Exit, Outcome,
    results::{Found, ResultArguments, Results, with_results},
    say,
};
use crate::{
    inspect::{self, Content},
    ui,
};

/// What to show.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The stage or artifact.
    #[command(flatten)]
    result: ResultArguments,
    /// Show the first N rows of a table
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// Shows results or contents.
pub(super) fn show(arguments: &ShowArguments) -> Outcome {
    with_results(&arguments.result, false, |results| match results.artifact {
        Some(_) => contents(results, arguments.rows, arguments.json),
        None => Ok(stages(results, arguments.json)),
    })
}

fn stages(results: &Results<'_>, json: bool) -> Exit {
    for (place, result) in results.all.iter().enumerate() {
        if place > 0 && !json {
            say("");
        }
        let absent = |name: &str| {
            let artifact = result.record.as_ref()?.artifacts.get(name)?;
            results.engine.absence(result, artifact)
        };
        ui::result(json, result, &absent);
    }
    Exit::Done
}

fn contents(results: &Results<'_>, rows: usize, json: bool) -> Outcome {
    for Found { result, name, artifact } in results.artifacts()? {
        let path = results.engine.store().lend(&artifact.digest).path().to_owned();
        let artifact_name = format!("{}/{name}", result.stage);
        let content = inspect::inspect(&path, &artifact.file, rows)
            .map_err(|error| Error::failed(format!("`{artifact_name}`: {error:#}")))?;
        // Viewers need the file ending of a picture, and a folder is packed in the store.
        let below_out = artifact.is_folder() || matches!(content, Content::Picture { .. });
        let shown =
            below_out.then(|| results.engine.shown_as(&results.out, &result.stage, artifact)).flatten();
        let shown = ui::Artifact {
            artifact: artifact_name,
            file: artifact.file.to_string(),
            bytes: artifact.size,
            path: shown.unwrap_or(path).display().to_string(),
            content,
        };
        ui::artifact(json, &shown);
    }
    Ok(Exit::Done)
}
