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
    // Half a minute each, after a first one of half an hour.
    ("dvc", &["repro"], "dvc", 2),
];

/// What a peer takes for 1,000 stages in which there is nothing to do.
pub(crate) fn lines(name: &str) -> Vec<Line> {
    let peer = PEERS.into_iter().find(|(known, ..)| *known == name);
    let Some((peer, program)) = peer.zip(on_the_path(name)) else { return Vec::new() };
    let shared =
        std::env::var_os("PCAMFLOW_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let script = shared.join("peers/engine_graph.py");
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    if !is_there(&script) {
        return Vec::new();
    }
    once(Command::new("python3").arg(&script).args(["25", "40"]).arg(folder.path()));
    let (name, arguments, below, runs) = peer;
    let run = || {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder.path().join(below));
        command
    };
    if name == "dvc" {
        once(Command::new(&program).args(["init", "--no-scm", "-q"]).current_dir(folder.path().join(below)));
    }
    vec![line(&format!("{name}, no-op of 1,000 stages"), timed(runs, run), "")]
}
