//! Stage kind `sanity`: does an explanation depend on what the model learnt?

use super::{
    Appetite, Artifact, ArtifactRef, ArtifactType, CentreBox, Check, DEFAULT_SEED, Equality, Input, Model,
    Normalise, Peers, RunSettings, Runner, Stage, artifact, declare::parameters, default_classes,
    explain::Explain, peer, split::check_take,
};

parameters! {
    /// Randomises the explained model layer by layer, starting at the output, and explains it again each time
    /// (Adebayo et al. 2018).
    pub struct Sanity {
        /// The explanation.
        input explanation: ArtifactRef;
        /// Only the first N of the explained patches (default: 16, or all if there are fewer).
        semantic take: Option<u32> = None;
        /// Patches on the panel; 0 for no patches.
        semantic panel: u32 = 4;
        /// Resamples of the bootstrap confidence intervals; 0 for none.
        semantic resamples: u32 = 10_000;
        /// How images are normalised for the network, unless the model tells it.
        inherited normalise: Option<Normalise> = None;
        /// The side of the centre box that labels describe, in pixels; `"none"` if they describe whole patches (default:
        /// 32 of patches of 96x96, none of others).
        inherited centre_box: CentreBox = CentreBox::Auto;
        /// The names of the classes 0 and 1.
        inherited classes: [String; 2] = default_classes();
        /// Seeds the new weights and the bootstrap.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

/// The default number of patches.
const USUAL: u32 = 16;

impl Sanity {
    /// How many of the explained patches are used.
    #[must_use]
    pub fn patches(&self, explained: usize) -> usize {
        let most = USUAL.min(u32::try_from(explained).unwrap_or(u32::MAX));
        self.take.unwrap_or(most) as usize
    }
}

impl Stage for Sanity {
    // 2: pointing has Wilson's interval, pixels that are equal up to rounding share their rank.
    // 3: all series of the plot are seen; the panel shows the true tumour and is an SVG too.
    const VERSION: u32 = 3;
    const CORRECTIONS: &'static [&'static str] = &[
        "pointing has Wilson's interval, and pixels that are equal up to rounding share their rank",
        "all series of the plot are seen, and the panel shows the true tumour (the numbers are the same)",
    ];
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    /// The slot `explanation`, and everything that the explanation read, because it is made again.
    fn inputs(&self) -> Vec<Input> {
        let field = "explanation";
        vec![
            Input::artifact(field, field, &self.explanation, ArtifactType::Maps),
            Input::inherited("", field, &self.explanation.stage, &[]),
        ]
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("sanity", "sanity.json", ArtifactType::Numbers),
            artifact("per-image", "per-image.csv", ArtifactType::Table),
            artifact("plot", "sanity.png", ArtifactType::Picture),
            artifact("plot-svg", "sanity.svg", ArtifactType::Picture),
            artifact("panel", "panel.png", ArtifactType::Picture),
            artifact("panel-svg", "panel.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("take", self.take.unwrap_or(1), 1);
        check.require(self.panel <= 100, "panel", "`panel` must be at most 100");
        check.resamples(self.resamples);
        self.centre_box.check(check);
        Normalise::check(self.normalise.as_ref(), check);
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        let Some(explained) = peer::<Explain>(peers, &self.explanation.stage) else { return };
        let name = &self.explanation.stage;
        let script = matches!(explained.model, Model::Script(_));
        let message = format!(
            "`{name}` explains a TorchScript network: its layers are not known, so they cannot be randomised"
        );
        check.require(!script, "explanation", message);
        match (self.take, explained.take) {
            (Some(take), Some(there)) => {
                let message =
                    format!("`take` is {take}, but `{name}` explains only {there} patches (its `take`)");
                check.require(take <= there, "take", message);
            }
            (take, None) => check_take(take, &explained.images, peers, check),
            (None, Some(_)) => (),
        }
        let message = format!(
            "`{name}` draws noise with seed {}, this stage with {}: give both the same",
            explained.seed, self.seed
        );
        check.require(explained.seed == self.seed || !explained.method.settings().draws(), "seed", message);
    }
}
