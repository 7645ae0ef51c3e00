//! Resumed trainings compared with trainings that never stopped.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pcamflow::{metrics::History, protocol::InputFile, stages::Kind};
use safetensors::SafeTensors;

use crate::{
    batches::{Patches, tests::noise},
    jobs::testing::{Recorder, computed, part, resources, stage},
    tensors::TensorFile,
    train::checkpoint,
};

const NETWORK: &str = "architecture.class-cnn = { channels = [2, 3, 4, 5], hidden = 6 }";

/// Every option that a recipe has.
const OPTIONS: &str = "
optimizer.adamw = { learning-rate = 3e-3 }
schedule.one-cycle = { epochs = 7 }
clip-gradients = { norm = 1.0 }
class-weights = 'balanced'
augmentation = { horizontal-flip = 0.5, quarter-turns = true, brightness = 0.1, hue = 0.02 }
";

/// A folder with patches and the artifacts of trainings.
struct Lab {
    folder: tempfile::TempDir,
    learning: InputFile,
    validation: InputFile,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, length, seed| {
            let patches = noise(length, seed);
            part(&folder.path().join(name), &patches.pixels, patches.labels(), None)
        };
        let (learning, validation) = (part("train.h5", 20, 1), part("validation.h5", 9, 2));
        Self { folder, learning, validation }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn train(&self, name: &str, epochs: u32, options: &str) -> Made {
        let text =
            format!("data = 'split.s'\n{NETWORK}\nepochs = {epochs}\nbatch-size = 8\nseed = 3\n{options}");
        self.compute(name, Kind::Train, &text, None).unwrap()
    }

    fn resume(&self, name: &str, from: &Made, epochs: u32, options: &str) -> Made {
        let text = format!("from = 'train.t'\nepochs = {epochs}\n{options}");
        self.compute(name, Kind::ResumeTrain, &text, Some(&from.checkpoint())).unwrap()
    }

    fn compute(&self, name: &str, kind: Kind, text: &str, from: Option<&InputFile>) -> Result<Made, String> {
        let mut inputs = vec![("data.train", &self.learning), ("data.validation", &self.validation)];
        inputs.extend(from.map(|from| ("from", from)));
        let staging = self.path(name);
        let (outcome, recorder) = computed(stage(kind, text), &inputs, &staging, resources(1, 8));
        let outcome = outcome.map_err(|error| format!("{error:#}"))?;
        Ok(Made { staging, recorder, resumed: outcome.resumed })
    }
}

/// The results of a training.
struct Made {
    staging: PathBuf,
    recorder: Recorder,
    resumed: Option<String>,
}

impl Made {
    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.staging.join(name)).unwrap()
    }

    fn checkpoint(&self) -> InputFile {
        InputFile { path: self.staging.join("checkpoint.safetensors"), name: "train.t/checkpoint".to_owned() }
    }

    fn tensors(&self) -> BTreeMap<String, Vec<u8>> {
        let bytes = self.file("checkpoint.safetensors");
        let file = SafeTensors::deserialize(&bytes).unwrap();
        file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
    }

    fn epochs(&self) -> Vec<u32> {
        let history: History = serde_json::from_slice(&self.file("history.json")).unwrap();
        history.epochs.iter().map(|epoch| epoch.epoch).collect()
    }

    fn resumed_after(&self) -> Vec<u32> {
        let file = TensorFile::read(&self.checkpoint()).unwrap();
        checkpoint::decode(file, tch::Device::Cpu).unwrap().resumed_after
    }

    #[track_caller]
    fn equals(&self, other: &Self) {
        assert!(self.file("model.safetensors") == other.file("model.safetensors"), "another model");
        assert!(self.file("history.json") == other.file("history.json"), "another history");
        assert!(self.tensors() == other.tensors(), "other tensors");
    }
}

