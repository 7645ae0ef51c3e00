//! A sweep in a temporary folder: trials of ten stages, each of which is a job.

use std::{fmt::Write, fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{STAGES, s3::S3, scripted::Slurm};

/// A project with `p.toml` and the values of its trials.
pub(crate) struct Project {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Project {
    /// Every stage of a trial reads the two before it, and the first has the trial's value.
    pub(crate) fn new(trials: usize, slurm: &Slurm, bucket: &S3) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let mut text =
            "[pipeline]\nname = 'sweep'\n[run]\nslurm = { max-jobs = 1000 }\n[report]\nenabled = false\n"
                .to_owned();
        for stage in 0..STAGES {
            let before = (1..=2).filter_map(|back| stage.checked_sub(back));
            let inputs: Vec<String> = before.map(|one| format!("i{one} = 'command.s{one}/out'")).collect();
            let _ = write!(
                text,
                "[command.s{stage}]\nshell = 'exit 1'\ninputs = {{ {} }}\nartifacts = {{ out = 'out.txt' }}\n\
                 environment = {{ VALUE = '0' }}\nrun = {{ slurm = true }}\n",
                inputs.join(", ")
            );
        }
        let values: String = (0..trials).map(|trial| format!("'{trial}'\n")).collect();
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("folder is writable");
        write("p.toml", &text);
        write("trials.csv", &format!("command.s0.environment.VALUE\n{values}"));
        let (settings, mut environment) = bucket.given();
        write("pcamflow.toml", &settings);
        environment.extend(slurm.environment());
        Self { folder, environment }
    }

    /// Runs all trials.
    pub(crate) fn sweep(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" sweep p.toml --from trials.csv --json >events 2>errors"]);
        command.arg(env!("CARGO_BIN_EXE_pcamflow")).current_dir(self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What went wrong.
    pub(crate) fn trouble(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let events = read("events");
        let failed = events.lines().filter(|line| line.contains("\"event\":\"failed\""));
        failed.take(3).chain(read("errors").lines()).collect::<Vec<_>>().join("\n")
    }

    /// How many results the store has.
    pub(crate) fn results(&self) -> usize {
        let list = |path: &Path| fs::read_dir(path).expect("the store can be read").flatten();
        let actions = self.folder.path().join(".pcamflow/actions");
        list(&actions).map(|folder| list(&folder.path()).count()).sum()
    }
}
