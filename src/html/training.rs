//! The trainings: curves, and the numbers of every epoch.

use maud::{Markup, html};

use super::{
    Report, Training,
    layout::{cell, decimal, figure, percent, table},
    measures::link,
};
use crate::{metrics::Epoch, ui::format};

pub(super) fn section(report: &Report) -> Option<Markup> {
    (!report.trainings.is_empty()).then(|| html! { @for training in &report.trainings { (of(training)) } })
}

fn of(training: &Training) -> Markup {
    let best = training.history.best().map(|best| best.epoch);
    html! {
        h3 { (training.stage) }
        p { (words(training)) }
        @if let Some(picture) = &training.picture { div.pictures.detailed { (figure(&format!("Loss and accuracy of {}", training.stage), picture)) } }
        details {
            summary { "Every epoch" }
            (epochs(training, best))
        }
    }
}

fn words(training: &Training) -> String {
    let count = training.history.epochs.len();
    let mut words = format::plural(count, "epoch");
    if let Some(parameters) = training.parameters {
        words = format!("{} parameters, {words}", format::count(parameters));
    }
    if let Some(best) = training.history.best() {
        words += &format!(
            "; the best is epoch {}: validation loss {:.3}, validation accuracy {}",
            best.epoch,
            best.validation_loss,
            percent(best.validation_accuracy)
        );
    }
    if let Some(rates) = rates(training) {
        words += &format!("; {rates}");
    }
    if let Some(first) = training.resumed_at {
        words += &format!("; resumed at epoch {first}");
    }
    if let Some(seconds) = training.seconds {
        words += &format!("; {}", format::duration(seconds));
        let own = count + 1 - training.resumed_at.map_or(1, |first| first as usize).min(count);
        if let Some(patches) = training.patches.filter(|_| seconds > 0.0) {
            words += &format!(", {}", format::rate(patches as f64 * own as f64 / seconds, "patches"));
        }
    }
    words + "."
}

/// The learning rate of an epoch; empty in results of older versions.
fn rate(epoch: &Epoch) -> String {
    epoch.learning_rate.map(format::number).unwrap_or_default()
}

/// `learning rate 0.001`, or how it changes from the first epoch to the last.
fn rates(training: &Training) -> Option<String> {
    let epochs = &training.history.epochs;
    let (first, last) = (rate(epochs.first()?), rate(epochs.last()?));
    match first == last {
        _ if last.is_empty() => None,
        true => Some(format!("learning rate {first}")),
        false => Some(format!("learning rate {first} in the first epoch and {last} in the last")),
    }
}

fn epochs(training: &Training, best: Option<u32>) -> Markup {
    let row = |epoch: &Epoch| {
        let marks = [
            (best == Some(epoch.epoch)).then_some("best"),
            (training.resumed_at == Some(epoch.epoch)).then_some("resumed here"),
        ];
        vec![
            cell(epoch.epoch.to_string()),
            cell(decimal(Some(epoch.train_loss))),
            cell(decimal(Some(epoch.validation_loss))),
            cell(percent(epoch.train_accuracy)),
            cell(percent(epoch.validation_accuracy)),
            cell(rate(epoch)),
            cell(marks.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        ]
    };
    let rows: Vec<Vec<Markup>> = training.history.epochs.iter().map(row).collect();
    let heads = [
        cell("epoch"),
        link("loss", "training loss"),
        link("loss", "validation loss"),
        link("accuracy", "training accuracy"),
        link("accuracy", "validation accuracy"),
        cell("learning rate"),
        cell(""),
    ];
    table(&format!("Epochs of {}", training.stage), &heads, &rows)
}
