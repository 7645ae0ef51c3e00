//! Runs the same graph with other workflow tools, if installed. `../shared/peers/engine_graph.py` writes it.

use std::{path::PathBuf, process::Command};

use crate::{
    Line, is_there, line,
    measure::{on_the_path, once, timed},
};

/// A program, its arguments, the folder of its graph, and the number of runs.
type Peer = (&'static str, &'static [&'static str], &'static str, usize);

const PEERS: [Peer; 4] = [
    ("ninja", &[], "ninja", 30),
    ("n2", &[], "ninja", 30),
    ("snakemake", &["-c", "all", "--quiet", "all"], "smk", 10),
    // The first run takes half an hour, each further one half a minute.
    ("dvc", &["repro"], "dvc", 2),
];

/// Times a no-op run of a peer with 1,000 stages.
pub(crate) fn lines(name: &str) -> Vec<Line> {
    let peer = PEERS.into_iter().find(|(known, ..)| *known == name);
    let Some((peer, program)) = peer.zip(on_the_path(name)) else { return Vec::new() };
    let shared =
        std::env::var_os("PCAMFLOW_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let script = shared.join("peers/engine_graph.py");
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
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
