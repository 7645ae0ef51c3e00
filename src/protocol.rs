//! What the engine and the processes that compute send each other: one JSON value a line.
//!
//! A process is started with one end of a socket as its standard input. It reads `Request`s from it and writes
//! `Reply`s to it. (One that a launcher starts writes them to its standard output.) What a library prints to standard
//! output or standard error goes to the stage's log. A
//! process works on one task at a time and ends when the socket is closed, so nothing computes on after the
//! engine has died. Plain data only; `serve` and the engine send and receive it.

mod check;
mod input;
mod progress;

use std::{collections::BTreeMap, fmt::Display, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::finite::Number;
use crate::stages::{AnyStage, DeviceChoice, Launcher};

pub use check::{
    About, Answer, Downloads, Finding, Holds, PatchFiles, Question, Severity, Wanted, WeightsFile,
};
pub use input::InputFile;
pub use progress::{EpochEnd, Progress};

/// The version of these types: engine and worker of different versions refuse each other.
pub const VERSION: u32 = 9;

/// The file in a task's folder for partial work with a picture of the training so far, for people who watch.
pub const CURVES: &str = "curves.png";

/// The argument of a process that is started by a launcher: it reads requests from standard input and writes replies to
/// standard output.
pub const BY_LAUNCHER: &str = "--by-launcher";

/// The variable that keeps a run off the network if its value is 1.
pub const OFFLINE: &str = "PCAMFLOW_OFFLINE";

/// The variable that gives the program of a `command` stage the folder in which it runs. The processes that the
/// program started are found by it.
pub const FOLDER: &str = "PCAMFLOW_FOLDER";

/// What the engine sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// The first request. Processes older than version 3 refuse it.
    Hello {
        /// The engine's `VERSION`.
        protocol: u32,
    },
    /// Compute one stage.
    Run(Box<Task>),
    /// Open and check source files.
    Check(Vec<Question>),
}

/// One stage to compute.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Task {
    /// The stage's name, for messages.
    pub name: String,
    /// Its parameters.
    pub stage: AnyStage,
    /// What it reads, by slot.
    pub inputs: BTreeMap<String, InputFile>,
    /// The empty folder into which its artifacts go, under their declared file names.
    pub staging: PathBuf,
    /// The folder that keeps partial work (checkpoints) for this key from attempt to attempt.
    pub work: PathBuf,
    /// The folder of the source files, for a stage that looks for files there whose digests it knows. Other stages read
    /// only their inputs.
    pub data: Option<PathBuf>,
    /// What it may use.
    pub resources: Resources,
    /// What starts the process, if it is to be elsewhere.
    pub launcher: Option<Launcher>,
    /// The text of the file by which such a process knows the folders.
    pub token: Option<String>,
}

/// What a stage may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resources {
    /// Where tensors live.
    pub device: DeviceChoice,
    /// CPU threads.
    pub threads: usize,
    /// Images per batch where nothing is learnt; `None`: the stage chooses by device.
    pub inference_batch: Option<usize>,
    /// Bytes that it may hold beside the model; `None`: the stage chooses by device.
    pub memory: Option<u64>,
    /// Whether it computes in float32 if the device lacks its precision; else it fails.
    pub precision_fallback: bool,
    /// Epochs between two checkpoints.
    pub checkpoint_interval: u32,
    /// How long it may take, which the engine enforces; `None`: no limit.
    pub timeout: Option<Duration>,
}

/// What a process that computes sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The process is ready for requests.
    Ready {
        /// Its protocol `VERSION`.
        protocol: u32,
        /// Versions of what computes (`libtorch` -> `2.11.0`), for provenance.
        versions: BTreeMap<String, String>,
        /// The name of its machine. (Older processes do not say, and are refused for their version.)
        #[serde(default)]
        host: String,
    },
    /// The task has made progress.
    Progress(Progress),
    /// An epoch of a training has ended.
    Epoch {
        /// Its numbers.
        end: EpochEnd,
        /// The loss of every step.
        losses: Vec<f32>,
    },
    /// A line for the stage's log. Its level says whether the user also sees it.
    Log {
        /// How much it matters.
        level: Level,
        /// One line.
        text: String,
    },
    /// The answers to the questions of a check, in their order.
    Checked(Vec<Answer>),
    /// The task is done: its artifacts are in the staging folder.
    Done(Outcome),
    /// The task failed; the process is ready for another.
    Failed(Failure),
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Only for the log.
    Info,
    /// The user should see it.
    Warning,
}

/// What a finished task reports, besides its artifacts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Its main numbers, the most important first.
    pub numbers: Vec<Number>,
    /// Where it computed: `cpu`, `cuda:0 (NVIDIA H200)`.
    pub device: String,
    /// Where it continued, if it resumed partial work: `epoch 3, made with 2 threads`.
    pub resumed: Option<String>,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// What was at fault.
    pub class: FailureClass,
    /// What happened, and where.
    pub message: String,
}

impl Failure {
    /// A failure of the stage itself: its inputs or parameters.
    pub fn stage(message: impl Display) -> Self {
        Self { class: FailureClass::Stage, message: message.to_string() }
    }

    /// A failure of the machine.
    pub fn environment(message: impl Display) -> Self {
        Self { class: FailureClass::Environment, message: message.to_string() }
    }

    /// A failure of the process.
    pub fn process(message: impl Display) -> Self {
        Self { class: FailureClass::Process, message: message.to_string() }
    }

    /// A task that took longer than it may.
    pub fn timeout(message: impl Display) -> Self {
        Self { class: FailureClass::Timeout, message: message.to_string() }
    }

    /// A failure because something panicked, which is an error in pcamflow.
    #[must_use]
    pub fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        // libtorch's messages carry a C++ backtrace below their first lines.
        let lines = text.lines().take_while(|line| !line.starts_with("Exception raised from"));
        Self::process(format!("internal error (please report it): {}", lines.collect::<Vec<_>>().join(" ")))
    }
}

/// What was at fault. This decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The stage's inputs or parameters.
    Stage,
    /// The machine: no such GPU, no libtorch, a full disk.
    Environment,
    /// The process itself: it crashed, was killed, or broke the protocol.
    Process,
    /// It took longer than it may.
    Timeout,
}
