//! The classification report, as scikit-learn prints it.

use super::{ConfusionMatrix, Scores};

/// The text of `sklearn.metrics.classification_report(digits=2, zero_division=0)`, byte for byte,
/// always with both classes.
#[must_use]
pub fn classification_report(matrix: &ConfusionMatrix, classes: &[String; 2]) -> String {
    let width = classes.iter().map(|name| name.chars().count()).fold("weighted avg".len(), usize::max);
    let row = |name: &str, [a, b, c]: [String; 3], support: u64| {
        format!("{name:>width$}  {a:>9} {b:>9} {c:>9} {support:>9}\n")
    };
    let mut text = format!("{:>width$}  precision    recall  f1-score   support\n\n", "");
    for (class, name) in classes.iter().enumerate() {
        text += &row(name, cells(&Scores::of_class(matrix, class)), matrix.support(class));
    }
    text += "\n";
    let accuracy = ["", "", &two_digits(matrix.accuracy())].map(str::to_owned);
    text += &row("accuracy", accuracy, matrix.total());
    text += &row("macro avg", cells(&Scores::macro_average(matrix)), matrix.total());
    text += &row("weighted avg", cells(&Scores::weighted_average(matrix)), matrix.total());
    text
}

fn cells(scores: &Scores) -> [String; 3] {
    [scores.precision, scores.recall, scores.f1].map(two_digits)
}

/// Rust rounds the exact binary value half to even, like Python: 0.125 gives 0.12 in both.
fn two_digits(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports of scikit-learn 1.9 for these matrices and names.
    #[test]
    fn is_scikit_learns_text() {
        for (counts, classes, expected) in [
            (
                [[7, 1], [7, 1]],
                ["benign", "a rather long name, é"],
                "                       precision    recall  f1-score   support

               benign       0.50      0.88      0.64         8
a rather long name, é       0.50      0.12      0.20         8

             accuracy                           0.50        16
            macro avg       0.50      0.50      0.42        16
         weighted avg       0.50      0.50      0.42        16
",
            ),
            (
                [[12345, 678], [0, 90]],
                ["0", "1"],
                "              precision    recall  f1-score   support

           0       1.00      0.95      0.97     13023
           1       0.12      1.00      0.21        90

    accuracy                           0.95     13113
   macro avg       0.56      0.97      0.59     13113
weighted avg       0.99      0.95      0.97     13113
",
            ),
        ] {
            let got = classification_report(&ConfusionMatrix { counts }, &classes.map(str::to_owned));
            assert_eq!(got, expected, "\n{got}");
        }
    }
}
