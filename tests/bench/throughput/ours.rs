//! Measures `pcamflow` with the real binaries, in a project in a temporary folder. Knows no peer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    lines::{Data, Work},
    machine::cores,
    rows,
};

const PCAMFLOW: &str = env!("CARGO_BIN_EXE_pcamflow");
/// The exit code of a refused pipeline.
const REFUSED: i32 = 2;

/// A project folder. `base.toml` has the patches and the model that lines read.
pub(crate) struct Project {
    folder: TempDir,
    /// The precision of every stage.
    precision: String,
}

impl Project {
    pub(crate) fn new(precision: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let project = Self { folder, precision: precision.to_owned() };
        fs::create_dir_all(project.path("data")).expect("folder is writable");
        project.write("base.toml", &base(cores()));
        project
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes what the work needs and returns the folder with the data of its peer, or `None` if its pipeline is
    /// refused. Runs the work once, so that later runs are warm.
    pub(crate) fn prepare(&self, work: &Work) -> Option<PathBuf> {
        let (data, text) = match work {
            Work::Stage { text, .. } => {
                self.run(&["base.toml", "train.model"]);
                let text = text.concat();
                (self.path("out/throughput"), format!("extends = 'base.toml'\n[params]\nsize = 1\n{text}"))
            }
            Work::Command { text, data, .. } => (self.make(*data), (*text).to_owned()),
        };
        self.write("line.toml", &text);
        if self.refuses("line.toml") {
            return None;
        }
        self.rate(work);
        Some(data)
    }

    fn make(&self, data: Data) -> PathBuf {
        match data {
            Data::Noise => rows::write(&self.path("data")),
            Data::Synthetic => drop(self.run(&["base.toml", "synthesize.patches"])),
        }
        self.data(data)
    }

    fn refuses(&self, pipeline: &str) -> bool {
        let check = finished(self.pcamflow(&["check", pipeline]));
        eprint!("{}", String::from_utf8_lossy(&check.stderr));
        check.status.code() == Some(REFUSED)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("folder is writable");
    }

    /// Units per second. For a stage, patches and seconds are differences of two runs: what does not depend on the
    /// number of patches is not in them.
    pub(crate) fn rate(&self, work: &Work) -> f64 {
        match work {
            Work::Stage { stage, patches, units, .. } => {
                let [short, long] = patches.map(|size| self.seconds(stage, size));
                units * ((patches[1] - patches[0]) * cores()) as f64 / (long - short)
            }
            Work::Command { data, units, .. } => units / self.whole(*data),
        }
    }

    /// How long a stage takes with `size` patches per core.
    fn seconds(&self, stage: &str, size: usize) -> f64 {
        let size = format!("params.size={}", size * cores());
        let output = self.run(&["line.toml", stage, "--force", stage, "--set", &size, "--json"]);
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let events = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let seconds = |event: Value| {
            (event["event"] == "finished" && event["stage"] == stage).then(|| event["seconds"].as_f64())?
        };
        events.filter_map(seconds).next_back().expect("the forced stage finishes")
    }

    /// How long the command takes with an empty store.
    fn whole(&self, data: Data) -> f64 {
        for folder in ["fresh", "out/line"] {
            let _ = fs::remove_dir_all(self.path(folder));
        }
        let data = self.data(data);
        let begun = Instant::now();
        self.run(&["line.toml", "--store", "fresh", "--data", data.to_str().expect("paths are text")]);
        begun.elapsed().as_secs_f64()
    }

    fn data(&self, data: Data) -> PathBuf {
        self.path(match data {
            Data::Noise => "data",
            Data::Synthetic => "out/throughput/synthesize.patches",
        })
    }

    /// `pcamflow run ARGUMENTS` on all cores, which must succeed.
    fn run(&self, arguments: &[&str]) -> Output {
        let threads = cores().to_string();
        let precision = format!("pipeline.precision={}", self.precision);
        let mut command = self.pcamflow(&["run", "--device", "cpu", "--threads", &threads, "--jobs", "1"]);
        command.args(["--set", &precision]);
        command.args(arguments);
        let output = finished(command);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pcamflow run {arguments:?}: {}\n{complaint}", output.status);
        output
    }

    fn pcamflow(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PCAMFLOW);
        command.args(arguments).current_dir(self.folder.path());
        command
    }
}

fn finished(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A pipeline with patches for every line, and with a full-width model that has learnt something.
fn base(cores: usize) -> String {
    format!(
        "[pipeline]\nname = 'throughput'\nseed = 1\n\
         [synthesize.patches]\npatches = {}\n\
         [split.patches]\nimages = 'synthesize.patches/images'\nlabels = 'synthesize.patches/labels'\n\
         sizes = {{ train = {}, validation = 32, test = {} }}\n\
         [train.model]\ndata = 'split.patches'\nepochs = 3\n",
        1000 * cores,
        256 * cores,
        576 * cores
    )
}
