//! Folds equal lines about many stages: a few by name, many as a count.
//!
//! Knows names; the caller formats the lines.

/// The largest number of lines of one sort in a run.
pub(super) const LIMIT: usize = 15;

/// The names to show, or their number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// The names.
    Names(Vec<String>),
    /// The number, because there are too many.
    Count(usize),
}

/// Collects names.
#[derive(Debug, Default)]
pub(super) struct Fold {
    shown: usize,
    pending: Vec<String>,
}

impl Fold {
    /// Adds a name.
    pub(super) fn add(&mut self, name: &str) {
        self.pending.push(name.to_owned());
    }

    /// The names since the last time. Once there are too many, they wait for `finish`, so that there is one count.
    pub(super) fn flush(&mut self) -> Option<Folded> {
        let few = self.shown + self.pending.len() <= LIMIT;
        let first = self.shown == 0;
        if few || first { self.finish() } else { None }
    }

    /// The names that are left at the end.
    pub(super) fn finish(&mut self) -> Option<Folded> {
        let names = std::mem::take(&mut self.pending);
        if names.is_empty() {
            return None;
        }
        let few = self.shown + names.len() <= LIMIT;
        self.shown += names.len();
        Some(if few { Folded::Names(names) } else { Folded::Count(names.len()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(count: usize) -> Fold {
        Fold { shown: 0, pending: vec!["split.pcam".to_owned(); count] }
    }

    #[test]
    fn few_are_named_and_many_are_counted() {
        assert_eq!(fold(0).flush(), None);
        assert_eq!(fold(2).flush(), Some(Folded::Names(vec!["split.pcam".to_owned(); 2])));
        assert_eq!(fold(LIMIT + 1).flush(), Some(Folded::Count(LIMIT + 1)));
    }

    #[test]
    fn after_many_the_others_are_counted_once_at_the_end() {
        let mut fold = fold(LIMIT + 1);
        fold.flush();
        fold.add("a");
        assert_eq!(fold.flush(), None);
        fold.add("b");
        assert_eq!(fold.finish(), Some(Folded::Count(2)));
        assert_eq!(fold.finish(), None);
    }
}
