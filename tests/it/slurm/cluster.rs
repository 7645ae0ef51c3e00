//! The Slurm of these tests: one for all of them, real, on this machine. It ends when the tests' process ends.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::sandbox::Sandbox;

/// The script that starts it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/slurm/cluster.sh");

/// The programs that it needs, with their folders, because daemons may not be on the PATH.
const PROGRAMS: [&str; 4] = ["munged", "slurmctld", "slurmd", "sbatch"];

/// A running cluster.
pub(super) struct Cluster {
    folder: PathBuf,
    /// Its end ends the cluster.
    _alive: ChildStdin,
    _folder: TempDir,
}

/// The cluster, or a note that the test skips.
pub(super) fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(Cluster::start).as_ref();
    if cluster.is_none() {
        eprintln!("skipped: there is no Slurm here (Debian: slurm-wlm and munge)");
    }
    cluster
}

fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&folders).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).any(|path| path.is_file())
}

impl Cluster {
    #[allow(clippy::zombie_processes, reason = "it ends with the tests, which cannot wait for it then")]
    fn start() -> Option<Self> {
        let is_here = PROGRAMS.into_iter().all(is_installed);
        assert!(is_here || std::env::var_os("PCAMFLOW_REQUIRE_SLURM").is_none(), "Slurm is not installed");
        if !is_here {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut script = Command::new("sh");
        script.arg(SCRIPT).arg(&root).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = script.spawn().unwrap();
        let (alive, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let first = lines.next().unwrap_or_default();
        assert_eq!(first, "ready", "{}", lines.collect::<Vec<_>>().join("\n"));
        Some(Self { folder: root, _alive: alive, _folder: folder })
    }

    fn configuration(&self) -> String {
        self.folder.join("slurm.conf").display().to_string()
    }

    /// The project on this cluster.
    pub(super) fn for_project(&self, project: Sandbox) -> Sandbox {
        project.env("SLURM_CONF", &self.configuration())
    }

    /// What one of Slurm's commands prints.
    pub(super) fn say(&self, program: &str, words: &[&str]) -> String {
        let output =
            Command::new(program).args(words).env("SLURM_CONF", self.configuration()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// The jobs of a project in these states (`all`, or `pending,running`), each with its name.
    pub(super) fn jobs(&self, project: &Sandbox, states: &str) -> Vec<(u64, String)> {
        let store = Path::new(&project.path(".pcamflow")).canonicalize().unwrap();
        let store = pcamflow::digest::Digest::of(store.as_os_str().as_encoded_bytes()).short();
        let said = self
            .say("squeue", &["--noheader", "--sort=i", &format!("--states={states}"), "--format=%i|%j|%k"]);
        let of_project = said.lines().filter(|line| line.trim_end().ends_with(&store));
        let job = |line: &str| {
            let mut fields = line.split('|');
            Some((fields.next()?.parse().ok()?, fields.next()?.to_owned()))
        };
        of_project.filter_map(job).collect()
    }
}
