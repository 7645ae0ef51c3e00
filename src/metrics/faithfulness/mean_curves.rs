//! The mean curves of a method, with bands: for pictures and tables of curves.

/// The mean curves of one method.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanCurves {
    /// The method.
    pub label: String,
    /// Whether it is a control.
    pub control: bool,
    /// While pixels go; `None` where no image has a curve.
    pub deletion: Option<Band>,
    /// While pixels come; `None` where no image has a curve.
    pub insertion: Option<Band>,
}

/// A mean at every fraction, and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The mean over images.
    pub mean: Vec<f64>,
    /// The pointwise percentile bootstrap of the mean; empty where there is none.
    pub interval: Vec<crate::metrics::Interval>,
}
