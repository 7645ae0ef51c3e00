//! `report.txt` of a comparison: everything of `summary.json`, to be read.

use super::{
    numbers::{images, level_in_percent, thousands},
    table::{Column, Table},
};
use crate::metrics::{
    Interval,
    faithfulness::{AgainstChance, Estimate, LocalisationScores, Measure, Protocol, Summary, Truth},
};

/// Areas, groups, differences, localisation, baselines, odd maps, what is undefined, and notes.
#[must_use]
pub fn faithfulness_report(summary: &Summary) -> String {
    let parts = [
        heading(summary),
        areas(summary, "Area under the deletion curve (low is good)", Measure::Deletion),
        areas(summary, "Area under the insertion curve (high is good)", Measure::Insertion),
        groups(summary),
        differences(summary, &[Measure::Deletion, Measure::Insertion]),
        Truth::ALL.map(|truth| localisation(summary, truth)).concat(),
        baselines(summary),
        odd_maps(summary),
        undefined(summary),
        notes(summary),
    ];
    let parts: Vec<&str> = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
    parts.join("\n")
}

fn heading(summary: &Summary) -> String {
    let slides = summary.slides.map_or_else(String::new, |count| format!(" of {count} slides"));
    let protocol = match summary.protocol {
        Protocol::Ranked => "pixels in the order of the map",
        Protocol::Threshold => "pixels by a threshold of the map (protocol `threshold`)",
    };
    let intervals = match summary.bootstrap.resamples {
        0 => "no intervals".to_owned(),
        resamples => format!(
            "{} % CI: percentile bootstrap over {}, {} resamples, seed {}",
            level_in_percent(summary.bootstrap.level),
            if summary.slides.is_some() { "slides" } else { "images" },
            thousands(resamples.into()),
            summary.bootstrap.seed
        ),
    };
    format!(
        "Deletion and insertion on {}{slides}\n\
         {protocol}, {} points; deletion down to {}, insertion up from {}\n\
         {intervals}\n",
        images(summary.images),
        summary.points,
        summary.deletion_baseline,
        summary.insertion_baseline
    )
}

/// `0.123`, or a dash.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// `0.101 to 0.145`, or a dash.
fn ends(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "-".to_owned(), |ends| format!("{:.3} to {:.3}", ends.low, ends.high))
}

/// A method's name; controls are told apart.
fn name(label: &str, control: bool) -> String {
    if control { format!("{label} (control)") } else { label.to_owned() }
}

/// What stands above a column of intervals.
fn level(summary: &Summary) -> String {
    format!("{} % CI", level_in_percent(summary.bootstrap.level))
}

fn areas(summary: &Summary, title: &str, measure: Measure) -> String {
    let mut table =
        Table::new([Column::Left, Column::Right, Column::Right, Column::Right, Column::Right, Column::Right]);
    table.row(["", "mean", &level(summary), "SD", "median", "images"]);
    for method in &summary.methods {
        let Some(estimate) = measure.of(method) else { continue };
        table.row([
            name(&method.label, method.control),
            number(estimate.mean),
            ends(estimate.interval),
            number(estimate.sd),
            number(estimate.median),
            thousands(estimate.images),
        ]);
    }
    format!("{title}\n\n{table}")
}

fn groups(summary: &Summary) -> String {
    let mut table = Table::new([
        Column::Left,
        Column::Left,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
    ]);
    let level = level(summary);
    table.row(["", "", "images", "deletion", &level, "insertion", &level]);
    let groups = summary.methods.first().map_or(0, |method| method.groups.len());
    for group in 0..groups {
        for (index, method) in summary.methods.iter().enumerate() {
            let Some(it) = method.groups.get(group).filter(|group| group.images > 0) else { continue };
            let (heading, count) = if index == 0 {
                (format!("{}s", it.group.name()), thousands(it.images))
            } else {
                Default::default()
            };
            table.row([
                heading,
                name(&method.label, method.control),
                count,
                number(it.deletion.mean),
                ends(it.deletion.interval),
                number(it.insertion.mean),
                ends(it.insertion.interval),
            ]);
        }
    }
    format!("Areas by what the model made of the images (positive above {})\n\n{table}", summary.threshold)
}

/// One row per pair that has at least one of the measures.
fn differences(summary: &Summary, measures: &[Measure]) -> String {
    let mut table = Table::new([Column::Left, Column::Left, Column::Right, Column::Right, Column::Left]);
    table.row(["", "", "mean", &level(summary), ""]);
    let mut rows = 0;
    for &measure in measures {
        let mut first = true;
        for it in &summary.differences {
            let Some(estimate) = measure.of_difference(it).filter(|it| it.mean.is_some()) else { continue };
            table.row([
                if first { measure.name() } else { String::new() },
                format!("{} - {}", it.method, it.against),
                number(estimate.mean),
                ends(estimate.interval),
                verdict(estimate).to_owned(),
            ]);
            (first, rows) = (false, rows + 1);
        }
    }
    if rows == 0 {
        return String::new();
    }
    format!("Paired differences, image by image\n\n{table}")
}

/// Marks intervals that leave out 0.
fn verdict(estimate: &Estimate) -> &'static str {
    match estimate.interval {
        Some(ends) if ends.low > 0.0 || ends.high < 0.0 => "*",
        _ => "",
    }
}