#[test]
fn a_resumed_training_is_bit_for_bit_one_that_never_stopped() {
    for options in ["", OPTIONS] {
        let lab = Lab::new();
        let straight = lab.train("straight", 7, options);
        let resumed = lab.resume("resumed", &lab.train("base", 4, options), 3, "");
        resumed.equals(&straight);
        assert_eq!(resumed.epochs(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((straight.resumed_after(), resumed.resumed_after()), (vec![], vec![4]));
        // Progress counts only this stage: 3 epochs of 29 patches.
        assert_eq!(resumed.recorder.progress(), (87, 87));
    }
}

#[test]
fn the_options_all_reach_the_training() {
    let lab = Lab::new();
    let plain = lab.train("plain", 1, "").tensors();
    for (at, option) in OPTIONS.trim().lines().enumerate() {
        let other = lab.train(&format!("option-{at}"), 1, option).tensors();
        assert!(other["last.model.conv2.weight"] != plain["last.model.conv2.weight"], "{option}");
    }
}

#[test]
fn a_resumed_training_can_be_resumed_and_its_curves_show_every_join() {
    let lab = Lab::new();
    let straight = lab.train("straight", 6, "");
    let first = lab.resume("first", &lab.train("base", 3, ""), 1, "");
    let second = lab.resume("second", &first, 2, "");
    second.equals(&straight);
    assert_eq!(second.resumed_after(), [3, 4]);
    let curves = |made: &Made| String::from_utf8(made.file("curves.svg")).unwrap();
    assert!(curves(&second).contains(">resumed</text>"));
    assert!(!curves(&straight).contains(">resumed</text>"));
}

#[test]
fn a_second_attempt_continues_and_gives_the_same_bytes() {
    let lab = Lab::new();
    let base = lab.train("base", 2, OPTIONS);
    let straight = lab.resume("straight", &base, 3, "");
    // The state of an attempt that was killed after its first epoch.
    lab.resume("stopped", &base, 1, "");
    let second = lab.resume("stopped", &base, 3, "");
    assert_eq!(second.resumed.as_deref(), Some("epoch 3, made with 1 thread on cpu"));
    for file in ["model.safetensors", "checkpoint.safetensors", "history.json", "curves.svg", "curves.png"] {
        assert!(second.file(file) == straight.file(file), "{file} differs");
    }
}

/// A training of four epochs with an unbeatable second one.
fn with_best_epoch_two(lab: &Lab) -> (Made, Made) {
    let two = lab.train("two", 2, "");
    let path = lab.path("two/checkpoint.safetensors");
    let mut state =
        checkpoint::decode(TensorFile::read(&two.checkpoint()).unwrap(), tch::Device::Cpu).unwrap();
    let epoch = *state.history.epochs.last().unwrap();
    state.best = None;
    state.history.epochs.pop();
    state.close_epoch(pcamflow::metrics::Epoch { validation_loss: 0.0, ..epoch });
    std::fs::write(path, checkpoint::encode(&state).unwrap()).unwrap();
    let four = lab.resume("four", &two, 2, "");
    (two, four)
}

#[test]
fn from_the_best_epoch_history_and_curves_begin_there_again() {
    let lab = Lab::new();
    let (two, four) = with_best_epoch_two(&lab);
    assert_eq!(four.epochs(), [1, 2, 3, 4]);
    let again = lab.resume("again", &four, 3, "start = 'best'");
    assert_eq!(again.epochs(), [1, 2, 3, 4, 5]);
    assert_eq!(again.resumed_after(), [2], "the join before is the same, not another one");
    // The same seed, epoch and weights: epochs 3 and 4 are those of before, as 5 more from the second.
    again.equals(&lab.resume("five", &two, 3, ""));
    // No epoch is better, so the best weights stay the model.
    let best = |made: &Made| made.tensors()["best.model.fc2.weight"].clone();
    assert_eq!(best(&again), best(&two));
    assert_ne!(best(&again), again.tensors()["last.model.fc2.weight"]);

    let other = lab.resume("other", &four, 3, "start = 'best'\nseed = 4");
    assert_eq!(other.epochs(), [1, 2, 3, 4, 5]);
    assert_ne!(other.tensors()["last.model.fc2.weight"], again.tensors()["last.model.fc2.weight"]);
}

#[test]
fn patience_starts_again() {
    let lab = Lab::new();
    let (_, four) = with_best_epoch_two(&lab);
    let patient = lab.resume("patient", &four, 9, "early-stopping = { patience = 2 }");
    assert_eq!(patient.epochs(), [1, 2, 3, 4, 5, 6]);
}

const COUNTING: &str = "early-stopping = { patience = 2, continue-count = true }";

/// For every number of epochs in the first stage, also where that stage stops early.
#[test]
fn a_resumed_training_that_continues_the_count_stops_where_one_that_never_stopped_does() {
    let lab = Lab::new();
    let options = "optimizer.adam = { learning-rate = 0.1 }\nearly-stopping = { patience = 2 }";
    let straight = lab.train("straight", 20, options);
    let stopped = straight.epochs().len() as u32;
    assert!((3..20).contains(&stopped), "{stopped} epochs are no test");
    for first in 1..=stopped + 1 {
        let base = lab.train(&format!("base-{first}"), first, options);
        let resumed = lab.resume(&format!("resumed-{first}"), &base, 20 - first, COUNTING);
        resumed.equals(&straight);
        let warned = resumed.recorder.warnings().iter().any(|text| text.contains("no epoch is trained"));
        assert_eq!(warned, first >= stopped, "{first}");
        if first >= stopped {
            assert!(resumed.file("curves.svg") == base.file("curves.svg"), "{first}");
        }
    }
    let base = lab.train("last", stopped - 1, options);
    let anew = lab.resume("anew", &base, 9, "early-stopping = { patience = 2 }");
    assert!(anew.epochs().len() as u32 > stopped);
}

#[test]
fn a_training_that_has_stopped_says_that_no_epoch_is_trained() {
    let lab = Lab::new();
    let (_, four) = with_best_epoch_two(&lab);
    let resumed = lab.resume("stopped", &four, 9, COUNTING);
    let told = "train.t/checkpoint already ends with 2 epochs without a smaller validation loss, and `patience` \
                is 2: no epoch is trained, and model and history stay the same";
    assert_eq!(resumed.recorder.warnings(), [told]);
    resumed.equals(&four);
    // It can be trained further.
    assert_eq!(lab.resume("again", &resumed, 2, "").epochs(), [1, 2, 3, 4, 5, 6]);
    let patient = COUNTING.replace('2', "3");
    assert_eq!(lab.resume("patient", &four, 9, &patient).epochs(), [1, 2, 3, 4, 5]);
    // At the best epoch nothing is counted.
    let best = lab.resume("best", &four, 9, &format!("start = 'best'\n{COUNTING}"));
    assert_eq!(best.epochs(), [1, 2, 3, 4]);
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused() {
    let lab = Lab::new();
    let base = lab.train("base", 1, "");
    let text = |channels: &str| {
        let network = format!("architecture.class-cnn = {{ channels = {channels}, hidden = 6 }}");
        format!("from = {{ safetensors = 'c.safetensors' }}\ndata = 'split.s'\nepochs = 1\n{network}")
    };
    let resume = |channels: &str| {
        lab.compute("resumed", Kind::ResumeTrain, &text(channels), Some(&base.checkpoint())).map(|_| ())
    };
    let error = resume("[2, 3, 4, 8]").unwrap_err();
    let wanted = r#"train.t/checkpoint is the checkpoint of {"class-cnn":{"channels":[2,3,4,5],"hidden":6}}, and `architecture` asks for {"class-cnn":{"channels":[2,3,4,8],"hidden":6}}"#;
    assert_eq!(error, wanted);
    assert_eq!(resume("[2, 3, 4, 5]"), Ok(()));
}

#[test]
fn weights_alone_are_not_a_checkpoint() {
    let lab = Lab::new();
    let base = lab.train("base", 1, "");
    let model = InputFile { path: base.staging.join("model.safetensors"), name: "m.safetensors".to_owned() };
    let text = "from = 'train.t'\nepochs = 1";
    let error = lab.compute("resumed", Kind::ResumeTrain, text, Some(&model)).map(|_| ()).unwrap_err();
    assert!(error.starts_with("m.safetensors is not a checkpoint of pcamflow"), "{error}");
    assert!(Path::new(&model.path).exists());
}
