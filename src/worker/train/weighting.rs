//! The weight of each patch in the training loss.

use anyhow::{Result, ensure};
use pcamflow::stages::train::ClassWeights;
use tch::Tensor;

/// The weights of the labels 0 and 1; `None` if all patches count the same.
///
/// # Errors
/// The weights are `balanced`, but a class has no patches.
pub(super) fn of(setting: Option<&ClassWeights>, labels: &[u8]) -> Result<Option<[f64; 2]>> {
    match setting {
        None => Ok(None),
        Some(ClassWeights::Given(weights)) => Ok(Some(*weights)),
        Some(ClassWeights::Balanced) => balanced(labels).map(Some),
    }
}

/// As scikit-learn does: n / (2 n_c).
fn balanced(labels: &[u8]) -> Result<[f64; 2]> {
    let positive = labels.iter().filter(|&&label| label == 1).count();
    let counts = [labels.len() - positive, positive];
    ensure!(
        counts.iter().all(|&count| count > 0),
        "`class-weights = \"balanced\"` needs training patches of both classes, but there are {} with label 0 \
         and {} with label 1",
        counts[0],
        counts[1]
    );
    Ok(counts.map(|count| labels.len() as f64 / (2.0 * count as f64)))
}

/// The weight of each of these labels, float32 `[N]`.
pub(super) fn of_each(labels: &Tensor, [negative, positive]: [f64; 2]) -> Tensor {
    // The shorter negative + label * (positive - negative) would round.
    labels * positive + (1.0 - labels) * negative
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1, 0, 1, 0])` gives [0.7, 1.75].
    #[test]
    fn balanced_is_scikit_learns() {
        let weights = of(Some(&ClassWeights::Balanced), &[0, 0, 0, 1, 0, 1, 0]).unwrap();
        assert_eq!(weights, Some([0.7, 1.75]));
        assert_eq!(of(None, &[0, 1]).unwrap(), None);
        assert_eq!(of(Some(&ClassWeights::Given([2.0, 3.0])), &[0]).unwrap(), Some([2.0, 3.0]));
    }

    #[test]
    fn a_class_without_patches_has_no_balanced_weight() {
        let error = of(Some(&ClassWeights::Balanced), &[0, 0]).unwrap_err().to_string();
        assert!(error.ends_with("there are 2 with label 0 and 0 with label 1"), "{error}");
    }

    /// PyTorch 2.11: `w = tensor([0.5, 2.0]); binary_cross_entropy_with_logits(z, y, weight=w[y.long()])`
    /// of z = [0.5, -1, 2, 0.25], y = [1, 0, 0, 1], and its gradient.
    #[test]
    fn the_weighted_loss_is_pytorchs() {
        let logits = Tensor::from_slice(&[0.5f32, -1.0, 2.0, 0.25]).set_requires_grad(true);
        let labels = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 1.0]);
        let weights = of_each(&labels, [0.5, 2.0]);
        let mean = tch::Reduction::Mean;
        let loss = logits.binary_cross_entropy_with_logits(&labels, Some(weights), None, mean);
        assert!((loss.double_value(&[]) - 0.8300319314002991).abs() < 1e-7);
        let gradient = Tensor::run_backward(&[&loss], &[&logits], false, false).remove(0);
        let wanted = [-0.1887703239917755, 0.03361767902970314, 0.11009962856769562, -0.21891173720359802];
        for (got, wanted) in Vec::<f64>::try_from(&gradient).unwrap().into_iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-7, "{got} is not {wanted}");
        }
    }
}
