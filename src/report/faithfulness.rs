//! `report.txt` of a comparison: all of `summary.json`, for people.

mod localisation;
mod remarks;
mod words;

use localisation::localisation;
use remarks::{broken, notes, odd_maps, undefined};
use words::{ends, level, name, number, three};

use super::{
    numbers::{images, of_slides, thousands, units},
    table::{
        Column::{Left, Right},
        Table,
    },
};
use crate::metrics::faithfulness::{Measure, Protocol, Summary, Truth};

/// Areas, groups, differences, localisation, baselines, odd maps, undefined numbers, and notes.
#[must_use]
pub fn faithfulness_report(summary: &Summary) -> String {
    let measures = |truth| [Measure::Energy(truth), Measure::Pointing(truth), Measure::Rank(truth)];
    let parts = [
        heading(summary),
        summary.warnings.iter().map(|warning| format!("! {}\n", broken(warning))).collect(),
        areas(summary, "Area under the deletion curve (low is good)", Measure::Deletion),
        areas(summary, "Area under the insertion curve (high is good)", Measure::Insertion),
        groups(summary),
        differences(summary, &[Measure::Deletion, Measure::Insertion]),
        localisation(summary, Truth::CentreBox),
        differences(summary, &measures(Truth::CentreBox)),
        localisation(summary, Truth::Mask),
        differences(summary, &measures(Truth::Mask)),
        baselines(summary),
        odd_maps(summary),
        undefined(summary),
        notes(summary),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn heading(summary: &Summary) -> String {
    let protocol = match summary.protocol {
        Protocol::Ranked => "pixels in the order of the map",
        Protocol::Threshold => "pixels by a threshold of the map (protocol `threshold`)",
    };
    let intervals = match summary.bootstrap.resamples {
        0 => "no intervals".to_owned(),
        resamples => format!(
            "{}: percentile bootstrap over {}, {} resamples, seed {}",
            level(summary),
            units(summary.slides),
            thousands(resamples.into()),
            summary.bootstrap.seed
        ),
    };
    format!(
        "Deletion and insertion on {}{}\n\
         {protocol}, {} points; deletion down to {}, insertion up from {}\n\
         {intervals}\n",
        images(summary.images),
        of_slides(summary.slides),
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
            name(method),
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
            let first = (format!("{}s", it.group.name()), thousands(it.images));
            let (heading, count) = if index == 0 { first } else { Default::default() };
            table.row([
                heading,
                name(method),
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

/// One row for each pair that has at least one of the measures.
fn differences(summary: &Summary, measures: &[Measure]) -> String {
    let mut table = Table::new([Left, Left, Right, Right, Right, Left]);
    let p = |p: f64| if p < 0.001 { "< 0.001".to_owned() } else { three(p) };
    for &measure in measures {
        let mut name = measure.name();
        for it in &summary.differences {
            let Some(estimate) = measure.of_difference(it).filter(|it| it.mean.is_some()) else { continue };
            if table.is_empty() {
                table.row(["", "", "mean", &level(summary), "p", ""]);
            }
            let corrected = estimate.p_corrected;
            let star = corrected.is_some_and(|p| p <= 1.0 - summary.bootstrap.level);
            table.row([
                std::mem::take(&mut name),
                format!("{} minus {}", it.method, it.against),
                number(estimate.mean),
                ends(estimate.interval),
                corrected.map_or("-".to_owned(), p),
                if star { "*" } else { "" }.to_owned(),
            ]);
        }
    }
    if table.is_empty() {
        return String::new();
    }
    format!("Paired differences, image by image (p corrected for the pairs of a measure)\n\n{table}")
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
    fn one_image_has_a_report() {
        let mut comparison = fixture::comparison(1, 2);
        comparison.settings.bootstrap.resamples = 0;
        comparison.images[0].slide = None;
        let report = faithfulness_report(&faithfulness(&comparison).unwrap().summary);
        println!("{report}");
        assert!(report.contains("no intervals") && !report.contains("NaN") && !report.contains("\n\n\n"));
        assert!(report.contains("Every map is finite"));
    }
}
