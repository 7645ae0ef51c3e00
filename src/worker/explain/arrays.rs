//! The results of explainers: maps, and further arrays of some methods.

/// The results of a batch. Arrays are row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Maps {
    /// `[N]`, of tumour.
    pub(crate) logits: Vec<f32>,
    /// [N, S, S], raw.
    pub(crate) map: Vec<f32>,
    /// [N, rows, columns] before enlarging; empty if nothing was enlarged.
    pub(crate) native: Vec<f32>,
    /// [N, 3, S, S], signed, by channel; empty if the method has none.
    pub(crate) attribution: Vec<f32>,
    /// `[N]`; empty if the method has no completeness.
    pub(crate) deltas: Vec<Delta>,
}

impl Maps {
    /// Appends the results of another batch.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.logits.append(&mut other.logits);
        self.map.append(&mut other.map);
        self.native.append(&mut other.native);
        self.attribution.append(&mut other.attribution);
        self.deltas.append(&mut other.deltas);
    }
}

/// How nearly the attributions of an image add up to the change of the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delta {
    /// Their sum minus the change of the score.
    pub(crate) delta: f64,
    /// Its magnitude, relative to that change (or to 1e-6 if that is larger).
    pub(crate) relative: f64,
    /// The number of steps.
    pub(crate) steps: usize,
}

/// The further arrays of a method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrays {
    /// Rows and columns of the maps before enlarging.
    pub(crate) native: Option<[usize; 2]>,
    /// Signed values by channel.
    pub(crate) attribution: bool,
    /// Completeness.
    pub(crate) delta: bool,
}
