//! The same graph for others, where they are installed: `../shared/peers/engine_graph.py` writes it.

use std::{path::PathBuf, process::Command};

use crate::{
    Line, is_there, line,
    measure::{on_the_path, once, timed},
};

/// A program, its arguments, the folder that the graph is in, and how often it is run.
type Peer = (&'static str, &'static [&'static str], &'static str, usize);

const PEERS: [Peer; 4] = [
    ("ninja", &[], "ninja", 30),
    ("n2", &[], "ninja", 30),
    ("snakemake", &["-c", "all", "--quiet", "all"], "smk", 10),
    // Half a minute each.
    ("dvc", &["repro"], "dvc", 2),
];

/// What the peers take for a graph in which there is nothing to do.
pub(crate) fn lines(layers: &str, width: &str) -> Vec<Line> {
    let shared =
        std::env::var_os("PCAMFLOW_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let script = shared.join("peers/engine_graph.py");
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    if !is_there(&script) {
        return Vec::new();
    }
    once(Command::new("python3").arg(&script).args([layers, width]).arg(folder.path()));
    let there = PEERS.into_iter().filter_map(|peer| Some((on_the_path(peer.0)?, peer)));
    let measured = there.map(|(program, (name, arguments, below, runs))| {
        let run = || {
            let mut command = Command::new(&program);
            command.args(arguments).current_dir(folder.path().join(below));
            command
        };
        if name == "dvc" {
            once(
                Command::new(&program)
                    .args(["init", "--no-scm", "-q"])
                    .current_dir(folder.path().join(below)),
            );
        }
        line(&format!("{name}, no-op of the same"), timed(runs, run), "")
    });
    measured.collect()
}
