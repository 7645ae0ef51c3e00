//! The lines of the table: what is done, how `pcamflow` is told to do it, and how many operations it takes.
//! Knows neither how a line is measured nor how a peer does the same.

use crate::peers::Ceiling;

/// Operations of a forward pass of the full-width network for one image: its convolutions.
const FORWARD: f64 = 1.035e9;
/// Bytes of a patch.
const PATCH: f64 = 96.0 * 96.0 * 3.0;

/// A line of the table.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Of all rates of the line.
    pub(crate) unit: &'static str,
    pub(crate) work: Work,
    /// The peer's name for the work.
    pub(crate) peer: &'static str,
    pub(crate) cost: Cost,
}

/// What one unit costs at least.
pub(crate) enum Cost {
    /// So many forward passes of the network; a pass backwards to the activations costs as much, and so does one
    /// to the weights.
    Passes(f64),
    /// A copy of so many bytes.
    Copy(f64),
    /// Depends on the image.
    Unknown,
}

/// How `pcamflow` does it.
pub(crate) enum Work {
    /// One stage, by what further patches add to its time.
    Stage {
        stage: &'static str,
        /// Stages in TOML. `${params.size}` stands for the number of patches.
        text: &'static [&'static str],
        /// Two numbers of patches, per core.
        patches: [usize; 2],
        /// Units per patch.
        units: f64,
    },
    /// The whole command with an empty store.
    Command {
        /// A pipeline in TOML.
        text: &'static str,
        data: Data,
        /// Units per run.
        units: f64,
    },
}

/// The source files of a whole command.
#[derive(Clone, Copy)]
pub(crate) enum Data {
    /// 65,536 rows of noise: `x.h5` and `y.h5`.
    Noise,
    /// Synthetic patches: `images.h5` and `labels.h5`.
    Synthetic,
}

impl Line {
    /// Whether bf16 is measured: a split has no network, and rounding alone is more than the adaptive steps allow.
    pub(crate) fn has_bf16(&self) -> bool {
        !matches!(self.peer, "split" | "integrated-gradients-to-delta")
    }
}

impl Cost {
    /// Units per second that the machine allows.
    pub(crate) fn ceiling(&self, machine: Ceiling) -> Option<f64> {
        match self {
            Self::Passes(passes) => Some(machine.flops / (passes * FORWARD)),
            Self::Copy(bytes) => Some(machine.bytes / bytes),
            Self::Unknown => None,
        }
    }
}

/// An explanation of the first test patches, without its method.
const EXPLAIN: &str = "[explain.measured]\nmodel = 'train.model'\nimages = 'split.patches/test'\n\
                       take = '${params.size}'\npanel = 0\n";

const fn explain(
    name: &'static str,
    text: &'static [&'static str],
    patches: [usize; 2],
    peer: &'static str,
    cost: Cost,
) -> Line {
    let work = Work::Stage { stage: "explain.measured", text, patches, units: 1.0 };
    Line { name, unit: "images/s", work, peer, cost }
}

pub(crate) const LINES: [Line; 10] = [
    Line {
        name: "training step, batch 64",
        unit: "images/s",
        work: Work::Stage {
            stage: "train.measured",
            text: &[
                "[split.measured]\nimages = 'synthesize.patches/images'\nlabels = 'synthesize.patches/labels'\n",
                "sizes = { train = '${params.size}', validation = 32, test = 32 }\n",
                "[train.measured]\ndata = 'split.measured'\nepochs = 1\nbatch-size = 64\n",
            ],
            patches: [64, 320],
            units: 1.0,
        },
        peer: "training-step",
        cost: Cost::Passes(3.0),
    },
    Line {
        name: "inference, best batch",
        unit: "images/s",
        work: Work::Stage {
            stage: "evaluate.measured",
            text: &[
                "[evaluate.measured]\nmodel = 'train.model'\nimages = 'split.patches/test'\n",
                "take = '${params.size}'\nresamples = 0\n",
            ],
            patches: [64, 576],
            units: 1.0,
        },
        peer: "inference",
        cost: Cost::Passes(1.0),
    },
    explain("Grad-CAM", &[EXPLAIN, "method.grad-cam = {}\n"], [64, 576], "grad-cam", Cost::Passes(1.0)),
    explain("saliency", &[EXPLAIN, "method.saliency = {}\n"], [32, 288], "saliency", Cost::Passes(2.0)),
    explain(
        "occlusion 16/8",
        &[EXPLAIN, "method.occlusion = {}\n"],
        [2, 10],
        "occlusion",
        Cost::Passes(122.0),
    ),
    explain(
        "integrated gradients, 50 steps",
        &[EXPLAIN, "method.integrated-gradients = { steps = 50 }\n"],
        [2, 10],
        "integrated-gradients",
        Cost::Passes(100.0),
    ),
    explain(
        "integrated gradients, to relative delta 0.01",
        &[EXPLAIN, "method.integrated-gradients = { steps = 'adaptive', tolerance = 0.01 }\n"],
        [2, 18],
        "integrated-gradients-to-delta",
        Cost::Unknown,
    ),
    Line {
        name: "insertion + deletion, 97 points",
        unit: "maps/s",
        work: Work::Stage {
            stage: "metrics.measured",
            text: &[
                EXPLAIN,
                "method.grad-cam = {}\n",
                "[metrics.measured]\nexplanations = { map = 'explain.measured' }\nresamples = 0\n",
            ],
            patches: [1, 5],
            // The map and the two controls, for which the same is done.
            units: 3.0,
        },
        peer: "insertion-deletion",
        cost: Cost::Passes(2.0 * 97.0),
    },
    Line {
        name: "split of 20 % of 65,536 rows, whole command",
        unit: "rows/s",
        work: Work::Command {
            text: "[split.rows]\nimages = 'x.h5'\nlabels = 'y.h5'\n\
                   sizes = { train = 11_107, validation = 1000, test = 1000 }\n",
            data: Data::Noise,
            units: 13_107.0,
        },
        peer: "split",
        cost: Cost::Copy(PATCH),
    },
    Line {
        name: "the notebook on 384 patches, whole command",
        unit: "jobs/h",
        work: Work::Command { text: include_str!("notebook.toml"), data: Data::Synthetic, units: 3600.0 },
        peer: "notebook",
        // Training, validation and test; the four methods; two curves of 51 points for two of them, but not for the
        // controls, which the notebook does not have.
        cost: Cost::Passes(
            (256.0 * 3.0 * 3.0 + 64.0 * 3.0 + 64.0 + 8.0 * (1.0 + 2.0 + 122.0 + 100.0 + 2.0 * 2.0 * 51.0))
                / 3600.0,
        ),
    },
];
