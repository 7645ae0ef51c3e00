//! `report.txt`: an evaluation to be read.

use super::{
    numbers::{images, level_in_percent, of_slides, thousands},
    table::{Column, Table},
};
use crate::metrics::{
    AtChosenThreshold, Bootstrap, ChosenThreshold, ClassScores, ConfusionMatrix, Evaluation, Interval,
    Undefined, classification_report,
};

/// The classification report as scikit-learn prints it, the confusion matrix, every other number with
/// its interval, and what is undefined.
#[must_use]
pub fn evaluation_report(evaluation: &Evaluation) -> String {
    let mut text = format!(
        "{}{}, {} where the probability is above {}\n\n",
        images(evaluation.images),
        of_slides(evaluation.slides),
        evaluation.classes[1],
        evaluation.threshold
    );
    text += &classification_report(&evaluation.confusion, &evaluation.classes);
    text += "\nConfusion matrix (rows true, columns predicted)\n\n";
    text += &confusion(&evaluation.confusion, &evaluation.classes);
    text += "\n";
    text += &numbers(evaluation);
    text += &intervals(evaluation);
    text += &undefined(&evaluation.undefined);
    text += &evaluation.chosen_threshold.as_ref().map(|at| chosen(at, evaluation)).unwrap_or_default();
    text
}

/// The same images at the threshold that was chosen on others.
fn chosen(at: &AtChosenThreshold, evaluation: &Evaluation) -> String {
    let ChosenThreshold { threshold, criterion, validation_value, validation_images } = at.chosen;
    let mut text = format!(
        "\nAt the threshold {threshold:.4}, which has the highest {} on {} of validation ({validation_value:.4})\n\n",
        criterion.words(),
        images(validation_images)
    );
    text += &classification_report(&at.confusion, &evaluation.classes);
    text += "\nConfusion matrix (rows true, columns predicted)\n\n";
    text += &confusion(&at.confusion, &evaluation.classes);
    text += "\n";
    let mut numbers = Numbers::new(evaluation);
    numbers.shares(at.accuracy, at.accuracy_interval, &at.per_class);
    numbers.row("Matthews correlation (MCC)", Some(at.mcc), None);
    text += &numbers.table.to_string();
    text + &undefined(&at.undefined)
}

fn confusion(matrix: &ConfusionMatrix, classes: &[String; 2]) -> String {
    let [negative, positive] = classes;
    let mut table = Table::new([Column::Left, Column::Right, Column::Right]);
    table.row(["", negative.as_str(), positive.as_str()]);
    for (name, counts) in classes.iter().zip(matrix.counts) {
        table.row([name.clone(), thousands(counts[0]), thousands(counts[1])]);
    }
    table.to_string()
}

/// Names, values, intervals, and of how many images a share is, below each other.
struct Numbers {
    table: Table<4>,
    level: f64,
}

impl Numbers {
    fn new(evaluation: &Evaluation) -> Self {
        let table = Table::new([Column::Left, Column::Right, Column::Left, Column::Right]);
        Self { table, level: evaluation.bootstrap.level }
    }

    fn row(&mut self, name: &str, value: Option<f64>, interval: Option<Interval>) {
        self.share(name.to_owned(), value, interval, None);
    }

    /// A share of so many images.
    fn share(&mut self, name: String, value: Option<f64>, interval: Option<Interval>, of: Option<u64>) {
        let level = level_in_percent(self.level);
        let value = value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}"));
        let interval = interval.map(|Interval { low, high }| format!("{level} % CI {low:.4} to {high:.4}"));
        let of = of.map(|count| format!("of {}", images(count)));
        self.table.row([name, value, interval.unwrap_or_default(), of.unwrap_or_default()]);
    }

    /// The accuracy, and the shares of both classes, the positive one first.
    fn shares(&mut self, accuracy: f64, interval: Option<Interval>, classes: &[ClassScores; 2]) {
        let all = classes.iter().map(|class| class.support).sum();
        self.share("accuracy".to_owned(), Some(accuracy), interval, Some(all));
        for (class, name) in classes.iter().zip(["specificity", "sensitivity"]).rev() {
            let recall = (class.support > 0).then_some(class.recall);
            let name = format!("{name} (recall of {})", class.class);
            self.share(name, recall, class.recall_interval, Some(class.support));
            let precision = (class.predicted > 0).then_some(class.precision);
            let name = format!("precision of {}", class.class);
            self.share(name, precision, class.precision_interval, Some(class.predicted));
        }
    }
}