fn localisation(summary: &Summary, truth: Truth) -> String {
    let mut table = Table::new([
        Column::Left,
        Column::Left,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
    ]);
    let level = level(summary);
    table.row(["", "", "mean", &level, "lift", &level, "images"]);
    let mut chances: Vec<(f64, u64)> = Vec::new();
    let scores: [(&str, fn(&LocalisationScores) -> AgainstChance); 3] =
        [("energy", |it| it.energy), ("pointing", |it| it.pointing), ("rank", |it| it.rank)];
    for (title, of) in scores {
        let methods = summary.methods.iter().filter_map(|method| Some((method, truth.of(method)?)));
        for (index, (method, scores)) in methods.enumerate() {
            let it = of(scores);
            chances.push((scores.chance, scores.images));
            table.row([
                if index == 0 { title.to_owned() } else { String::new() },
                name(&method.label, method.control),
                number(it.score.mean),
                ends(it.score.interval),
                number(it.lift),
                ends(it.lift_interval),
                thousands(it.score.images),
            ]);
        }
    }
    let Some((chance, most)) = chances.into_iter().max_by_key(|(_, images)| *images) else {
        return String::new();
    };
    let region = match truth {
        Truth::CentreBox => "the centre box",
        Truth::Mask => "true masks",
    };
    let differences =
        differences(summary, &[Measure::Energy(truth), Measure::Pointing(truth), Measure::Rank(truth)]);
    format!(
        "Localisation in {region}, {} of label 1; chance {chance:.3}; lift: mean over chance\n\n{table}\n{differences}{}",
        images(most),
        if differences.is_empty() || truth == Truth::Mask { "" } else { "\n" }
    )
}

fn baselines(summary: &Summary) -> String {
    if summary.baselines.is_empty() {
        return String::new();
    }
    let mut table = Table::new([Column::Left, Column::Right, Column::Right, Column::Right, Column::Right]);
    table.row(["", "mean", &level(summary), "lowest", "highest"]);
    for it in &summary.baselines {
        table.row([
            it.name.clone(),
            number(it.score.mean),
            ends(it.score.interval),
            number(it.low),
            number(it.high),
        ]);
    }
    format!("What the model says to the baselines (probability of the explained class)\n\n{table}")
}

fn odd_maps(summary: &Summary) -> String {
    let mut table = Table::new([Column::Left, Column::Left, Column::Right, Column::Left]);
    let mut rows = 0;
    for method in &summary.methods {
        let odd = &method.odd_maps;
        let sorts = [("zero", &odd.zero), ("constant", &odd.constant), ("not finite", &odd.not_finite)];
        for (sort, list) in sorts.into_iter().filter(|(_, list)| !list.is_empty()) {
            let count = thousands(list.len() as u64);
            table.row([method.label.clone(), sort.to_owned(), count, rows_named(list)]);
            rows += 1;
        }
    }
    if rows == 0 {
        return "Every map is finite, and none is constant.\n".to_owned();
    }
    format!(
        "Odd maps (zero and constant ones are deleted in row-major order; those not finite are left out)\n\n{table}"
    )
}

/// The first few.
fn rows_named(rows: &[i64]) -> String {
    const NAMED: usize = 10;
    let named: Vec<String> = rows.iter().take(NAMED).map(i64::to_string).collect();
    let more = rows.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{more}", if rows.len() == 1 { "row" } else { "rows" }, named.join(", "))
}

fn undefined(summary: &Summary) -> String {
    if summary.undefined.is_empty() {
        return String::new();
    }
    let lines = summary.undefined.iter().map(|it| format!("- {}: {}\n", it.value, it.reason));
    format!("Undefined here\n\n{}", lines.collect::<String>())
}

fn notes(summary: &Summary) -> String {
    let mut notes = summary.notes.clone();
    notes.push(
        "A star marks intervals of differences that leave out 0; they are not corrected for how many there are."
            .to_owned(),
    );
    let lines = notes.iter().map(|note| format!("- {}\n", broken(note)));
    format!("Notes\n\n{}", lines.collect::<String>())
}

/// Lines of at most 100 letters, indented as an item of a list.
fn broken(text: &str) -> String {
    let (mut broken, mut length) = (String::new(), 2);
    for word in text.split_whitespace() {
        if length + 1 + word.chars().count() > 100 && !broken.is_empty() {
            broken += "\n  ";
            length = 2;
        } else if !broken.is_empty() {
            broken.push(' ');
            length += 1;
        }
        broken += word;
        length += word.chars().count();
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        MapRange,
        faithfulness::{faithfulness, fixture},
    };

    #[test]
    fn says_everything_in_narrow_lines() {
        let mut comparison = fixture::comparison(40, 4);
        comparison.methods[0].explained[3].map = MapRange::Zero;
        let summary = faithfulness(&comparison).unwrap().summary;
        let report = faithfulness_report(&summary);
        println!("{report}");
        for part in [
            "Deletion and insertion on 40 images of 14 slides\n",
            "\nArea under the deletion curve (low is good)\n\n",
            "\ntrue positives  ",
            "grad-cam - random",
            "Localisation in the centre box, 20 images of label 1; chance 0.111",
            "Localisation in true masks",
            "\nblack  ",
            "\ngrad-cam  zero  1  row 103\n",
            "- energy in the mask of centre: no map has positive mass\n",
            "centre (control)",
        ] {
            assert!(report.contains(part), "{part}");
        }
        let longest = report.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 115, "{longest}");
        assert!(report.lines().all(|line| line.trim_end() == line) && !report.contains("\n\n\n"));
    }

    #[test]
    fn one_image_is_reported_too() {
        let mut comparison = fixture::comparison(1, 2);
        comparison.settings.bootstrap.resamples = 0;
        comparison.images[0].slide = None;
        let report = faithfulness_report(&faithfulness(&comparison).unwrap().summary);
        println!("{report}");
        assert!(report.contains("no intervals") && !report.contains("NaN") && !report.contains("\n\n\n"));
        assert!(report.contains("Every map is finite"));
    }
}
