//! The table of repeats: the mean and spread of each main number over the seeds.
//!
//! A pure function from a run's summary to a text; the engine computes the numbers.

use std::path::Path;

use super::{
    View, format,
    paint::Tone,
    table::{Cell, Table, cell},
};
use crate::engine::tell::{
    event::Summary,
    repeats::{Repeated, Spread},
};

/// A table for each list of seeds, each followed by an empty line.
#[must_use]
pub(super) fn text(summary: &Summary, view: &View) -> String {
    let mut lists: Vec<&[u64]> = Vec::new();
    for repeated in &summary.repeats {
        if !lists.contains(&repeated.seeds.as_slice()) {
            lists.push(&repeated.seeds);
        }
    }
    let table = |seeds: &&[u64]| {
        let all = summary.repeats.iter();
        let of_these: Vec<&Repeated> = all.filter(|repeated| repeated.seeds == *seeds).collect();
        let (head, table) = (heading(seeds, &summary.out, view), table(&of_these, view));
        format!("{head}{table}{}\n", missing(&of_these, view))
    };
    lists.iter().map(table).collect()
}

/// `over seeds 1, 2, 3 (out/mini/repeats.csv)`.
fn heading(seeds: &[u64], out: &Path, view: &View) -> String {
    let over = view.paint.tone(Tone::Strong, &format!("over {}", named(seeds)));
    let file = format!("({})", super::seen_from_here(&out.join("repeats.csv")));
    format!("{over} {}\n", view.paint.tone(Tone::Faint, &file))
}

fn table(repeats: &[&Repeated], view: &View) -> String {
    let mut table = Table::headed("llrrrrr", ["stage", "number", "mean", "SD", "min", "max", "n"]);
    for repeated in repeats {
        for (index, number) in repeated.numbers.iter().enumerate() {
            let stage = if index == 0 { repeated.stage.as_str() } else { "" };
            table.row(row(stage, number));
        }
    }
    table.text(view)
}

fn row(stage: &str, number: &Spread) -> [Cell; 7] {
    let decimals = number.sd.and_then(format::decimals_of);
    let value = |value| Cell::from(format::with_decimals(value, decimals));
    [
        format::clean(stage).into(),
        format::one_line(&number.name).into(),
        value(number.mean),
        value(number.sd),
        value(number.min),
        value(number.max),
        cell(Tone::Faint, number.n.to_string()),
    ]
}

/// A line for each stage that has no result for some seeds.
fn missing(repeats: &[&Repeated], view: &View) -> String {
    let incomplete = repeats.iter().filter(|repeated| !repeated.missing.is_empty());
    let line = |repeated: &&Repeated| {
        let Repeated { stage, missing, seeds, .. } = repeated;
        let (there, all) = (seeds.len() - missing.len(), seeds.len());
        let text = format!("{stage}: {there} of {all}: no result of {}", named(missing));
        view.paint.tone(Tone::Warning, &text) + "\n"
    };
    incomplete.map(line).collect()
}

/// `seed 2`, `seeds 1, 2, 3`, `20 seeds`.
fn named(seeds: &[u64]) -> String {
    const FEW: usize = 10;
    let all: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match seeds {
        [one] => format!("seed {one}"),
        few if few.len() <= FEW => format!("seeds {}", all.join(", ")),
        many => format::plural(many.len(), "seed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{paint::Paint, testing};

    fn repeated(stage: &str, seeds: &[u64], missing: &[u64], numbers: Vec<Spread>) -> Repeated {
        Repeated { stage: stage.into(), seeds: seeds.into(), missing: missing.into(), numbers }
    }

    fn shown(repeats: Vec<Repeated>) -> String {
        let summary = Summary { repeats, ..testing::summary(Vec::new()) };
        text(&summary, &View { paint: Paint::OFF, width: None })
    }

    #[test]
    fn digits_follow_the_spread_and_missing_results_are_named() {
        let accuracy = vec![Some(0.934), Some(0.93), Some(0.938)];
        let train =
            vec![Spread::of("validation-accuracy", accuracy), Spread::of("best-epoch", vec![Some(4.0); 3])];
        let test = vec![
            Spread::of("accuracy", vec![Some(0.91), None, Some(0.92)]),
            Spread::of("AUC", vec![None; 3]),
        ];
        let text = shown(vec![
            repeated("train.base", &[1, 2, 3], &[], train),
            repeated("evaluate.test", &[1, 2, 3], &[2], test),
        ]);
        let expected = "\
over seeds 1, 2, 3 (out/mini/repeats.csv)
stage          number                 mean      SD     min     max  n
train.base     validation-accuracy  0.9340  0.0040  0.9300  0.9380  3
               best-epoch                4       0       4       4  3
evaluate.test  accuracy             0.9150  0.0071  0.9100  0.9200  2
               AUC                       -       -       -       -  0
evaluate.test: 2 of 3: no result of seed 2

";
        assert_eq!(text, expected);
    }

    #[test]
    fn each_list_of_seeds_has_its_table_and_one_seed_has_no_spread() {
        let numbers = || vec![Spread::of("loss", vec![Some(0.25)])];
        let text =
            shown(vec![repeated("train.a", &[1], &[], numbers()), repeated("train.b", &[2], &[], numbers())]);
        assert_eq!(text.matches("over seed ").count(), 2, "{text}");
        assert!(text.contains("train.b  loss    0.25   -  0.25  0.25  1\n"), "{text}");
        assert_eq!(shown(Vec::new()), "");
    }
}
