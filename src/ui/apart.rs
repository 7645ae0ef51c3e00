//! Cuts the names of a run so that no two look the same.
//!
//! Each name is cut alone first (see `names`). Names that then look the same are cut anew, together: in what all of
//! them begin with and in what all of them end with, never in what differs. Knows no terminal.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use console::measure_text_width;

use super::names;

/// The names of a run.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<String>,
    widest: usize,
    /// The names at the last width, because lines are drawn many times a second.
    cut: Mutex<(usize, BTreeMap<String, String>)>,
}

impl Names {
    /// Names that are shown together.
    pub(super) fn of(all: impl IntoIterator<Item = String>) -> Self {
        let all: Vec<String> = all.into_iter().collect();
        let widest = all.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
        Self { all, widest, cut: Mutex::default() }
    }

    /// The columns of the widest name.
    pub(super) fn widest(&self) -> usize {
        self.widest
    }

    /// A name in `width` columns, or in as many more as what tells it from others needs.
    pub(super) fn cut(&self, name: &str, width: usize) -> String {
        // A panic cannot leave it incomplete.
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if cut.0 != width {
            let all: Vec<&str> = self.all.iter().map(String::as_str).collect();
            *cut = (width, cut_all(&all, width));
        }
        cut.1.get(name).cloned().unwrap_or_else(|| names::cut(name, width))
    }
}

/// All names with their cuts, which differ.
fn cut_all(all: &[&str], width: usize) -> BTreeMap<String, String> {
    let mut groups: Vec<Vec<&str>> = all.iter().map(|name| vec![*name]).collect();
    loop {
        let merged = merged(&groups, width);
        if merged.len() == groups.len() {
            let cuts = groups.iter().flat_map(|group| group.iter().zip(together(group, width)));
            return cuts.map(|(name, cut)| ((*name).to_owned(), cut)).collect();
        }
        groups = merged;
    }
}

/// The groups, with those in one that share a cut.
fn merged<'a>(groups: &[Vec<&'a str>], width: usize) -> Vec<Vec<&'a str>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<Vec<&str>> = Vec::new();
    for group in groups {
        let cuts = together(group, width);
        let place = cuts.iter().find_map(|cut| places.get(cut)).copied().unwrap_or(merged.len());
        if place == merged.len() {
            merged.push(Vec::new());
        }
        merged[place].extend(group);
        for cut in cuts {
            places.entry(cut).or_insert(place);
        }
    }
    merged
}

/// The cuts of different names, in their order: all have the same beginning and the same end, and what differs whole.
fn together(group: &[&str], width: usize) -> Vec<String> {
    if let [alone] = group {
        return vec![names::cut(alone, width)];
    }
    let letters: Vec<Vec<char>> = group.iter().map(|name| name.chars().collect()).collect();
    let shortest = letters.iter().map(Vec::len).min().unwrap_or(0);
    let begin = (0..shortest).take_while(|at| alike(letters.iter().map(|name| name[*at]))).count();
    let end = (1..=shortest - begin).take_while(|at| alike(letters.iter().map(|name| name[name.len() - at])));
    let end = end.count();
    let differing = letters.iter().map(|name| name.len() - begin - end).max().unwrap_or(0);
    let room = width.saturating_sub(differing);
    let head = begin.min(room - end.min(room / 2));
    let tail = end.min(room - head);
    letters.iter().map(|name| squeezed(name, (begin, head), (end, tail))).collect()
}

fn alike(mut letters: impl Iterator<Item = char>) -> bool {
    let first = letters.next();
    letters.all(|letter| Some(letter) == first)
}

/// A name whose first `begin` letters take `head` columns, and whose last `end` letters take `tail`.
fn squeezed(name: &[char], (begin, head): (usize, usize), (end, tail): (usize, usize)) -> String {
    let last = name.len() - end;
    let mut text: String = if begin > head {
        name[..head.saturating_sub(1)].iter().chain(&['…']).collect()
    } else {
        name[..begin].iter().collect()
    };
    text.extend(&name[begin..last]);
    if end > tail {
        text.push('…');
        text.extend(&name[name.len() - tail.saturating_sub(1)..]);
    } else {
        text.extend(&name[last..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn cuts(all: &[&str], width: usize) -> Vec<String> {
        let names = Names::of(all.iter().map(|name| (*name).to_owned()));
        all.iter().map(|name| names.cut(name, width)).collect()
    }

    #[test]
    fn what_differs_is_kept_and_the_rest_gives_way() {
        let middle = ["explain.patches-a-of-the-test", "explain.patches-b-of-the-test"];
        assert_eq!(cuts(&middle, 16), ["explain…a…e-test", "explain…b…e-test"]);
        let keys = ["train.t[learning-rate=0.1]", "train.t[weight-decay=0.1]"];
        assert_eq!(cuts(&keys, 24), ["train.t[learning…=0.1]", "train.t[weight-d…=0.1]"]);
        assert_eq!(cuts(&keys, 12), ["…learning-rate…", "…weight-decay…"]);
    }

    #[test]
    fn names_that_differ_anyway_are_cut_alone() {
        let all = ["explain.grad-cam", "explain.saliency", "train.base"];
        assert_eq!(cuts(&all, 14), ["expl….grad-cam", "expl….saliency", "train.base"]);
        assert_eq!(Names::of(all.map(str::to_owned)).cut("explain.occlusion", 15), "expl….occlusion");
    }

    proptest! {
        #[test]
        fn different_names_never_look_the_same(
            all in prop::collection::btree_set("(explain|explode|ex)\\.[ab-]{1,20}(\\[[a-c]{1,9}=[0-9.]{1,3}\\])?(@[12])?", 1..40),
            width in 3..60_usize,
        ) {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let cuts = cuts(&all, width);
            let different: BTreeSet<&String> = cuts.iter().collect();
            prop_assert_eq!(different.len(), all.len(), "{:?}", cuts);
        }
    }
}
