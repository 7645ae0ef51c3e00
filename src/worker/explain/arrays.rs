//! What explainers hand out: maps, and what some of them have beside.

/// What was found out about a batch; arrays are row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Maps {
    /// `[N]`, of "tumour".
    pub(crate) logits: Vec<f32>,
    /// [N, 96, 96], raw.
    pub(crate) map: Vec<f32>,
    /// [N, rows, columns] before enlarging; empty where nothing was enlarged.
    pub(crate) native: Vec<f32>,
    /// [N, 3, 96, 96], signed, by channel; empty where the method has none.
    pub(crate) attribution: Vec<f32>,
    /// `[N]`; empty where there is nothing to be complete.
    pub(crate) deltas: Vec<Delta>,
}

impl Maps {
    /// Appends another batch's.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.logits.append(&mut other.logits);
        self.map.append(&mut other.map);
        self.native.append(&mut other.native);
        self.attribution.append(&mut other.attribution);
        self.deltas.append(&mut other.deltas);
    }
}

/// How nearly an image's attributions add up to what they explain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delta {
    /// Their sum minus the change of the score.
    pub(crate) delta: f64,
    /// Its magnitude in units of that change's (of 1e-6 at least).
    pub(crate) relative: f64,
    /// With how many steps it was reached.
    pub(crate) steps: usize,
}

/// Which arrays a method has beside its maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrays {
    /// Rows and columns of the maps before they were enlarged, where they were.
    pub(crate) native: Option<[usize; 2]>,
    /// Signed values by channel.
    pub(crate) attribution: bool,
    /// What they miss of completeness.
    pub(crate) delta: bool,
}
