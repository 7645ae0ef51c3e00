//! The numbers of a method, so that tables and pictures can iterate over them.

use serde::{Deserialize, Serialize};

use super::{Difference, Estimate, LocalisationDifference, LocalisationScores, MethodSummary, Summary};

/// One number of a method, and of the difference of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The area under the deletion curve: low is good.
    Deletion,
    /// The area under the insertion curve: high is good.
    Insertion,
    /// The share of positive mass inside.
    Energy(Truth),
    /// The share of maps with their largest pixel inside.
    Pointing(Truth),
    /// For a region of K pixels, the share of the K largest pixels that are inside.
    Rank(Truth),
}

/// The region that maps are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The centre 32x32 that the label describes: weak truth.
    CentreBox,
    /// The image's true mask.
    Mask,
}

impl Truth {
    /// Both, in the order of the reports.
    pub const ALL: [Self; 2] = [Self::CentreBox, Self::Mask];

    /// Its name in texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CentreBox => "centre box",
            Self::Mask => "mask",
        }
    }

    /// The localisation of a method in this region.
    #[must_use]
    pub fn of(self, method: &MethodSummary) -> Option<&LocalisationScores> {
        match self {
            Self::CentreBox => method.localisation.centre_box.as_ref(),
            Self::Mask => method.localisation.mask.as_ref(),
        }
    }

    /// The localisation of the method with the most maps. Its chance is that of all methods without odd maps.
    #[must_use]
    pub fn largest(self, summary: &Summary) -> Option<&LocalisationScores> {
        summary.methods.iter().filter_map(|method| self.of(method)).max_by_key(|scores| scores.images)
    }

    fn of_difference(self, difference: &Difference) -> Option<&LocalisationDifference> {
        match self {
            Self::CentreBox => difference.centre_box.as_ref(),
            Self::Mask => difference.mask.as_ref(),
        }
    }

    fn of_difference_mut(self, difference: &mut Difference) -> Option<&mut LocalisationDifference> {
        match self {
            Self::CentreBox => difference.centre_box.as_mut(),
            Self::Mask => difference.mask.as_mut(),
        }
    }
}

impl Measure {
    /// All of them, in the order of the reports.
    pub const ALL: [Self; 8] = [
        Self::Deletion,
        Self::Insertion,
        Self::Energy(Truth::CentreBox),
        Self::Pointing(Truth::CentreBox),
        Self::Rank(Truth::CentreBox),
        Self::Energy(Truth::Mask),
        Self::Pointing(Truth::Mask),
        Self::Rank(Truth::Mask),
    ];

    /// Its name in texts.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Deletion => "deletion area".to_owned(),
            Self::Insertion => "insertion area".to_owned(),
            Self::Energy(truth) => format!("energy in the {}", truth.name()),
            Self::Pointing(truth) => format!("pointing in the {}", truth.name()),
            Self::Rank(truth) => format!("rank in the {}", truth.name()),
        }
    }

    /// Its value for a method; `None` if there was no region to compare with.
    #[must_use]
    pub fn of(self, method: &MethodSummary) -> Option<&Estimate> {
        match self {
            Self::Deletion => Some(&method.deletion),
            Self::Insertion => Some(&method.insertion),
            Self::Energy(truth) => truth.of(method).map(|scores| &scores.energy.score),
            Self::Pointing(truth) => truth.of(method).map(|scores| &scores.pointing.score),
            Self::Rank(truth) => truth.of(method).map(|scores| &scores.rank.score),
        }
    }

    /// The difference of two methods; `None` if there was no region to compare with.
    #[must_use]
    pub fn of_difference(self, difference: &Difference) -> Option<&Estimate> {
        match self {
            Self::Deletion => Some(&difference.deletion),
            Self::Insertion => Some(&difference.insertion),
            Self::Energy(truth) => truth.of_difference(difference).map(|it| &it.energy),
            Self::Pointing(truth) => truth.of_difference(difference).map(|it| &it.pointing),
            Self::Rank(truth) => truth.of_difference(difference).map(|it| &it.rank),
        }
    }

    /// The same, to be changed.
    pub(super) fn of_difference_mut(self, difference: &mut Difference) -> Option<&mut Estimate> {
        match self {
            Self::Deletion => Some(&mut difference.deletion),
            Self::Insertion => Some(&mut difference.insertion),
            Self::Energy(truth) => truth.of_difference_mut(difference).map(|it| &mut it.energy),
            Self::Pointing(truth) => truth.of_difference_mut(difference).map(|it| &mut it.pointing),
            Self::Rank(truth) => truth.of_difference_mut(difference).map(|it| &mut it.rank),
        }
    }
}
