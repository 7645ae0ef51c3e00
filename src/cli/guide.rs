//! `pcamflow guide`: prints a page of the guide, or the list of its topics.
//!
//! Knows neither the pages' contents nor how they are shown.

use clap::Args;

use super::{Exit, Outcome, complain};
use crate::{
    guide::{PAGES, Page},
    nearest::nearest,
    ui,
};

/// What to read about.
#[derive(Debug, Args)]
pub(super) struct GuideArguments {
    /// The page to print [default: a list of all topics]
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
}

/// Prints a page or the topics.
pub(super) fn guide(arguments: &GuideArguments) -> Outcome {
    match &arguments.topic {
        None => ui::guide::topics(PAGES),
        Some(topic) => match Page::about(topic) {
            Some(page) => ui::guide::page(page),
            None => return Ok(unknown(topic)),
        },
    }
    Ok(Exit::Done)
}

/// Says that there is no such topic, and which ones there are.
fn unknown(topic: &str) -> Exit {
    let topics = topics();
    let similar = nearest(topic, topics.iter().map(String::as_str));
    let advice = similar.map(|similar| format!(": did you mean `{similar}`?")).unwrap_or_default();
    complain(&format!("error: there is no topic `{topic}`{advice}"));
    complain(&ui::listed("the topics", &topics));
    Exit::Usage
}

/// The topics of all pages.
pub(super) fn topics() -> Vec<String> {
    PAGES.iter().map(|page| page.topic.to_owned()).collect()
}
