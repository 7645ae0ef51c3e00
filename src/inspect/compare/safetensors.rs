//! Two safetensors files, tensor by tensor.

use std::path::Path;

use anyhow::{Context, Result};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::tally::Findings;

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let [old, new] = [std::fs::read(old)?, std::fs::read(new)?];
    let parse = |bytes| SafeTensors::deserialize(bytes).context("it is not a safetensors file");
    let (old, new) = (parse(&old)?, parse(&new)?);
    let [old, new] = [&old, &new].map(|file| file.tensors().into_iter().collect());
    for (name, old, new) in findings.pairs(&old, &new, |name| format!("`{name}`")) {
        tensors(name, old, new, findings);
    }
    Ok(())
}

fn tensors(name: &str, old: &TensorView<'_>, new: &TensorView<'_>, findings: &mut Findings) {
    if (old.dtype(), old.shape()) != (new.dtype(), new.shape()) {
        let [is, was] = [new, old].map(|tensor| format!("{:?} {:?}", tensor.dtype(), tensor.shape()));
        return findings.otherwise(|| format!("`{name}` is {is}, was {was}"));
    }
    match (numbers(old), numbers(new)) {
        (Some(a), Some(b)) => findings.numbers(name, &a, &b, |at| place(old.shape(), at)),
        _ if old.data() == new.data() => {}
        _ => findings.otherwise(|| format!("`{name}` has other numbers ({:?} is not measured)", old.dtype())),
    }
}

/// The numbers of a tensor; `None` for unusual types.
#[allow(clippy::cast_precision_loss, reason = "differences are shown, not computed with")]
fn numbers(tensor: &TensorView<'_>) -> Option<Vec<f64>> {
    fn of<const N: usize>(bytes: &[u8], number: fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
    }
    let bytes = tensor.data();
    Some(match tensor.dtype() {
        Dtype::F32 => of(bytes, |bytes| f32::from_le_bytes(bytes).into()),
        Dtype::F64 => of(bytes, f64::from_le_bytes),
        Dtype::U8 | Dtype::BOOL => of(bytes, |[byte]| byte.into()),
        Dtype::I32 => of(bytes, |bytes| i32::from_le_bytes(bytes).into()),
        Dtype::I64 => of(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        _ => return None,
    })
}

/// The indices of an element in an array of this shape: `[3, 0, 2]`.
pub(super) fn place(shape: &[usize], mut at: usize) -> String {
    let mut places = shape.to_vec();
    for place in places.iter_mut().rev() {
        let size = (*place).max(1);
        (*place, at) = (at % size, at / size);
    }
    format!("{places:?}")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::contents, *};

    fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn tensors_are_measured_one_by_one() {
        let old =
            file(&[("a", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("b", &[1], &[1.0]), ("c", &[2], &[1.0, 2.0])]);
        let new = file(&[("a", &[2, 2], &[1.0, 2.0, 3.5, 4.0]), ("c", &[1], &[1.0]), ("d", &[1], &[1.0])]);
        let compared = contents(&old, &new, "model.safetensors").unwrap();
        assert_eq!(compared.parts.len(), 1);
        let part = &compared.parts[0];
        assert_eq!(
            (part.name.as_str(), part.at.as_str(), part.different, part.elements),
            ("a", "[1, 0]", 1, 4)
        );
        assert_eq!(compared.otherwise, ["`b` is gone", "`d` is new", "`c` is F32 [1], was F32 [2]"]);
    }

    #[test]
    fn the_place_of_an_element_has_an_index_per_dimension() {
        assert_eq!(place(&[2, 3, 4], 23), "[1, 2, 3]");
        assert_eq!(place(&[], 0), "[]");
    }
}
