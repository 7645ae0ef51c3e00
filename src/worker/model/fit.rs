//! Whether named tensors are those of a network: what is missing, what has another shape, what is left over.
//!
//! Knows names and shapes only.

use std::collections::{BTreeMap, BTreeSet};

use pcamflow::nearest::nearest;

/// Shapes of tensors by name.
pub(crate) type Shapes = BTreeMap<String, Vec<i64>>;

/// How many names of one kind a message lists.
const LISTED: usize = 8;

/// The tensors that a network needs.
#[derive(Debug)]
pub(super) struct Needed {
    /// Names and shapes, from input to output.
    pub(super) tensors: Vec<(String, Vec<i64>)>,
    /// The name of the last linear layer.
    pub(super) head: String,
}

/// How tensors differ from those that a network needs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Misfit {
    missing: Vec<String>,
    misshapen: Vec<Misshapen>,
    left_over: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Misshapen {
    name: String,
    has: Vec<i64>,
    needs: Vec<i64>,
}

impl Needed {
    pub(super) fn has(&self, tensor: &str) -> bool {
        self.tensors.iter().any(|(name, _)| name == tensor)
    }
}

impl Misfit {
    pub(super) fn of(needed: &Needed, found: &Shapes) -> Self {
        let names = needed.tensors.iter().map(|(name, _)| name);
        let missing = names.filter(|name| !found.contains_key(*name)).cloned().collect();
        let left_over = found.keys().filter(|name| !needed.has(name)).cloned().collect();
        let misshapen = needed.tensors.iter().filter_map(|(name, needs)| {
            let has = found.get(name).filter(|has| *has != needs)?;
            Some(Misshapen { name: name.clone(), has: has.clone(), needs: needs.clone() })
        });
        Self { missing, misshapen: misshapen.collect(), left_over }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How many tensors are missing.
    pub(super) fn missing(&self) -> usize {
        self.missing.len()
    }

    /// How many tensors are left over.
    pub(super) fn left_over(&self) -> usize {
        self.left_over.len()
    }

    /// Whether nothing but tensors of one layer is wrong.
    pub(super) fn is_only_of(&self, layer: &str) -> bool {
        let inside = |name: &String| name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'));
        let misshapen = self.misshapen.iter().map(|it| &it.name);
        self.missing.iter().chain(misshapen).chain(&self.left_over).all(inside)
    }

    /// The tensors that the network needs and that are not there in its shape.
    pub(super) fn unfit(&self) -> BTreeSet<&str> {
        let misshapen = self.misshapen.iter().map(|it| it.name.as_str());
        self.missing.iter().map(String::as_str).chain(misshapen).collect()
    }

    /// All of it in one line, with near names of what is missing.
    pub(super) fn in_words(&self) -> String {
        let near = |name: &String| {
            let left_over = self.left_over.iter().map(String::as_str);
            let near = nearest(name, left_over).map(|near| format!(" (is it `{near}`?)"));
            format!("`{name}`{}", near.unwrap_or_default())
        };
        let shape = |Misshapen { name, has, needs }: &Misshapen| {
            format!("`{name}` has the shape {has:?}, and the network needs {needs:?}")
        };
        let quoted = |name: &String| format!("`{name}`");
        let parts = [
            listed(&self.missing, ["is missing", "are missing"], near),
            listed(&self.misshapen, ["has another shape", "have other shapes"], shape),
            listed(&self.left_over, ["is left over", "are left over"], quoted),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// `2 tensors are missing: a, b`; `None` without tensors.
fn listed<T>(all: &[T], [one, many]: [&str; 2], text: impl Fn(&T) -> String) -> Option<String> {
    let (count, tensors) = (all.len(), if all.len() == 1 { "tensor" } else { "tensors" });
    let what = if count == 1 { one } else { many };
    (count > 0).then(|| format!("{count} {tensors} {what}: {}", shortened(all, text)))
}

/// The first of a list, and how many more there are.
pub(super) fn shortened<T>(all: &[T], text: impl Fn(&T) -> String) -> String {
    let more = all.len().checked_sub(LISTED).filter(|more| *more > 0);
    let more = more.map(|more| format!("and {more} more"));
    all.iter().take(LISTED).map(text).chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(tensors: &[(&str, &[i64])]) -> Shapes {
        tensors.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
    }

    fn needed(tensors: &[(&str, &[i64])]) -> Needed {
        let tensors = tensors.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec()));
        Needed { tensors: tensors.collect(), head: "fc".to_owned() }
    }

    #[test]
    fn everything_is_listed_at_once_with_near_names() {
        let needed = needed(&[("bn1.bias", &[2]), ("conv1.weight", &[2, 3]), ("fc.bias", &[1])]);
        let found = shapes(&[("conv1.wieght", &[2, 3]), ("fc.bias", &[5]), ("head", &[1])]);
        let misfit = Misfit::of(&needed, &found);
        assert_eq!(
            misfit.in_words(),
            "2 tensors are missing: `bn1.bias`, `conv1.weight` (is it `conv1.wieght`?); 1 tensor has another shape: \
             `fc.bias` has the shape [5], and the network needs [1]; 2 tensors are left over: `conv1.wieght`, `head`"
        );
        assert_eq!(misfit.missing(), 2);
        let same = needed.tensors.iter().cloned().collect();
        assert!(Misfit::of(&needed, &same).is_none());
    }

    #[test]
    fn long_lists_end_with_a_count() {
        let tensors = (10..23).map(|at| (format!("t{at}"), vec![1])).collect();
        let needed = Needed { tensors, head: "t22".to_owned() };
        let text = Misfit::of(&needed, &Shapes::new()).in_words();
        assert!(text.starts_with("13 tensors are missing: `t10`, "), "{text}");
        assert!(text.ends_with("`t17`, and 5 more"), "{text}");
    }

    #[test]
    fn what_concerns_the_head_is_told_from_the_rest() {
        let needed = needed(&[("fc.bias", &[1]), ("fc.weight", &[1, 4]), ("fc1.bias", &[3])]);
        let found = shapes(&[("fc.0.weight", &[9]), ("fc.weight", &[7, 4])]);
        let misfit = Misfit::of(&needed, &found);
        assert_eq!(misfit.unfit().into_iter().collect::<Vec<_>>(), ["fc.bias", "fc.weight", "fc1.bias"]);
        assert!(!misfit.is_only_of("fc"));
        let head = self::needed(&[("fc.bias", &[1]), ("fc.weight", &[1, 4])]);
        assert!(Misfit::of(&head, &found).is_only_of("fc"));
    }
}
