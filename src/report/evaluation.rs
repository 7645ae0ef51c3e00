//! `report.txt` of an evaluation, for people.

use super::{
    numbers::{images, level_in_percent, of_slides, thousands, units},
    table::{
        Column::{Left, Right},
        Table,
    },
};
use crate::metrics::{
    AtThreshold, Bootstrap, ChosenThreshold, Evaluation, Interval, Undefined, classification_report,
};

/// The classification report as scikit-learn prints it, the confusion matrix, every other number with
/// its interval, and undefined numbers; then the same at the chosen threshold, if there is one.
#[must_use]
pub fn evaluation_report(evaluation: &Evaluation) -> String {
    let mut text = format!(
        "{}{}, {} where the probability is above {}\n\n",
        images(evaluation.images),
        of_slides(evaluation.slides),
        evaluation.classes[1],
        evaluation.threshold
    );
    let areas = [
        ("ROC AUC", evaluation.roc_auc, evaluation.roc_auc_interval),
        ("average precision", evaluation.average_precision, evaluation.average_precision_interval),
    ];
    let others = [
        ("Matthews correlation (MCC)", evaluation.mcc),
        ("log loss", evaluation.log_loss),
        ("Brier score", evaluation.brier),
        ("expected calibration error", evaluation.ece),
    ];
    text += &at_threshold(&evaluation.at, &areas, &others, evaluation);
    text += &intervals(evaluation);
    text += &undefined(&evaluation.undefined);
    if let Some(at) = &evaluation.chosen_threshold {
        let ChosenThreshold { threshold, criterion, validation_value, validation_images } = at.chosen;
        text += &format!(
            "\nAt the threshold {threshold:.4}, which has the highest {} on {} of validation ({validation_value:.4})\n\n",
            criterion.words(),
            images(validation_images)
        );
        text += &at_threshold(&at.at, &[], &[("Matthews correlation (MCC)", at.mcc)], evaluation);
        text += &undefined(&at.undefined);
    }
    text
}

/// The classification report, the confusion matrix and a list of numbers.
fn at_threshold(
    at: &AtThreshold,
    areas: &[(&str, Option<f64>, Option<Interval>)],
    others: &[(&str, f64)],
    evaluation: &Evaluation,
) -> String {
    let mut confusion = Table::new([Left, Right, Right]);
    let classes = &evaluation.classes;
    confusion.row(["", &classes[0], &classes[1]]);
    for (name, counts) in classes.iter().zip(at.confusion.counts) {
        confusion.row([name.clone(), thousands(counts[0]), thousands(counts[1])]);
    }
    let mut numbers = Numbers {
        table: Table::new([Left, Right, Left, Right]),
        level: level_in_percent(evaluation.bootstrap.level),
    };
    numbers.shares(at);
    areas.iter().for_each(|&(name, area, interval)| numbers.row(name, area, interval, None));
    others.iter().for_each(|&(name, value)| numbers.row(name, Some(value), None, None));
    format!(
        "{}\nConfusion matrix (rows true, columns predicted)\n\n{confusion}\n{}",
        classification_report(&at.confusion, classes),
        numbers.table
    )
}

/// A table of names, values, intervals, and the number of images of a share.
struct Numbers {
    table: Table<4>,
    level: String,
}

impl Numbers {
    fn row(&mut self, name: &str, value: Option<f64>, interval: Option<Interval>, of: Option<u64>) {
        let level = &self.level;
        let value = value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}"));
        let interval = interval.map(|Interval { low, high }| format!("{level} % CI {low:.4} to {high:.4}"));
        let of = of.map(|count| format!("of {}", images(count)));
        self.table.row([name, &value, &interval.unwrap_or_default(), &of.unwrap_or_default()]);
    }

    /// The accuracy, then the shares of both classes, the positive one first.
    fn shares(&mut self, at: &AtThreshold) {
        let all = at.per_class.iter().map(|class| class.support).sum();
        self.row("accuracy", Some(at.accuracy), at.accuracy_interval, Some(all));
        for (class, name) in at.per_class.iter().zip(["specificity", "sensitivity"]).rev() {
            let recall = (class.support > 0).then_some(class.recall);
            let name = format!("{name} (recall of {})", class.class);
            self.row(&name, recall, class.recall_interval, Some(class.support));
            let precision = (class.predicted > 0).then_some(class.precision);
            let name = format!("precision of {}", class.class);
            self.row(&name, precision, class.precision_interval, Some(class.predicted));
        }
    }
}

