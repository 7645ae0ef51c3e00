//! What the log says about a file of weights that was not taken as it is.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::reading::{Reading, Stored, Want};
use crate::model::fit::shortened;

/// One line about names and types, and one about a head that may be replaced; none if all is as expected.
pub(super) fn notes(name: &str, stored: &Stored, reading: &Reading, want: Want<'_>) -> Vec<String> {
    let (used, unused): (Vec<_>, Vec<_>) =
        stored.iter().partition(|(tensor, _)| reading.inside(tensor).is_some());
    // Of the others, those of a head that is replaced have a line of their own.
    let replaced = reading.misfit.unfit();
    let is_other = |tensor: &&str| {
        tensor.strip_prefix(reading.prefix.as_str()).is_none_or(|inside| !replaced.contains(inside))
    };
    let unused: Vec<&str> = unused.into_iter().map(|(tensor, _)| tensor.as_str()).filter(is_other).collect();
    let kinds = used.into_iter().map(|(_, header)| header.kind);
    let parts = [removed(&reading.prefix, &unused), not_used(&unused), converted(kinds)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let read = (!parts.is_empty()).then(|| format!("{name}: {}", parts.join("; ")));
    read.into_iter().chain(about_head(name, reading, want)).collect()
}

fn removed(prefix: &str, unused: &[&str]) -> Option<String> {
    let all = unused.iter().all(|tensor| tensor.starts_with(prefix));
    match (prefix, all) {
        ("", _) => None,
        (_, true) => Some(format!(
            "all tensor names begin with `{prefix}`, as a wrapper writes them; they are read without it"
        )),
        (_, false) => Some(format!("the network is read from the tensors below `{prefix}`")),
    }
}

fn not_used(unused: &[&str]) -> Option<String> {
    let count = unused.len();
    let tensors = if count == 1 { "other tensor is" } else { "other tensors are" };
    (count > 0)
        .then(|| format!("{count} {tensors} not used: {}", shortened(unused, |name| format!("`{name}`"))))
}

/// What became of a head that may be replaced.
fn about_head(name: &str, reading: &Reading, want: Want<'_>) -> Option<String> {
    let Want::Start { replace_head: true, .. } = want else { return None };
    let head = &reading.needed.head;
    let replaced: Vec<_> = reading.misfit.unfit().into_iter().collect();
    Some(match replaced.is_empty() {
        true => format!("{name}: its last layer `{head}` fits and is kept, although `replace-head` is set"),
        false => {
            let listed = shortened(&replaced, |name| format!("`{name}`"));
            format!(
                "{name}: of its last layer, replaced by the seeded initialisation (`replace-head`): {listed}"
            )
        }
    })
}

/// How many tensors are converted to float32, by their types.
fn converted(kinds: impl Iterator<Item = Dtype>) -> Option<String> {
    let mut counts = BTreeMap::new();
    for kind in kinds.filter(|kind| *kind != Dtype::F32) {
        *counts.entry(type_in_words(kind)).or_insert(0_usize) += 1;
    }
    let total: usize = counts.values().sum();
    let each: Vec<_> = counts.iter().map(|(kind, count)| format!("{count} from {kind}")).collect();
    let tensors = if total == 1 { "tensor is" } else { "tensors are" };
    (total > 0).then(|| format!("{total} {tensors} converted to float32: {}", each.join(", ")))
}

fn type_in_words(kind: Dtype) -> String {
    match kind {
        Dtype::F16 => "float16".to_owned(),
        Dtype::BF16 => "bfloat16".to_owned(),
        Dtype::F64 => "float64".to_owned(),
        Dtype::I64 => "int64".to_owned(),
        other => format!("{other:?}"),
    }
}
