//! The DAG of stages: order, cycles, ancestors. Knows indices; knows no stages.

use std::collections::BTreeSet;

use petgraph::{
    Direction,
    algo::tarjan_scc,
    graph::{DiGraph, NodeIndex},
    visit::Dfs,
};

/// Stages by index, and which stages each of them reads.
pub struct Graph(DiGraph<(), ()>);

impl Graph {
    /// A graph of `count` stages. An edge `(from, to)` means that `to` reads an artifact of `from`.
    pub fn new(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut graph = DiGraph::with_capacity(count, count);
        for _ in 0..count {
            graph.add_node(());
        }
        for (from, to) in edges {
            graph.update_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
        Self(graph)
    }

    /// A cycle, if there is one, as a path that ends where it begins.
    #[must_use]
    pub fn cycle(&self) -> Option<Vec<usize>> {
        let component = tarjan_scc(&self.0)
            .into_iter()
            .find(|component| component.len() > 1 || self.0.contains_edge(component[0], component[0]))?;
        let start = *component.iter().min()?;
        let mut path = vec![start];
        loop {
            let here = *path.last()?;
            let next = self.0.neighbors(here).filter(|next| component.contains(next)).min()?;
            let closed = path.iter().position(|node| *node == next);
            path.push(next);
            if let Some(first) = closed {
                return Some(path[first..].iter().map(|node| node.index()).collect());
            }
        }
    }

    /// The stages, each after those that it reads, and otherwise in the order of the file. Stages of a cycle are
    /// left out.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let count = self.0.node_count();
        let mut missing: Vec<usize> = (0..count).map(|stage| self.needs(stage).count()).collect();
        let mut ready: BTreeSet<usize> = (0..count).filter(|stage| missing[*stage] == 0).collect();
        let mut order = Vec::with_capacity(count);
        while let Some(stage) = ready.pop_first() {
            order.push(stage);
            for next in self.feeds(stage) {
                missing[next] -= 1;
                if missing[next] == 0 {
                    ready.insert(next);
                }
            }
        }
        order
    }

    /// The stages that a stage reads.
    fn needs(&self, stage: usize) -> impl Iterator<Item = usize> {
        self.0.neighbors_directed(NodeIndex::new(stage), Direction::Incoming).map(NodeIndex::index)
    }

    /// The stages that read a stage.
    pub fn feeds(&self, stage: usize) -> impl Iterator<Item = usize> {
        self.0.neighbors(NodeIndex::new(stage)).map(NodeIndex::index)
    }

    /// The stages and everything that they read, directly or indirectly.
    #[must_use]
    pub fn with_ancestors(&self, stages: &[usize]) -> Vec<bool> {
        let reversed = petgraph::visit::Reversed(&self.0);
        let mut dfs = Dfs::empty(reversed);
        let mut wanted = vec![false; self.0.node_count()];
        for stage in stages {
            dfs.move_to(NodeIndex::new(*stage));
            while let Some(node) = dfs.next(reversed) {
                wanted[node.index()] = true;
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cycle_is_a_path() {
        let graph = Graph::new(4, [(0, 1), (1, 2), (2, 1), (2, 3)]);
        assert_eq!(graph.cycle(), Some(vec![1, 2, 1]));
        assert_eq!(Graph::new(1, [(0, 0)]).cycle(), Some(vec![0, 0]));
        assert_eq!(Graph::new(3, [(0, 1), (0, 2), (1, 2)]).cycle(), None);
    }

    #[test]
    fn ancestors_are_found_and_others_left() {
        let graph = Graph::new(4, [(0, 1), (1, 2), (0, 3)]);
        assert_eq!(graph.with_ancestors(&[2]), [true, true, true, false]);
    }

    proptest! {
        #[test]
        fn every_stage_comes_after_what_it_needs(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)
        ) {
            let forward: Vec<(usize, usize)> = edges.into_iter().filter(|(from, to)| from < to).collect();
            let graph = Graph::new(12, forward.clone());
            let order = graph.order();
            prop_assert_eq!(order.len(), 12);
            let place = |stage| order.iter().position(|other| *other == stage);
            for (from, to) in forward {
                prop_assert!(place(from) < place(to));
            }
            prop_assert_eq!(graph.cycle(), None);
        }

        #[test]
        fn what_is_reported_as_a_cycle_is_one(
            edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..20)
        ) {
            let graph = Graph::new(8, edges.clone());
            match graph.cycle() {
                None => prop_assert_eq!(graph.order().len(), 8),
                Some(path) => {
                    prop_assert_eq!(path.first(), path.last());
                    prop_assert!(path.windows(2).all(|pair| edges.contains(&(pair[0], pair[1]))));
                }
            }
        }
    }
}
