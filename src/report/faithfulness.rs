//! `report.txt` of a comparison: everything of `summary.json`, to be read.

mod localisation;
mod remarks;
mod words;

use localisation::localisation;
use remarks::{broken, notes, odd_maps, undefined};
use words::{ends, level, name, number, three};

use super::{
    numbers::{images, level_in_percent, of_slides, thousands},
    table::{
        Column::{Left, Right},
        Table,
    },
};
use crate::metrics::faithfulness::{Measure, Protocol, Summary, Truth};

/// Areas, groups, differences, localisation, baselines, odd maps, what is undefined, and notes.
#[must_use]
pub fn faithfulness_report(summary: &Summary) -> String {
    let parts = [
        heading(summary),
        warnings(summary),
        areas(summary, "Area under the deletion curve (low is good)", Measure::Deletion),
        areas(summary, "Area under the insertion curve (high is good)", Measure::Insertion),
        groups(summary),
        differences(summary, &[Measure::Deletion, Measure::Insertion]),
        localisation(summary, Truth::CentreBox, differences),
        localisation(summary, Truth::Mask, differences),
        baselines(summary),
        odd_maps(summary),
        undefined(summary),
        notes(summary),
    ];
    let parts: Vec<&str> = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
    parts.join("\n")
}

/// What makes the areas say little, before they are said.
fn warnings(summary: &Summary) -> String {
    summary.warnings.iter().map(|warning| format!("! {}\n", broken(warning))).collect()
}

fn heading(summary: &Summary) -> String {
    let slides = of_slides(summary.slides);
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

fn areas(summary: &Summary, title: &str, measure: Measure) -> String {
    let mut table = Table::new([Left, Right, Right, Right, Right, Right]);
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
    let mut table = Table::new([Left, Left, Right, Right, Right, Right, Right]);
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
    let mut table = Table::new([Left, Left, Right, Right, Right, Left]);
    table.row(["", "", "mean", &level(summary), "p", ""]);
    let mut rows = 0;
    for &measure in measures {
        let mut first = true;
        for it in &summary.differences {
            let Some(estimate) = measure.of_difference(it).filter(|it| it.mean.is_some()) else { continue };
            let corrected = estimate.p_corrected;
            let star = corrected.is_some_and(|p| p <= 1.0 - summary.bootstrap.level);
            table.row([
                if first { measure.name() } else { String::new() },
                format!("{} minus {}", it.method, it.against),
                number(estimate.mean),
                ends(estimate.interval),
                corrected.map_or("-".to_owned(), |p| if p < 0.001 { "< 0.001".to_owned() } else { three(p) }),
                if star { "*" } else { "" }.to_owned(),
            ]);
            (first, rows) = (false, rows + 1);
        }
    }
    if rows == 0 {
        return String::new();
    }
    format!("Paired differences, image by image (p corrected for the number of all differences)\n\n{table}")
}

fn baselines(summary: &Summary) -> String {
    if summary.baselines.is_empty() {
        return String::new();
    }
    let mut table = Table::new([Left, Right, Right, Right, Right]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        Interval, MapRange,
        faithfulness::{faithfulness, fixture},
    };

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        let texts = [-0.0004, -0.0, -0.0006, 0.0004].map(|value| number(Some(value)));
        assert_eq!(texts, ["0.000", "0.000", "-0.001", "0.000"]);
        assert_eq!(ends(Some(Interval { low: -0.002, high: -0.0001 })), "-0.002 to 0.000");
    }

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
            "grad-cam minus random",
            "A star marks differences",
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
