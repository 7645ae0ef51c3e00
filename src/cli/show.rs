//! `pcamflow show`: a stage's result, or what is in one of its artifacts.

use clap::Args;

use super::{
    Exit, complain,
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
    /// Whose.
    #[command(flatten)]
    pub(super) result: ResultArguments,
    /// Show the first N rows of a table
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) rows: usize,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    pub(super) json: bool,
}

/// Shows results, or contents.
pub(super) fn show(arguments: &ShowArguments) -> Exit {
    let mode = if arguments.json { ui::Mode::Json } else { ui::Mode::Auto };
    with_results(&arguments.result, false, |results| match results.artifact {
        Some(_) => contents(results, arguments.rows, mode).err().unwrap_or(Exit::Done),
        None => {
            stages(results, mode);
            Exit::Done
        }
    })
}

fn stages(results: &Results<'_>, mode: ui::Mode) {
    for (place, result) in results.all.iter().enumerate() {
        if place > 0 && mode != ui::Mode::Json {
            say("");
        }
        let absent = |name: &str| {
            let artifact = result.record.as_ref()?.artifacts.get(name)?;
            results.engine.absence(result, artifact)
        };
        ui::result(mode, result, &absent);
    }
}

fn contents(results: &Results<'_>, rows: usize, mode: ui::Mode) -> Result<(), Exit> {
    for found in results.artifacts()? {
        results.is_here(&found)?;
        let Found { result, name, artifact } = found;
        let path = results.engine.store().lend(&artifact.digest);
        let content = inspect::inspect(&path, &artifact.file, rows).map_err(|error| {
            complain(&format!("error: `{}/{name}`: {error:#}", result.stage));
            Exit::Failed
        })?;
        let shown = match content {
            // A picture is for viewers, and those go by the ending of a name.
            Content::Picture { .. } => results.engine.shown_as(&results.out, &result.stage, artifact),
            _ if artifact.is_folder() => results.engine.shown_as(&results.out, &result.stage, artifact),
            _ => None,
        };
        let of = ui::OfArtifact {
            artifact: format!("{}/{name}", result.stage),
            file: artifact.file.to_string(),
            bytes: artifact.size,
            path: shown.unwrap_or(path).display().to_string(),
            content,
        };
        ui::content(mode, &of);
    }
    Ok(())
}