/// How the intervals were made, and what they do not cover.
fn intervals(evaluation: &Evaluation) -> String {
    let (shares, slides) = match evaluation.slides {
        Some(slides) => (
            "Wilson's, with fewer images where those of a slide are alike",
            format!("Patches of one slide are alike: the {} slides are allowed for.", thousands(slides)),
        ),
        None => (
            "Wilson's",
            "The slides of the images are not known. Patches of one slide are alike: with several patches a \
             slide\nthe intervals are too narrow. Give the stage `meta`, or the split that it reads."
                .to_owned(),
        ),
    };
    let Bootstrap { resamples, seed, .. } = evaluation.bootstrap;
    let (units, count) = (units(evaluation.slides), thousands(resamples.into()));
    let areas = match resamples {
        0 => "none".to_owned(),
        _ => format!("percentile bootstrap over {units}, {count} resamples, seed {seed}"),
    };
    format!(
        "\nIntervals of shares: {shares}.\nIntervals of ROC AUC and average precision: {areas}.\n{slides}\n"
    )
}

fn undefined(undefined: &[Undefined]) -> String {
    if undefined.is_empty() {
        return String::new();
    }
    let lines = undefined.iter().map(|it| format!("- {}: {}\n", it.value, it.reason));
    format!("\nUndefined here (scores count as 0 above):\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics::Predictions, report::fixture};

    #[test]
    fn an_ordinary_report() {
        let mut evaluation = fixture::evaluation(4000);
        evaluation.roc_auc_interval = Some(Interval { low: 0.81, high: 0.83 });
        evaluation.at.accuracy = 0.75;
        evaluation.at.accuracy_interval = Some(Interval { low: 0.7, high: 0.8 });
        let report = evaluation_report(&evaluation);
        println!("{report}");
        assert!(report.starts_with("4,000 images, Cancerous where the probability is above 0.5\n\n"));
        assert!(report.contains(&classification_report(&evaluation.at.confusion, &evaluation.classes)));
        assert!(report.contains("  0.7500  95 % CI 0.7000 to 0.8000  of 4,000 images\n"));
        assert!(report.contains("500 resamples, seed 42"));
        assert!(!report.contains("ndefined"));
        assert!(report.lines().all(|line| line.len() < 110));
    }

    #[test]
    fn a_chosen_threshold_has_its_own_part_at_the_end() {
        let evaluation = fixture::beside_a_chosen_threshold(&fixture::predictions(4000));
        let report = evaluation_report(&evaluation);
        println!("{report}");
        let (fixed, chosen) = report.split_once("\nAt the threshold ").unwrap();
        assert_eq!(
            fixed,
            evaluation_report(&fixture::evaluation(4000)).trim_end_matches('\n').to_owned() + "\n"
        );
        assert!(
            chosen.contains(", which has the highest accuracy on 300 images of validation (0."),
            "{chosen}"
        );
        assert!(chosen.contains("precision    recall  f1-score") && chosen.contains("\naccuracy  "));
        assert!(chosen.lines().all(|line| line.len() < 110));
    }

    #[test]
    fn a_report_of_one_class_says_what_is_undefined() {
        let predictions = Predictions::new(&[0, 0, 0], &[0.1, 0.2, 0.3]).unwrap();
        let report = evaluation_report(&fixture::evaluation_of(&predictions));
        println!("{report}");
        assert!(report.contains(
            "\nspecificity (recall of Non-cancerous)     1.0000  95 % CI 0.4385 to 1.0000  of 3 images\n"
        ));
        assert!(report.contains("\n- recall of Cancerous: no image belongs to this class\n"));
    }
}
