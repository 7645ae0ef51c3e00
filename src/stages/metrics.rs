//! Stage kind `metrics`: do explanations show what the model uses, and do they find the evidence?

use std::collections::BTreeMap;

use super::{
    Appetite, Artifact, ArtifactRef, ArtifactType, Baseline, CentreBox, Check, DEFAULT_SEED, Equality,
    FileOrArtifact, Images, Input, Kind, Label, Model, Normalise, Peers, Precision, RunSettings, Runner,
    Stage, artifact,
    declare::{choice, parameters},
    explain::Explain,
    file_input, peer,
    split::{Split, check_own},
};
use crate::side::Side;

/// Pixels of the largest patches.
const PIXELS: usize = Side::MOST * Side::MOST;

parameters! {
    /// Insertion, deletion and localisation of any number of explanations of one question.
    pub struct Metrics {
        /// The explanations by the labels that name their results.
        input explanations: BTreeMap<Label, ArtifactRef>;
        /// The meta table of patches from files: CSV with a column `wsi`; gives each patch its slide.
        input meta: Option<FileOrArtifact> = None;
        /// Ground-truth masks of patches from files: HDF5 with `mask` [N, S, S] uint8.
        input masks: Option<FileOrArtifact> = None;
        /// Pixels that are deleted or inserted between two scores. Of larger patches more are enough: about as many as the
        /// patch has rows.
        semantic pixels_per_step: u32 = 96;
        /// What replaces deleted pixels.
        semantic deletion_baseline: Baseline = Baseline::Black;
        /// What replaces pixels that are not inserted yet.
        semantic insertion_baseline: Baseline = Baseline::Blur;
        /// How pixels are deleted and inserted.
        semantic protocol: Protocol = Protocol::Rank;
        /// The truth with which the maps of positives are compared.
        semantic localisation: Truth = Truth::Auto;
        /// The side of the centre box that labels describe, in pixels; `"none"` if they describe whole patches (default:
        /// 32 of patches of 96x96, none of others).
        inherited centre_box: CentreBox = CentreBox::Auto;
        /// Resamples of the bootstrap confidence intervals; 0 for none.
        semantic resamples: u32 = 10_000;
        /// How images are normalised for the network, unless the model tells it.
        inherited normalise: Option<Normalise> = None;
        /// How exactly the network is computed.
        inherited precision: Precision = Precision::Float32;
        /// Seeds the bootstrap and the control `random`.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// How pixels are deleted and inserted.
    pub enum Protocol {
        /// In descending order of the map (RISE, Petsiuk et al. 2018).
        Rank = "rank",
        /// All pixels at once where the map, normalised to [0, 1], reaches 0/50, 1/50, ... 50/50; black elsewhere.
        /// The protocol of the notebook, only for comparison.
        Threshold = "threshold",
    }
}

choice! {
    /// The truth with which the maps of positives are compared.
    pub enum Truth {
        /// The centre box, and true masks if there are any.
        Auto = "auto",
        /// The centre box alone.
        CentreBox = "centre-box",
        /// The centre box, and true masks, which are required.
        Masks = "masks",
    }
}

impl Stage for Metrics {
    // 2: curves by group, intervals of shares that have a width at 0 and 1, differences corrected for their number.
    // 3: pictures: numbers stand at their own panel, no label covers a curve, one colour per method.
    // 4: p-values of differences are corrected within a measure, no longer over all measures.
    const VERSION: u32 = 4;
    const CORRECTIONS: &'static [&'static str] = &[
        "curves are drawn by group, shares of 0 and 1 have intervals, and paired differences are corrected for their number",
        "numbers in pictures stand at their own panel, and no label covers a curve (the numbers are the same)",
        "p-values of paired differences are corrected for the pairs of one measure, no longer for all measures together",
    ];
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    /// The slots `explanations.LABEL`; `model`, and `images` or its parts, of the explanations; `meta`, `masks`;
    /// for the mean colour, `data.train` or its parts.
    fn inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> = self.explanations.iter().map(maps_input).collect();
        // A stage of another kind is reported once, as no explanation.
        let explanations = self.explanations.values().filter(|from| from.stage.kind == Kind::Explain);
        inputs.extend(explanations.flat_map(|from| {
            ["model", "images"].map(|slot| Input::inherited(slot, "explanations", &from.stage, &[]))
        }));
        inputs.extend(self.meta.as_ref().map(|meta| file_input("meta", meta, ArtifactType::Meta)));
        inputs.extend(self.masks.as_ref().map(|masks| file_input("masks", masks, ArtifactType::Masks)));
        if let Some(first) = self.explanations.values().next() {
            let baselines = [
                ("deletion-baseline", self.deletion_baseline),
                ("insertion-baseline", self.insertion_baseline),
            ];
            let of = |(field, baseline): (_, Baseline)| baseline.input(field, &first.stage, &["model"]);
            inputs.extend(baselines.into_iter().find_map(of));
        }
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("summary", "summary.json", ArtifactType::Numbers),
            artifact("report", "report.txt", ArtifactType::Text),
            artifact("per-image", "per-image.csv", ArtifactType::Table),
            artifact("curves", "curves.h5", ArtifactType::Curves),
            artifact("plot", "curves.png", ArtifactType::Picture),
            artifact("plot-svg", "curves.svg", ArtifactType::Picture),
            artifact("areas", "areas.png", ArtifactType::Picture),
            artifact("areas-svg", "areas.svg", ArtifactType::Picture),
            artifact("localisation", "localisation.png", ArtifactType::Picture),
            artifact("localisation-svg", "localisation.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        let none = "`explanations` is empty: name at least one, as in { grad-cam = \"explain.grad-cam\" }";
        check.require(!self.explanations.is_empty(), "explanations", none);
        let step = f64::from(self.pixels_per_step);
        check.within("pixels-per-step", step, 1.0, PIXELS as f64);
        check.resamples(self.resamples);
        self.centre_box.check(check);
        Normalise::check(self.normalise.as_ref(), check);
        let boxed = self.localisation != Truth::CentreBox || self.centre_box != CentreBox::None;
        let no_box = "`localisation = \"centre-box\"` needs a centre box, but `centre-box` is \"none\"";
        check.require(boxed, "localisation", no_box);
        self.deletion_baseline.check_range("deletion-baseline", check);
        self.insertion_baseline.check_range("insertion-baseline", check);
        let plain = self.protocol == Protocol::Rank;
        let threshold = "with `protocol = \"threshold\"`, pixels that are not shown are black";
        check.require(plain || self.deletion_baseline == Baseline::Black, "deletion-baseline", threshold);
        let black = matches!(self.insertion_baseline, Baseline::Blur | Baseline::Black);
        check.require(plain || black, "insertion-baseline", threshold);
        let steps = "`protocol = \"threshold\"` has 51 thresholds, not steps of pixels";
        check.require(plain || self.pixels_per_step == 96, "pixels-per-step", steps);
        let contradiction = "`masks` is given, but `localisation = \"centre-box\"` does not use them";
        check.require(
            self.masks.is_none() || self.localisation != Truth::CentreBox,
            "localisation",
            contradiction,
        );
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        let asked: Vec<(&Label, &ArtifactRef, &Explain)> = self
            .explanations
            .iter()
            .filter_map(|(label, from)| Some((label, from, peer::<Explain>(peers, &from.stage)?)))
            .collect();
        let Some(((_, first, reference), others)) = asked.split_first() else { return };
        for (label, from, other) in others {
            if let Some(difference) = different_question(reference, other) {
                let message = format!(
                    "`{first}` and `{from}` have different {difference}: compared explanations must have the same"
                );
                check.require(false, &format!("explanations.{label}"), message);
            }
        }
        self.check_truth(first, reference, peers, check);
    }
}

impl Metrics {
    /// Checks where masks and slides come from: a part of a split contains them, files need `masks` and `meta`.
    fn check_truth(&self, label: &ArtifactRef, of: &Explain, peers: &Peers<'_>, check: &mut Check<'_>) {
        let asked = self.localisation == Truth::Masks;
        match &of.images {
            Images::Files(_) => check.require(
                !asked || self.masks.is_some(),
                "localisation",
                format!("masks are missing: the patches of `{label}` are files, so name their `masks`"),
            ),
            Images::Artifact(part) => {
                let Some(split) = peer::<Split>(peers, &part.stage) else { return };
                check_own(self.masks.is_some(), "masks", "masks", &of.images, peers, check);
                check_own(self.meta.is_some(), "meta", "slides", &of.images, peers, check);
                let missing = format!("masks are missing: `{}` has none, give it `masks`", part.stage);
                check.require(
                    !asked || self.masks.is_some() || split.masks.is_some(),
                    "localisation",
                    missing,
                );
            }
        }
    }
}

fn maps_input((label, reference): (&Label, &ArtifactRef)) -> Input {
    Input::artifact(format!("explanations.{label}"), "explanations", reference, ArtifactType::Maps)
}

/// What differs between two explanations that must answer the same question. (Model and images are inherited, so
/// they are compared elsewhere.)
fn different_question(one: &Explain, other: &Explain) -> Option<&'static str> {
    let drawn = one.take.is_some() && matches!(one.images, Images::Files(_));
    let script = |of: &Explain| matches!(of.model, Model::Script(_));
    let differences = [
        (script(one) != script(other), "models"),
        (one.take != other.take, "rows (`take`)"),
        (drawn && one.seed != other.seed, "rows (`seed`, which draws them)"),
        (one.target != other.target, "classes (`target`)"),
        (one.score != other.score, "scores (`score`)"),
    ];
    differences.into_iter().find(|(differ, _)| *differ).map(|(_, what)| what)
}

#[cfg(test)]
mod tests {
    use crate::stages::Kind;

    #[test]
    fn the_names_of_classes_are_no_part_of_the_key() {
        let has_classes = |kind: Kind| kind.fields().iter().any(|field| field.name == "classes");
        assert!(!has_classes(Kind::Metrics), "its results name no class, and it takes long");
        assert!(has_classes(Kind::Explain));
    }
}
