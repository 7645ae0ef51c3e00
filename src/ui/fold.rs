//! Folds lines that say the same of many stages: the first few by name, a crowd as a count.
//!
//! Knows names; what a line looks like is the caller's.

/// How many lines of one sort are shown one by one, in a whole run.
pub(super) const LIMIT: usize = 15;

/// What to show for the names that came together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// Each by name.
    Names(Vec<String>),
    /// Too many: only how many.
    Count(usize),
}

/// Collects names until they are shown.
#[derive(Debug, Default)]
pub(super) struct Fold {
    shown: usize,
    pending: Vec<String>,
}

impl Fold {
    /// One more name.
    pub(super) fn add(&mut self, name: &str) {
        self.pending.push(name.to_owned());
    }

    /// What came since the last time; `None` for nothing. Once too many were shown by name, the
    /// others wait for `finish`, so that a count is not shown for each.
    pub(super) fn flush(&mut self) -> Option<Folded> {
        let few = self.shown + self.pending.len() <= LIMIT;
        let first = self.shown == 0;
        if few || first { self.finish() } else { None }
    }

    /// What is left at the end.
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
    fn few_are_named_and_many_counted() {
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
