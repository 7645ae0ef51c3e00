//! Benchmark projects in temporary folders.

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{machine::cores, measure::once};

/// The measured binary.
pub(crate) const PCAMFLOW: &str = env!("CARGO_BIN_EXE_pcamflow");

/// Layers of stages. Each stage reads four of the previous layer, as in `engine_graph.py` for the peers.
#[derive(Clone, Copy)]
pub(crate) struct Graph {
    pub(crate) layers: usize,
    pub(crate) width: usize,
}

/// A project folder with the pipeline `p.toml`.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        fs::create_dir_all(folder.path().join(".pcamflow")).expect("folder is writable");
        fs::create_dir_all(folder.path().join("data")).expect("folder is writable");
        Self { folder }
    }

    /// The path of a source of the graph.
    pub(crate) fn source(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("data/s{number}.txt"))
    }

    /// Writes the graph: every stage hashes its inputs. With `bytes`, each source has that many zero bytes.
    pub(crate) fn graph(&self, Graph { layers, width }: Graph, bytes: Option<u64>) {
        for number in 0..width {
            let file = fs::File::create(self.source(number)).expect("folder is writable");
            match bytes {
                Some(bytes) => file.set_len(bytes).expect("the source can be extended"),
                None => fs::write(self.source(number), format!("source {number}\n").repeat(50))
                    .expect("folder is writable"),
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

    /// A stage that copies a folder of `count` files.
    pub(crate) fn many_files(&self, count: usize) {
        let folder = self.folder.path().join("data/many");
        fs::create_dir(&folder).expect("folder is writable");
        for number in 0..count {
            fs::write(folder.join(format!("{number}.txt")), number.to_string()).expect("folder is writable");
        }
        self.pipeline(
            "[command.copy]\nshell = 'cp -r {many}/. {artifacts.copy}'\ninputs = { many = 'many/' }\n\
             artifacts = { copy = 'copy/' }\n",
        );
    }

    /// Chains of stages that each keep a core busy for a while.
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

    /// `stages` stages with `artifacts` artifacts each.
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
        fs::write(self.folder.path().join("p.toml"), text).expect("folder is writable");
        // The engine hashes recently changed files again, so wait until the sources are old enough.
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

    pub(crate) fn run(&self) {
        once(&mut self.command("run"));
    }

    /// Deletes the store and the shown results.
    pub(crate) fn forget(&self) {
        for name in [".pcamflow", "out"] {
            let _ = fs::remove_dir_all(self.folder.path().join(name));
        }
        fs::create_dir(self.folder.path().join(".pcamflow")).expect("folder is writable");
    }

    /// Runs `count` shells with the work of a stage on all cores, without an engine.
    pub(crate) fn bare(&self, count: usize) -> Command {
        let cores = cores();
        let script = format!(
            "seq {count} | xargs -P {cores} -I N /bin/sh -e -c 'cat data/s0.txt data/s1.txt data/s2.txt data/s3.txt | md5sum > bare-N'"
        );
        let mut command = Command::new("/bin/sh");
        // Use the same locale as stages: loading it is a large part of the time of such small programs.
        command.args(["-c", &script]).env("LANG", "C.UTF-8").current_dir(self.folder.path());
        command
    }
}

/// A stage that hashes its inputs.
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
