//! Pure functions on directed graphs of indices: what is worth drawing, and in which order.

use std::collections::BTreeSet;

/// For each node, those that its edges lead to.
pub(super) fn feeds(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut feeds = vec![Vec::new(); count];
    for (from, to) in edges {
        feeds[*from].push(*to);
    }
    feeds
}

/// The edges without those that a longer way says already (the transitive reduction of a DAG).
pub(super) fn reduced(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let backwards: Vec<(usize, usize)> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let needs = feeds(count, &backwards);
    let beyond: Vec<BTreeSet<usize>> = needs.iter().map(|direct| beyond(direct, &needs)).collect();
    edges.iter().copied().filter(|(from, to)| !beyond[*to].contains(from)).collect()
}

/// What the direct needs of a node need in their turn, directly or not; nothing where there is but one,
/// which no longer way can lead to.
fn beyond(direct: &[usize], needs: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = match direct {
        [] | [_] => Vec::new(),
        _ => direct.iter().flat_map(|need| needs[*need].iter().copied()).collect(),
    };
    while let Some(node) = open.pop() {
        if found.insert(node) {
            open.extend(&needs[node]);
        }
    }
    found
}

/// An order in which every node comes after what it needs, and where it can soon after that: branches stay
/// together, and so lines stay short.
pub(super) fn order(feeds: &[Vec<usize>]) -> Vec<usize> {
    let mut missing = vec![0_usize; feeds.len()];
    feeds.iter().flatten().for_each(|to| missing[*to] += 1);
    let mut ready: Vec<usize> = (0..feeds.len()).rev().filter(|node| missing[*node] == 0).collect();
    let mut order = Vec::with_capacity(feeds.len());
    while let Some(node) = ready.pop() {
        order.push(node);
        for next in feeds[node].iter().rev() {
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach(count: usize, edges: &[(usize, usize)]) -> BTreeSet<(usize, usize)> {
        let feeds = feeds(count, edges);
        let mut pairs = BTreeSet::new();
        for start in 0..count {
            let mut open = feeds[start].clone();
            while let Some(node) = open.pop() {
                if pairs.insert((start, node)) {
                    open.extend(&feeds[node]);
                }
            }
        }
        pairs
    }

    #[test]
    fn an_edge_beside_a_longer_way_is_left_out() {
        assert_eq!(reduced(3, &[(0, 1), (0, 2), (1, 2)]), [(0, 1), (1, 2)]);
        assert_eq!(order(&feeds(4, &[(0, 1), (0, 2), (1, 3)])), [0, 1, 3, 2], "branches stay together");
    }

    proptest! {
        #[test]
        fn the_reduction_leads_where_all_edges_led_and_no_edge_can_be_spared(
            edges in proptest::collection::btree_set((0_usize..9, 0_usize..9), 0..25)
        ) {
            let edges: Vec<(usize, usize)> = edges.into_iter().filter(|(from, to)| from < to).collect();
            let kept = reduced(9, &edges);
            let all = reach(9, &edges);
            prop_assert_eq!(&reach(9, &kept), &all);
            for index in 0..kept.len() {
                let mut fewer = kept.clone();
                fewer.remove(index);
                prop_assert_ne!(&reach(9, &fewer), &all);
            }
            let order = order(&feeds(9, &kept));
            prop_assert_eq!(order.len(), 9);
            let place = |node: usize| order.iter().position(|other| *other == node);
            prop_assert!(kept.iter().all(|(from, to)| place(*from) < place(*to)));
        }
    }
}
