//! Projects in temporary folders, for the engine to work in.

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::measure::once;

/// The binary that is measured.
pub(crate) const PCAMFLOW: &str = env!("CARGO_BIN_EXE_pcamflow");

/// Layers of stages; each reads four of the layer before, as `engine_graph.py` has it for the peers.
#[derive(Clone, Copy)]
pub(crate) struct Graph {
    pub(crate) layers: usize,
    pub(crate) width: usize,
}

/// A project folder; the pipeline is `p.toml`.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        fs::create_dir_all(folder.path().join(".pcamflow")).expect("it can be written");
        fs::create_dir_all(folder.path().join("data")).expect("it can be written");
        Self { folder }
    }

    /// The path of a source of the graph.
    pub(crate) fn source(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("data/s{number}.txt"))
    }

    /// The graph: every stage hashes what it reads. Sources of some bytes, or of so many, all zero.
    pub(crate) fn graph(&self, Graph { layers, width }: Graph, bytes: Option<u64>) {
        for number in 0..width {
            let file = fs::File::create(self.source(number)).expect("it can be written");
            match bytes {
                Some(bytes) => file.set_len(bytes).expect("it can be long"),
                None => fs::write(self.source(number), format!("source {number}\n").repeat(50))
                    .expect("it can be written"),
            }
        }
        let mut text = String::new();
        for (layer, place) in (0..layers).flat_map(|layer| (0..width).map(move |place| (layer, place))) {
            let inputs: Vec<String> = match layer.checked_sub(1) {
                None => vec![format!("s{place}.txt")],
                Some(before) => {
                    let mut places: Vec<usize> = [0, 1, 7, 13].map(|step| (place + step) % width).to_vec();
                    places.sort_unstable();
                    places.dedup();
                    places.iter().map(|place| format!("command.l{before}_{place}/out")).collect()
                }
            };
            text.push_str(&stage(&format!("l{layer}_{place}"), &inputs));
        }
        self.pipeline(&text);
    }

    /// A stage that reads a folder of so many files and writes one of as many.
    pub(crate) fn many_files(&self, count: usize) {
        let folder = self.folder.path().join("data/many");
        fs::create_dir(&folder).expect("it can be written");
        for number in 0..count {
            fs::write(folder.join(format!("{number}.txt")), number.to_string()).expect("it can be written");
        }
        self.pipeline(
            "[command.copy]\nshell = 'cp -r {many}/. {artifacts.copy}'\ninputs = { many = 'many/' }\n\
             artifacts = { copy = 'copy/' }\n",
        );
    }

    /// Chains of stages that keep a core busy for a while each.
    pub(crate) fn busy_chains(&self, chains: usize, length: usize) {
        let mut text = String::new();
        for (chain, link) in (0..chains).flat_map(|chain| (0..length).map(move |link| (chain, link))) {
            let input = link
                .checked_sub(1)
                .map(|before| format!("inputs = {{ a = 'command.c{chain}_{before}/out' }}\n"));
            let _ = write!(
                text,
                "[command.c{chain}_{link}]\n\
                 shell = 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo {chain} {link} > {{artifacts.out}}'\n\
                 {}artifacts = {{ out = 'out.txt' }}\n",
                input.unwrap_or_default()
            );
        }
        self.pipeline(&text);
    }

    /// So many stages with so many artifacts each.
    pub(crate) fn many_objects(&self, stages: usize, artifacts: usize) {
        let mut text = String::new();
        for number in 0..stages {
            let names: Vec<String> = (0..artifacts).map(|one| format!("a{one} = 'o{one}'")).collect();
            let _ = writeln!(
                text,
                "[command.m{number}]\nshell = 'i=0; while [ $i -lt {artifacts} ]; do echo {number} $i > o$i; i=$((i+1)); done'\n\
                 artifacts = {{ {} }}",
                names.join(", ")
            );
        }
        self.pipeline(&text);
    }

    fn pipeline(&self, text: &str) {
        fs::write(self.folder.path().join("p.toml"), text).expect("it can be written");
        // Files that were changed just now are hashed again the next time.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    /// `pcamflow VERB p.toml`.
    pub(crate) fn command(&self, verb: &str) -> Command {
        self.cache(&[verb, "p.toml"])
    }

    /// `pcamflow ARGUMENTS`.
    pub(crate) fn cache(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PCAMFLOW);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs the pipeline.
    pub(crate) fn run(&self) {
        once(&mut self.command("run"));
    }

    /// As if nothing had ever run.
    pub(crate) fn forget(&self) {
        for name in [".pcamflow", "out"] {
            let _ = fs::remove_dir_all(self.folder.path().join(name));
        }
        fs::create_dir(self.folder.path().join(".pcamflow")).expect("it can be written");
    }

    /// What the stages of the graph do, without an engine: so many shells, on all cores.
    pub(crate) fn bare(&self, count: usize) -> Command {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let script = format!(
            "seq {count} | xargs -P {cores} -I N /bin/sh -e -c 'cat data/s0.txt data/s1.txt data/s2.txt data/s3.txt | md5sum > bare-N'"
        );
        let mut command = Command::new("/bin/sh");
        // The locale that stages see: reading it is a good part of what so small programs take.
        command.args(["-c", &script]).env("LANG", "C.UTF-8").current_dir(self.folder.path());
        command
    }
}

/// A stage that hashes what it reads.
fn stage(name: &str, inputs: &[String]) -> String {
    let names = ["a", "b", "c", "d"];
    let read: Vec<String> = names.iter().zip(inputs).map(|(name, _)| format!("{{{name}}}")).collect();
    let inputs: Vec<String> =
        names.iter().zip(inputs).map(|(name, input)| format!("{name} = '{input}'")).collect();
    format!(
        "[command.{name}]\nshell = 'cat {} | md5sum > {{artifacts.out}}'\ninputs = {{ {} }}\n\
         artifacts = {{ out = 'out.txt' }}\n",
        read.join(" "),
        inputs.join(", ")
    )
}
