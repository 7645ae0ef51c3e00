//! Runs the Python side, `tests/bench/peers/`: the peers, and what the machine can do at most. Knows only its command
//! line and the JSON that it prints.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::machine::cores;

/// Lets glibc keep the memory of large tensors.
const TUNED: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "8589934592"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
    ("MALLOC_TOP_PAD_", "268435456"),
];

/// An environment with PyTorch and Captum.
pub(crate) struct Peers {
    python: PathBuf,
    root: PathBuf,
}

/// How the memory of a peer is managed.
#[derive(Clone, Copy)]
pub(crate) enum Malloc {
    AsIs,
    Tuned,
}

/// What a peer reaches.
#[derive(Deserialize)]
pub(crate) struct Peer {
    /// Units per second.
    pub(crate) rate: f64,
    /// What it was fastest with.
    pub(crate) choice: String,
}

/// What the machine reaches.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Ceiling {
    /// Operations of float32 convolutions per second.
    pub(crate) flops: f64,
    /// Copied bytes per second.
    pub(crate) bytes: f64,
}

impl Peers {
    /// The environment that `.ci/python bench` makes. Says so if there is none.
    pub(crate) fn find() -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let peers = Self { python: root.join(".deps/venv/bin/python"), root };
        let mut import = Command::new(&peers.python);
        import.args(["-c", "import captum, h5py, pandas, safetensors, sklearn, torch"]);
        let works = import.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success());
        if !works {
            println!("Peers and ceilings are not measured: `.ci/python bench` makes their environment.\n");
        }
        works.then_some(peers)
    }

    /// `None` if the peer fails; its own words are on the standard error.
    pub(crate) fn rate(&self, work: &str, data: &Path, malloc: Malloc) -> Option<Peer> {
        self.answer(work, data, malloc)
    }

    pub(crate) fn ceiling(&self, data: &Path) -> Option<Ceiling> {
        self.answer("ceiling", data, Malloc::Tuned)
    }

    fn answer<T: DeserializeOwned>(&self, work: &str, data: &Path, malloc: Malloc) -> Option<T> {
        let mut command = Command::new(&self.python);
        command.arg(self.root.join("tests/bench/peers")).arg(work).arg("--data").arg(data);
        command.args(["--threads", &cores().to_string()]).env("PYTHONPATH", self.root.join("python/src"));
        for (name, value) in TUNED {
            match malloc {
                Malloc::AsIs => command.env_remove(name),
                Malloc::Tuned => command.env(name, value),
            };
        }
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }
}