fn numbers(evaluation: &Evaluation) -> String {
    let mut numbers = Numbers::new(evaluation);
    numbers.shares(evaluation.accuracy, evaluation.accuracy_interval, &evaluation.per_class);
    let mut row = |name: &str, value, interval| numbers.row(name, value, interval);
    row("ROC AUC", evaluation.roc_auc, evaluation.roc_auc_interval);
    row("average precision", evaluation.average_precision, evaluation.average_precision_interval);
    row("Matthews correlation (MCC)", Some(evaluation.mcc), None);
    row("log loss", Some(evaluation.log_loss), None);
    row("Brier score", Some(evaluation.brier), None);
    row("expected calibration error", Some(evaluation.ece), None);
    numbers.table.to_string()
}

/// How the intervals were made, and of what to be careful.
fn intervals(evaluation: &Evaluation) -> String {
    let (shares, units, slides) = match evaluation.slides {
        Some(slides) => (
            "Wilson's, with fewer images where those of a slide are alike",
            "slides",
            format!("Patches of one slide are alike: the {} slides are allowed for.", thousands(slides)),
        ),
        None => (
            "Wilson's",
            "images",
            "The slides of the images are not known. Patches of one slide are alike: with several patches a \
             slide\nthe intervals are too narrow. Give the stage `meta`, or the split that it reads."
                .to_owned(),
        ),
    };
    let Bootstrap { resamples, seed, .. } = evaluation.bootstrap;
    let areas = match resamples {
        0 => "none".to_owned(),
        _ => format!(
            "percentile bootstrap over {units}, {} resamples, seed {seed}",
            thousands(resamples.into())
        ),
    };
    format!(
        "\nIntervals of shares: {shares}.\nIntervals of ROC AUC and average precision: {areas}.\n{slides}\n"
    )
}

fn undefined(undefined: &[Undefined]) -> String {
    if undefined.is_empty() {
        return String::new();
    }
    let mut text = "\nUndefined here (scores count as 0 above):\n".to_owned();
    for item in undefined {
        text += &format!("- {}: {}\n", item.value, item.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics::Predictions, report::fixture};

    #[test]
    fn an_ordinary_report() {
        let mut evaluation = fixture::evaluation(4000);
        evaluation.roc_auc_interval = Some(Interval { low: 0.81, high: 0.83 });
        evaluation.accuracy = 0.75;
        evaluation.accuracy_interval = Some(Interval { low: 0.7, high: 0.8 });
        let report = evaluation_report(&evaluation);
        println!("{report}");
        assert!(report.starts_with("4,000 images, Cancerous where the probability is above 0.5\n\n"));
        assert!(report.contains(&classification_report(&evaluation.confusion, &evaluation.classes)));
        assert!(report.contains("  0.7500  95 % CI 0.7000 to 0.8000  of 4,000 images\n"));
        assert!(report.contains("500 resamples, seed 42"));
        assert!(!report.contains("ndefined"));
        assert!(report.lines().all(|line| line.len() < 110));
    }

    #[test]
    fn a_chosen_threshold_has_a_part_of_its_own_at_the_end() {
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
            "\nspecificity (recall of Non cancerous)     1.0000  95 % CI 0.4385 to 1.0000  of 3 images\n"
        ));
        assert!(report.contains("\n- recall of Cancerous: no image belongs to this class\n"));
    }
}
