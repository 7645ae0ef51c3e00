//! Random pipelines, and random edits to the pipeline, its sources and its store.

use std::{collections::BTreeSet, fmt::Write, fs, os::unix::fs::PermissionsExt, path::Path};

use proptest::{prelude::*, sample::Index};

use crate::{engine::Project, sandbox::files};

/// One stage: its kind, seed and parents. The kind determines how many parents are used.
#[derive(Debug, Clone)]
pub(super) struct Node {
    kind: Kind,
    parents: [Index; 3],
    seed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Synthesize,
    Split,
    SplitOfSources,
    Train,
    GoOn,
    Evaluate,
    Preview,
}

/// Stages in topological order. The first two are always a split of sources and a training, so that all
/// others have a stage to read from.
#[derive(Debug, Clone)]
pub(super) struct Graph(pub(super) Vec<Node>);

/// A change between two runs.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Sets the seed of a stage. There are few values, so that earlier results are used again.
    Seed(Index, u32),
    /// Changes the content of a source file.
    Source(bool, u8),
    /// Deletes or truncates (`true`) an object.
    Object(Index, bool),
    /// Deletes or truncates (`true`) a record.
    Record(Index, bool),
    /// Deletes all objects but keeps the records, like a small CI cache.
    Objects,
    /// Waits until all files are old enough: the next run remembers the content of small files, and later
    /// runs do not read them.
    Wait,
}

/// The sources that `SplitOfSources` reads.
const SOURCES: [&str; 2] = ["data/x.h5", "data/y.h5"];

pub(super) fn graph(most: usize) -> impl Strategy<Value = Graph> {
    let kind = prop_oneof![
        1 => Just(Kind::Synthesize), 2 => Just(Kind::Split), 1 => Just(Kind::SplitOfSources), 3 => Just(Kind::Train),
        4 => Just(Kind::GoOn), 3 => Just(Kind::Evaluate), 1 => Just(Kind::Preview),
    ];
    let node = (kind, any::<[Index; 3]>()).prop_map(|(kind, parents)| Node { kind, parents, seed: 0 });
    proptest::collection::vec(node, 2..most).prop_map(|mut nodes| {
        for (node, kind) in nodes.iter_mut().zip([Kind::SplitOfSources, Kind::Train]) {
            node.kind = kind;
        }
        Graph(nodes)
    })
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let which = any::<Index>;
    prop_oneof![
        6 => (which(), 0_u32..3).prop_map(|(node, seed)| Edit::Seed(node, seed)),
        2 => (any::<bool>(), 0_u8..3).prop_map(|(file, content)| Edit::Source(file, content)),
        3 => (which(), any::<bool>()).prop_map(|(object, cut)| Edit::Object(object, cut)),
        3 => (which(), any::<bool>()).prop_map(|(record, cut)| Edit::Record(record, cut)),
        1 => Just(Edit::Objects),
        3 => Just(Edit::Wait),
    ]
}

impl Node {
    fn name(&self, index: usize) -> String {
        let kind = match self.kind {
            Kind::Synthesize => "synthesize",
            Kind::Split | Kind::SplitOfSources => "split",
            Kind::Train | Kind::GoOn => "train",
            Kind::Evaluate => "evaluate",
            Kind::Preview => "preview",
        };
        format!("{kind}.n{index}")
    }
}

impl Graph {
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.iter().enumerate().map(|(index, node)| node.name(index)).collect()
    }

    /// An earlier stage of one of these kinds, if there is any.
    fn before(&self, index: usize, choice: &Index, kinds: &[Kind]) -> Option<String> {
        let earlier = self.0[..index].iter().enumerate().filter(|(_, node)| kinds.contains(&node.kind));
        let names: Vec<String> = earlier.map(|(index, node)| node.name(index)).collect();
        (!names.is_empty()).then(|| choice.get(&names).clone())
    }

    /// The pipeline file. Every stage has its own seed, so that no two stages share a key.
    pub(super) fn text(&self) -> String {
        let mut text = "[pipeline]\nname = 'chain'\n[run]\nthreads = 1\n".to_owned();
        for (index, node) in self.0.iter().enumerate() {
            let seed = 10 * index + node.seed as usize;
            write!(text, "[{}]\nseed = {seed}\n{}", node.name(index), self.inputs(index, node)).unwrap();
        }
        text
    }

    fn inputs(&self, index: usize, node: &Node) -> String {
        let [one, two, three] = &node.parents;
        let split = |choice| self.before(index, choice, &[Kind::Split, Kind::SplitOfSources]).unwrap();
        let train = |choice| self.before(index, choice, &[Kind::Train, Kind::GoOn]).unwrap();
        let sizes = "sizes = { train = 9, validation = 9, test = 9 }";
        match node.kind {
            Kind::Synthesize => String::new(),
            Kind::Split => match self.before(index, one, &[Kind::Synthesize]) {
                Some(from) => format!("images = '{from}/images'\nlabels = '{from}/labels'\n{sizes}\n"),
                None => format!("images = 'x.h5'\nlabels = 'y.h5'\n{sizes}\n"),
            },
            Kind::SplitOfSources => format!("images = 'x.h5'\nlabels = 'y.h5'\n{sizes}\n"),
            Kind::Train => format!("data = '{}'\nepochs = 1\n", split(one)),
            Kind::GoOn => {
                format!("data = '{}'\nepochs = 1\nweights = '{}'\n", split(one), train(two))
            }
            Kind::Evaluate => {
                let (model, images, other) = (train(one), split(two), split(three));
                format!("model = '{model}'\nimages = '{images}/test'\nvalidation = '{other}/validation'\n")
            }
            Kind::Preview => format!("images = '{}/train'\nrows = 1\ncolumns = 1\n", split(one)),
        }
    }

    /// Applies an edit.
    pub(super) fn edit(&mut self, project: &Project, edit: &Edit) {
        match edit {
            Edit::Seed(node, seed) => {
                let count = self.0.len();
                self.0[node.index(count)].seed = *seed;
            }
            Edit::Source(file, content) => write_source(project, SOURCES[usize::from(*file)], *content),
            Edit::Object(which, cut) => harm(&project.store().join("objects"), which, *cut),
            Edit::Record(which, cut) => harm(&project.store().join("actions"), which, *cut),
            Edit::Objects => drop(fs::remove_dir_all(project.store().join("objects"))),
            Edit::Wait => std::thread::sleep(std::time::Duration::from_millis(60)),
        }
    }
}

/// Writes the sources with their initial content.
pub(super) fn write_sources(project: &Project) {
    SOURCES.iter().for_each(|name| write_source(project, name, 0));
}

fn write_source(project: &Project, name: &str, content: u8) {
    let path = project.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{name} {content}")).unwrap();
}

fn harm(folder: &Path, which: &Index, cut: bool) {
    let all = files(folder);
    let Some(path) = (!all.is_empty()).then(|| which.get(&all)) else { return };
    if !cut {
        return fs::remove_file(path).unwrap();
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let length = path.metadata().unwrap().len();
    fs::File::options().write(true).open(path).unwrap().set_len(length / 2).unwrap();
}
