//! Leaves out the edges of a DAG that a longer path implies.

use std::collections::BTreeSet;

/// The transitive reduction of a DAG with `count` nodes.
pub(super) fn reduced(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut needs = vec![Vec::new(); count];
    for (from, to) in edges {
        needs[*to].push(*from);
    }
    let indirect: Vec<BTreeSet<usize>> = needs.iter().map(|direct| indirect(direct, &needs)).collect();
    edges.iter().copied().filter(|(from, to)| !indirect[*to].contains(from)).collect()
}

/// The nodes that the direct needs of a node need, directly or not. A single need cannot be implied by another.
fn indirect(direct: &[usize], needs: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    if direct.len() < 2 {
        return found;
    }
    let mut open: Vec<usize> = direct.iter().flat_map(|need| &needs[*need]).copied().collect();
    while let Some(node) = open.pop() {
        if found.insert(node) {
            open.extend(&needs[node]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reach(count: usize, edges: &[(usize, usize)]) -> BTreeSet<(usize, usize)> {
        let after = |node: usize| edges.iter().filter(move |(from, _)| *from == node).map(|(_, to)| *to);
        let mut pairs = BTreeSet::new();
        for start in 0..count {
            let mut open: Vec<usize> = after(start).collect();
            while let Some(node) = open.pop() {
                if pairs.insert((start, node)) {
                    open.extend(after(node));
                }
            }
        }
        pairs
    }

    #[test]
    fn an_edge_that_a_longer_path_implies_is_left_out() {
        assert_eq!(reduced(3, &[(0, 1), (0, 2), (1, 2)]), [(0, 1), (1, 2)]);
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
        }
    }
}
