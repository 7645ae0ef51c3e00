//! The search behind `group-by`: which whole group goes into which part.
//!
//! An exact solution is hard (bin packing). So: largest groups first, each to the part that lacks most. Then moves and
//! swaps as long as they help. Then again from a disturbed copy of the best. The number of steps is fixed and all
//! draws come from the seed, so the result is the same on every machine.

use super::Parts;
use crate::data::draw::Draw;

/// The "part" of groups that are left out.
pub(super) const OUT: usize = 3;
/// How often the best distribution is disturbed and improved.
const ROUNDS: usize = 60;
/// The most group moves in all rounds. Many groups are small, and fit without many rounds.
const MOVES: usize = 100_000;
/// Swaps tried per round.
const SWAPS: usize = 20_000;
/// Weight of the sizes, relative to the class shares.
const SIZE_WEIGHT: f64 = 100.0;
/// The cost of a part without one of the classes: more than everything else.
const MISSING_CLASS: f64 = 1e6;

/// A group that stays together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Its patches.
    pub(super) patches: u64,
    /// Those of class 1.
    pub(super) ones: u64,
}

/// The parts that are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Patches per part.
    pub(super) sizes: Parts<u64>,
    /// The share of class 1.
    pub(super) share: f64,
}

/// The part of each group: 0, 1, 2 or `OUT`.
pub(super) fn search(groups: &[Group], target: &Target, draw: &mut Draw) -> Vec<usize> {
    let mut best = State::greedy(groups, target, draw);
    best.improve(draw);
    for _ in 0..ROUNDS.min(1 + MOVES / groups.len()) {
        let mut other = best.clone();
        for _ in 0..3 {
            let group = draw.below(groups.len() as u64) as usize;
            other.put(group, draw.below(4) as usize);
        }
        other.improve(draw);
        if other.cost() < best.cost() {
            best = other;
        }
    }
    best.part_of
}

/// A distribution of the groups, with the sum of each part.
#[derive(Clone)]
struct State<'a> {
    groups: &'a [Group],
    target: &'a Target,
    part_of: Vec<usize>,
    sums: [Group; 4],
}

impl<'a> State<'a> {
    /// Largest groups first, each into the part that lacks most. Groups of equal size in random order.
    fn greedy(groups: &'a [Group], target: &'a Target, draw: &mut Draw) -> Self {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        draw.shuffle(&mut order);
        order.sort_by_key(|&group| std::cmp::Reverse(groups[group].patches));
        let mut state = Self { groups, target, part_of: vec![OUT; groups.len()], sums: Default::default() };
        for group in order {
            let missing = |part: usize| {
                state.size(part).map_or(0, |size| size as i64 - state.sums[part].patches as i64)
            };
            let part = (0..3).max_by_key(|&part| missing(part)).unwrap_or(OUT);
            let fits = 2 * missing(part) >= groups[group].patches as i64;
            let part = if fits { part } else { OUT };
            state.part_of[group] = part;
            state.add(group, part);
        }
        state
    }

    /// Moves and swaps groups as long as it helps.
    fn improve(&mut self, draw: &mut Draw) {
        self.move_groups(draw);
        let count = self.groups.len() as u64;
        for _ in 0..SWAPS {
            let [a, b] = [draw.below(count) as usize, draw.below(count) as usize];
            let (from, to) = (self.part_of[a], self.part_of[b]);
            if from == to {
                continue;
            }
            let before = self.cost();
            self.put(a, to);
            self.put(b, from);
            if self.cost() >= before {
                self.put(a, from);
                self.put(b, to);
            }
        }
        self.move_groups(draw);
    }

    /// Passes over all groups in random order until no move helps.
    fn move_groups(&mut self, draw: &mut Draw) {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        loop {
            draw.shuffle(&mut order);
            let before = self.cost();
            order.iter().for_each(|&group| self.move_to_best(group));
            if self.cost() >= before {
                return;
            }
        }
    }

    fn move_to_best(&mut self, group: usize) {
        let (home, mut best, mut least) = (self.part_of[group], self.part_of[group], self.cost());
        for part in (0..4).filter(|&part| part != home) {
            self.put(group, part);
            if self.cost() < least {
                (best, least) = (part, self.cost());
            }
        }
        self.put(group, best);
    }

    fn put(&mut self, group: usize, part: usize) {
        let from = std::mem::replace(&mut self.part_of[group], part);
        self.sums[from].patches -= self.groups[group].patches;
        self.sums[from].ones -= self.groups[group].ones;
        self.add(group, part);
    }

    fn add(&mut self, group: usize, part: usize) {
        self.sums[part].patches += self.groups[group].patches;
        self.sums[part].ones += self.groups[group].ones;
    }

    fn size(&self, part: usize) -> Option<u64> {
        self.target.sizes.as_array().get(part).map(|size| **size)
    }

    /// How far the parts are off: squares of the relative differences. Sums and products only, so that every machine
    /// computes the same.
    fn cost(&self) -> f64 {
        let mut cost = 0.0;
        for (sum, &size) in self.sums.iter().zip(self.target.sizes.as_array()) {
            let size = size as f64;
            let off = (sum.patches as f64 - size) / size;
            let ones_off = (sum.ones as f64 - sum.patches as f64 * self.target.share) / size;
            cost += SIZE_WEIGHT * off * off + ones_off * ones_off;
            if sum.ones == 0 || sum.ones == sum.patches {
                cost += MISSING_CLASS;
            }
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least cost of all distributions.
    fn least(groups: &[Group], target: &Target) -> f64 {
        let all = 4_usize.pow(groups.len() as u32);
        let cost = |code: usize| {
            let mut state =
                State { groups, target, part_of: vec![OUT; groups.len()], sums: Default::default() };
            (0..groups.len()).for_each(|group| {
                state.part_of[group] = code >> (2 * group) & 3;
                state.add(group, state.part_of[group]);
            });
            state.cost()
        };
        (0..all).map(cost).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn few_groups_are_distributed_as_well_as_possible() {
        let mut draw = Draw::new(5);
        for _ in 0..12 {
            let groups: Vec<Group> = (0..8)
                .map(|_| {
                    let patches = 2 + draw.below(40);
                    Group { patches, ones: draw.below(patches + 1) }
                })
                .collect();
            let patches: u64 = groups.iter().map(|group| group.patches).sum();
            let ones: u64 = groups.iter().map(|group| group.ones).sum();
            let target = Target {
                sizes: Parts { train: patches / 2, validation: patches / 5, test: patches / 5 },
                share: ones as f64 / patches as f64,
            };
            let mut found =
                State { groups: &groups, target: &target, part_of: vec![OUT; 8], sums: Default::default() };
            for (group, part) in search(&groups, &target, &mut draw).into_iter().enumerate() {
                found.part_of[group] = part;
                found.add(group, part);
            }
            assert_eq!(found.cost(), least(&groups, &target));
        }
    }
}
