//! Stage kind `explain`: maps of where a model sees the evidence.

mod deep_lift;
mod grad_cam;
mod gradient_shap;
mod guided_backprop;
mod input_x_gradient;
mod integrated_gradients;
mod lrp;
mod method;
mod occlusion;
mod rise;
mod saliency;
mod settings;
mod smooth;
mod steps;

use super::{
    Appetite, Artifact, ArtifactType, CentreBox, Check, DEFAULT_SEED, Equality, Images, Input, Model,
    NetworkOutput, Normalise, Peers, Precision, RunSettings, Runner, Stage, artifact,
    declare::{choice, parameters},
    default_classes, question_inputs,
    resume_train::declared,
    split::check_take,
};

pub use deep_lift::DeepLift;
pub use grad_cam::{GradCam, Variant};
pub use gradient_shap::GradientShap;
pub use guided_backprop::GuidedBackprop;
pub use input_x_gradient::InputXGradient;
pub use integrated_gradients::{IntegratedGradients, Rule};
pub use lrp::{Lrp, LrpRule};
pub use method::Method;
pub use occlusion::Occlusion;
pub use rise::Rise;
pub use saliency::Saliency;
pub use settings::Settings;
pub use smooth::{Smooth, Statistic};
pub use steps::Steps;

parameters! {
    /// Computes one map per patch.
    pub struct Explain {
        /// The model to explain.
        input model: Model;
        /// The patches.
        input images: Images;
        /// Only N patches: the first ones of a split, or drawn from files by seed.
        semantic take: Option<u32> = None;
        /// The method.
        semantic method: Method;
        /// Which class is explained.
        semantic target: Target = Target::Tumor;
        /// Which scalar is explained.
        semantic score: Score = Score::Logit;
        /// Patches on the panel; 0 for none.
        semantic panel: u32 = 30;
        /// What the strongest colour of a map on the panel is.
        semantic panel_scale: PanelScale = PanelScale::Own;
        /// How images are normalised for the network, unless the model tells it.
        inherited normalise: Option<Normalise> = None;
        /// What a TorchScript network returns (default: what a trial run tells, if it tells).
        inherited output: Option<NetworkOutput> = None;
        /// How exactly the network is computed.
        inherited precision: Precision = Precision::Float32;
        /// The side of the centre box that labels describe, in pixels; `"none"` if they describe whole patches (default:
        /// 32 of patches of 96x96, none of others).
        inherited centre_box: CentreBox = CentreBox::Auto;
        /// The names of the classes 0 and 1.
        inherited classes: [String; 2] = default_classes();
        /// Seeds the random numbers of the method.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// Which class a map explains.
    pub enum Target {
        /// Tumour: the logit z.
        Tumor = "tumor",
        /// The predicted class: z where p > 0.5, else -z.
        Predicted = "predicted",
        /// The labelled class.
        Label = "label",
    }
}

choice! {
    /// Which scalar a map explains.
    pub enum Score {
        /// The logit, which does not saturate.
        Logit = "logit",
        /// The probability of the explained class.
        Probability = "probability",
    }
}

choice! {
    /// The scales of the maps on a panel.
    pub enum PanelScale {
        /// The largest value of each map: every map is seen well.
        Own = "own",
        /// The largest value of all maps on the panel: maps can be compared.
        Shared = "shared",
    }
}

impl Stage for Explain {
    // 2: the panel has five columns, true tumour and an SVG; maps of integrated gradients are legible.
    const VERSION: u32 = 2;
    const CORRECTIONS: &'static [&'static str] =
        &["the panel has five columns, shows the true tumour, and is an SVG too (the maps are the same)"];
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::Share;
    const EQUALITY: Equality = Equality::Tolerance;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = question_inputs(&self.model, &self.images);
        let baseline = self.method.settings().baseline();
        inputs.extend(baseline.and_then(|(baseline, field)| baseline.input_beside(field, &self.model)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("maps", "maps.h5", ArtifactType::Maps),
            artifact("panel", "panel.png", ArtifactType::Picture),
            artifact("panel-svg", "panel.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("take", self.take.unwrap_or(1), 1);
        check.require(self.panel <= 200, "panel", "`panel` must be at most 200");
        self.centre_box.check(check);
        Normalise::check(self.normalise.as_ref(), check);
        self.precision.check(&self.model, check);
        let method = self.method.settings();
        method.check(&self.model, check);
        let script = matches!(self.model, Model::Script(_));
        check.require_else(!script || !method.has_rules(), "method", || {
            format!(
                "`{}` needs a network whose layers are known, which those of a TorchScript network are not",
                self.method.word()
            )
        });
        check.require_else(self.precision == Precision::Float32 || !method.has_rules(), "precision", || {
            format!(
                "`{}` is only for networks in float32: set `precision = \"float32\"` for this stage",
                self.method.word()
            )
        });
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        check_take(self.take, &self.images, peers, check);
        if let Some((_, network)) = declared(&self.model, peers) {
            self.method.settings().check_network(network, check);
        }
    }
}

impl Explain {
    /// The same with everything that depends on the network, whose last layer before the pooling this is.
    #[must_use]
    pub fn settled(mut self, last_layer: &str) -> Self {
        self.method.settings_mut().settle(last_layer);
        self
    }
}

#[cfg(test)]
mod tests {
    use toml::{
        Spanned,
        de::{DeTable, DeValue},
    };

    use super::Settings as _;
    use crate::stages::{AnyStage, Kind, Origin};

    fn read(model: &str, method: &str) -> Result<AnyStage, Vec<String>> {
        let text = format!("[t]\nmodel = {model}\nimages = 'split.a/test'\nmethod.{method}");
        let document = DeTable::parse(&text).unwrap();
        let table = document.get_ref().get("t").unwrap();
        let DeValue::Table(fields) = table.get_ref() else { panic!("no table") };
        let stage = Kind::Explain.read(&Spanned::new(table.span(), fields.clone()));
        stage.map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
    }

    fn wrong(method: &str) -> String {
        read("'train.a'", method).unwrap_err().join("; ")
    }

    #[test]
    fn wrong_settings_are_reported_by_name() {
        let narrow = wrong("occlusion = { window = 8, stride = 16 }");
        assert!(narrow.starts_with("`stride` is 16 and `window` 8: pixels between"), "{narrow}");
        assert_eq!(wrong("occlusion = { window = 513 }"), "`window` must lie between 1 and 512");
        assert_eq!(wrong("occlusion = { stride = 0 }"), "`stride` must be at least 1");
        assert_eq!(wrong("integrated-gradients = { steps = 1 }"), "`steps` must lie between 2 and 10000");
        let tolerance = wrong("integrated-gradients = { tolerance = 0.0 }");
        assert_eq!(tolerance, "`tolerance` must be a number above 0");
        let tolerance = wrong("integrated-gradients = { steps = 'adaptive', tolerance = -0.1 }");
        assert_eq!(tolerance, "`tolerance` must be a number above 0");
        let rule = wrong("integrated-gradients = { steps = 'adaptive', rule = 'midpoint' }");
        assert!(
            rule.starts_with("`steps = \"adaptive\"` puts the nodes where the path needs them"),
            "{rule}"
        );
        let samples = wrong("saliency = { smooth = { samples = 0 } }");
        assert_eq!(samples, "`samples` must lie between 1 and 10000");
        assert_eq!(wrong("saliency = { smooth = { noise = -1.0 } }"), "`noise` must lie between 0 and 10");
    }

    #[test]
    fn wrong_settings_of_later_methods_too() {
        let one = "smooth = { samples = 1, statistic = 'variance' }";
        for method in ["saliency", "input-x-gradient", "guided-backprop", "integrated-gradients"] {
            let message = wrong(&format!("{method} = {{ {one} }}"));
            assert_eq!(message, "`samples` must lie between 2 and 10000", "{method}");
        }
        let both = wrong("integrated-gradients = { tolerance = 0.1, smooth = {} }");
        assert!(both.starts_with("with `smooth`, all noisy copies have the same number of steps"), "{both}");
        assert_eq!(wrong("gradient-shap = { samples = 0 }"), "`samples` must lie between 1 and 10000");
        assert_eq!(wrong("gradient-shap = { baseline = 2.0 }"), "`baseline` must lie between 0 and 1");
        assert_eq!(wrong("rise = { masks = 0 }"), "`masks` must lie between 1 and 100000");
        assert_eq!(wrong("rise = { cells = 33 }"), "`cells` must lie between 1 and 32");
        assert_eq!(wrong("rise = { probability = 0.0 }"), "`probability` must lie between 0.01 and 0.99");
        assert_eq!(wrong("lrp = { epsilon = 0.0 }"), "`epsilon` must be a number above 0");
        let unused = "`gamma` belongs to `rule = \"gamma\"`: set that too";
        assert_eq!(wrong("lrp = { gamma = 1.0 }"), unused);
        assert_eq!(wrong("deep-lift = { baseline = 1.5 }"), "`baseline` must lie between 0 and 1");
    }

    #[test]
    fn what_is_new_in_a_method_changes_neither_its_old_key_nor_its_old_file() {
        let lines = |method: &str| read("'train.a'", method).unwrap().semantic();
        let mean = "saliency = { smooth = { samples = 5, statistic = 'mean' } }";
        assert_eq!(lines(mean), lines("saliency = { smooth = { samples = 5 } }"));
        assert_ne!(
            lines("saliency = { smooth = { statistic = 'square' } }"),
            lines("saliency = { smooth = {} }")
        );
        let json = |method: &str| {
            let AnyStage::Explain(stage) = read("'train.a'", method).unwrap() else { panic!("no explain") };
            stage.method.to_json().unwrap()
        };
        assert_eq!(json(mean), r#"{"smooth":{"samples":5,"noise":0.15}}"#);
        let steps = r#"{"rule":"gauss-legendre","steps":50,"baseline":"black","tolerance":null}"#;
        assert_eq!(json("integrated-gradients = {}"), steps);
        let variance = r#"{"smooth":{"samples":25,"noise":0.15,"statistic":"variance"}}"#;
        assert_eq!(json("input-x-gradient = { smooth = { statistic = 'variance' } }"), variance);
    }

    #[test]
    fn only_the_baseline_mean_reads_the_training_patches() {
        let inputs = |method: &str| read("'train.a'", method).unwrap().inputs();
        let mean = inputs("occlusion = { baseline = 'mean' }");
        let input = mean.iter().find(|input| input.slot == "data.train").unwrap();
        assert_eq!(input.field, "method.occlusion.baseline");
        assert!(matches!(&input.from, Origin::Inherited { stage, .. } if stage.to_string() == "train.a"));
        for method in ["occlusion = {}", "integrated-gradients = { baseline = 'blur' }", "saliency = {}"] {
            assert!(!inputs(method).iter().any(|input| input.slot == "data.train"), "{method}");
        }
        let file = read("{ safetensors = 'm.safetensors' }", "integrated-gradients = { baseline = 'mean' }");
        let message = file.unwrap_err().remove(0);
        assert!(message.contains("write a number from 0 to 1"), "{message}");
    }

    #[test]
    fn defaults_are_no_part_of_a_key_and_methods_are() {
        let lines = |method: &str| read("'train.a'", method).unwrap().semantic();
        assert_eq!(
            lines("occlusion = {}"),
            lines("occlusion = { window = 16, stride = 8, baseline = 'black' }")
        );
        assert_ne!(lines("occlusion = {}"), lines("occlusion = { baseline = 0 }"));
        assert_ne!(lines("saliency = {}"), lines("saliency = { smooth = {} }"));
        let integrated = |settings: &str| lines(&format!("integrated-gradients = {settings}"));
        assert_eq!(integrated("{}"), integrated("{ steps = 50 }"));
        assert_ne!(integrated("{}"), integrated("{ steps = 'adaptive' }"));
    }

    #[test]
    fn adaptive_steps_always_have_a_tolerance_and_a_file_of_maps_says_which() {
        let settings = |text: &str| -> super::IntegratedGradients { toml::from_str(text).unwrap() };
        for (text, tolerance, json) in [
            ("steps = 'adaptive'", Some(0.01), r#"{"steps":"adaptive","baseline":"black","tolerance":0.01}"#),
            (
                "steps = 'adaptive'\ntolerance = 0.1",
                Some(0.1),
                r#"{"steps":"adaptive","baseline":"black","tolerance":0.1}"#,
            ),
            ("", None, r#"{"rule":"gauss-legendre","steps":50,"baseline":"black","tolerance":null}"#),
        ] {
            let settings = settings(text);
            assert_eq!((settings.tolerance(), settings.to_json().unwrap().as_str()), (tolerance, json));
            let again: super::IntegratedGradients = serde_json::from_str(json).unwrap();
            assert_eq!(again.to_json().unwrap(), json);
        }
    }
}
