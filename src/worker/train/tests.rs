//! Whole trainings, on tiny networks and against the references if they exist.

use std::sync::Mutex;

use pcamflow::{
    protocol::EpochEnd,
    stages::train::{Adam, Architecture, ClassCnn, Optimizer, Schedule, Sgd, StepDecay},
    testing::{reference as reference_path, shared},
};
use tch::{Device, Tensor};

use super::*;
use crate::{
    batches::tests::{InMemory, noise},
    model::{
        Source,
        testing::{difference, get, reference, tiny, weights},
    },
    tensors::{TensorFile, to_bytes},
};

/// Remembers progress and warnings.
#[derive(Default)]
pub(super) struct Recorder {
    progress: Mutex<Vec<(u64, u64, String)>>,
    warnings: Mutex<Vec<String>>,
    epochs: Mutex<Vec<(EpochEnd, Vec<f32>)>>,
}

impl Reporter for Recorder {
    fn progress(&self, done: u64, total: u64, _: &str, at: &str) {
        self.progress.lock().unwrap().push((done, total, at.to_owned()));
    }
    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>) {
        self.epochs.lock().unwrap().push((epoch, losses));
    }
    fn info(&self, _: &str) {}
    fn warn(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

fn recipe() -> Recipe {
    Recipe {
        architecture: tiny(),
        optimizer: Optimizer::Adam(Adam { learning_rate: 3e-3, ..Adam::default() }),
        batch_size: 8,
        shuffle: true,
        seed: 11,
        schedule: None,
        clip_gradients: None,
        class_weights: None,
        augmentation: None,
        precision: None,
        normalise: None,
    }
}

fn fresh(recipe: Recipe) -> State {
    let seed = recipe.seed;
    State::new(recipe, Source::Seed(seed), Device::Cpu).unwrap()
}

fn plan(last_epoch: u32) -> Plan {
    Plan { last_epoch, patience: None, checkpoint_interval: 1 }
}

/// Trains on 28 patches (the last batch is smaller) and validates on 12.
fn run(state: &mut State, plan: &Plan, partial: &Partial, told: &Recorder) -> Result<()> {
    let (learning, validation) = (noise(28, 1), noise(12, 2));
    train(state, plan, &Data { train: &learning, validation: &validation }, partial, told)
}

fn in_folder(folder: &tempfile::TempDir) -> Partial {
    Partial::new(folder.path(), "2 threads on cpu".to_owned())
}

#[test]
fn a_stopped_training_continues_bit_for_bit() {
    for optimizer in
        [recipe().optimizer, Optimizer::Sgd(Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() })]
    {
        let recipe = Recipe { optimizer, ..recipe() };
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut straight = fresh(recipe.clone());
        run(&mut straight, &plan(4), &in_folder(&folders[0]), &Recorder::default()).unwrap();

        let partial = in_folder(&folders[1]);
        run(&mut fresh(recipe), &plan(2), &partial, &Recorder::default()).unwrap();
        let (mut resumed, made_with) = partial.newest(Device::Cpu, &Recorder::default()).unwrap().unwrap();
        assert_eq!((resumed.epoch, made_with.as_str()), (2, "2 threads on cpu"));
        let told = Recorder::default();
        run(&mut resumed, &plan(4), &partial, &told).unwrap();
        let epochs: Vec<_> = told.epochs.lock().unwrap().iter().map(|(end, _)| (end.epoch, end.of)).collect();
        assert_eq!(epochs, [(3, 4), (4, 4)], "the others were reported when they were trained");
        let first = &told.progress.lock().unwrap()[1].2;
        assert!(first.starts_with("epoch 3/4, val ") && first.contains("%, loss "), "{first}");

        let bytes = |state| checkpoint::encode(state).unwrap();
        assert!(bytes(&straight) == bytes(&resumed), "another state");
        assert_eq!(straight.history.epochs.len(), 4);
    }
}

#[test]
fn the_last_two_checkpoints_are_kept_and_the_older_one_replaces_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let partial = in_folder(&folder);
    run(&mut fresh(recipe()), &plan(3), &partial, &Recorder::default()).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
    // A slow machine also draws the curves.
    files.retain(|file| file.extension().is_some_and(|ending| ending == "safetensors"));
    files.sort();
    assert_eq!(files.len(), 2);

    let mut bytes = std::fs::read(&files[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&files[1], bytes).unwrap();
    let told = Recorder::default();
    let (state, _) = partial.newest(Device::Cpu, &told).unwrap().unwrap();
    assert_eq!(state.epoch, 2);
    assert!(told.warnings.lock().unwrap()[0].contains("has other bytes than were written"));

    std::fs::write(&files[0], b"torn").unwrap();
    assert!(partial.newest(Device::Cpu, &told).unwrap().is_none());
}

#[test]
fn a_network_learns_and_reports_progress() {
    let folder = tempfile::tempdir().unwrap();
    let (mut state, told) = (fresh(recipe()), Recorder::default());
    run(&mut state, &plan(6), &in_folder(&folder), &told).unwrap();
    let epochs = &state.history.epochs;
    assert!(epochs[5].train_loss < 0.7 * epochs[0].train_loss, "{epochs:?}");
    assert!(epochs[5].train_accuracy > 0.9, "{epochs:?}");
    assert_eq!(state.optimizer.steps(), 6 * 4);
    let progress = told.progress.lock().unwrap();
    let (done, total, at) = progress.last().unwrap();
    assert_eq!((*done, *total, at.as_str()), (240, 240, at.as_str()));
    assert!(at.starts_with("epoch 6/6, val ") && at.ends_with("%, validating"), "{at}");
    assert!(progress[1].2.starts_with("epoch 1/6, loss 0."), "{}", progress[1].2);
    let (ends, best) = (told.epochs.lock().unwrap(), state.history.best().unwrap());
    let (end, losses) = ends.last().unwrap();
    assert_eq!(losses.len(), 4, "one for each step");
    let among =
        |wanted: fn(f64, f64) -> bool| losses.iter().any(|loss| wanted(f64::from(*loss), end.train_loss));
    assert!(among(|loss, mean| loss >= mean) && among(|loss, mean| loss <= mean), "{losses:?}");
    assert_eq!((ends.len(), end.epoch, end.of), (6, 6, 6));
    assert_eq!((end.best, end.best_loss), (best.epoch, best.validation_loss));
    assert_eq!(
        (end.train_loss, end.validation_accuracy),
        (epochs[5].train_loss, epochs[5].validation_accuracy)
    );
}

#[test]
fn the_history_has_the_learning_rate_of_each_epoch() {
    let schedule = Schedule::Step(StepDecay { step_size: 1, gamma: 0.5 });
    for (schedule, wanted) in [(None, [3e-3, 3e-3]), (Some(schedule), [3e-3, 1.5e-3])] {
        let folder = tempfile::tempdir().unwrap();
        let mut state = fresh(Recipe { schedule, ..recipe() });
        run(&mut state, &plan(2), &in_folder(&folder), &Recorder::default()).unwrap();
        let rates: Vec<f64> = state.history.epochs.iter().filter_map(|epoch| epoch.learning_rate).collect();
        assert_eq!(rates, wanted);
    }
}

#[test]
fn the_best_epoch_is_kept_and_patience_ends_a_training() {
    let mut state = fresh(recipe());
    let epoch = |epoch, validation_loss| Epoch {
        epoch,
        train_loss: 0.5,
        train_accuracy: 0.5,
        validation_loss,
        validation_accuracy: 0.5,
        learning_rate: None,
    };
    let plan = Plan { patience: Some(2), ..plan(9) };
    for (number, loss, done) in [(1, 0.5, false), (2, 0.4, false), (3, 0.4, false), (4, 0.6, true)] {
        state.close_epoch(epoch(number, loss));
        assert_eq!(plan.is_done(&state), done, "epoch {number}");
    }
    assert_eq!(state.best.unwrap().epoch, 2);
}

#[test]
fn later_epochs_do_not_change_the_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = fresh(recipe());
    run(&mut state, &plan(1), &in_folder(&folder), &Recorder::default()).unwrap();
    let kept = state.best.as_ref().unwrap().model["fc2.weight"].copy();
    run(&mut state, &plan(2), &in_folder(&folder), &Recorder::default()).unwrap();
    let best = state.best.as_ref().unwrap();
    if best.epoch == 1 {
        assert_eq!(best.model["fc2.weight"], kept);
    }
    assert_ne!(state.network.state()["fc2.weight"], kept);
}

#[test]
fn a_loss_that_is_not_finite_ends_a_training() {
    let optimizer = Optimizer::Sgd(Sgd { learning_rate: 1e30, ..Sgd::default() });
    let folder = tempfile::tempdir().unwrap();
    let mut state = fresh(Recipe { optimizer, ..recipe() });
    let error = run(&mut state, &plan(3), &in_folder(&folder), &Recorder::default()).unwrap_err().to_string();
    assert!(error.contains("in epoch 1, batch "), "{error}");
}

#[test]
fn weights_are_refused_as_a_checkpoint() {
    let bytes = to_bytes(&fresh(recipe()).network.state(), None).unwrap();
    let error = checkpoint::decode(TensorFile::parse("m.safetensors", &bytes).unwrap(), Device::Cpu);
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.starts_with("m.safetensors is not a checkpoint of pcamflow"), "{error}");
    assert!(error.ends_with("`train` can start from them (`weights`)"), "{error}");
}

/// pcam-mini's train split, whole.
fn mini() -> Option<InMemory> {
    let open = |part: &str| {
        let path = format!("data/pcam-mini/camelyonpatch_level_2_split_train_{part}.h5");
        shared(&path).map(|path| hdf5::File::open(path).unwrap())
    };
    let (x, y) = (open("x")?, open("y")?);
    let pixels = x.dataset("x").unwrap().read_raw::<u8>().unwrap();
    let labels = y.dataset("y").unwrap().read_raw::<u8>().unwrap();
    Some(InMemory { pixels, labels })
}

/// Twenty steps of Adam, beside PyTorch in float64: losses within 1e-3, weights within 2e-3.
///
/// Rounding is amplified fast, because Adam's first steps are little more than signs. PyTorch in float32 is up to 6e-4
/// away from float64 with patches stored channels first, and up to 1.4e-2 with channels last, where its batch
/// normalisation is imprecise: the shared reference was made so, and we are as far from it. A convolution before a norm
/// has no gradient by its bias: PyTorch's bias moves by rounding alone, ours does not.
#[test]
fn twenty_steps_are_pytorchs() {
    let (Some(reference), Some(patches)) = (reference("train.safetensors"), mini()) else { return };
    let _alone = crate::alone::alone();
    tch::set_num_threads(1);
    let architecture = Architecture::ClassCnn(ClassCnn { channels: [8, 16, 32, 64], hidden: 32 });
    let optimizer = Optimizer::Adam(Adam::default());
    let recipe = Recipe { architecture, optimizer, batch_size: 32, shuffle: false, seed: 0, ..recipe() };
    let mut state = State::new(recipe, Source::File(weights(&reference, "initial.")), Device::Cpu).unwrap();
    state.network.unfreeze();
    let order: Vec<i64> = get(&reference, "batches").flatten(0, -1).try_into().unwrap();
    let order: Vec<usize> = order.into_iter().map(|at| at as usize).collect();
    let mut losses = Vec::new();
    crate::batches::for_each(&patches, &order, 32, |batch| {
        losses.push(epoch::step(&mut state, &batch, None)?.double_value(&[0]));
        Ok(())
    })
    .unwrap();
    let exact = Tensor::read_safetensors(reference_path("twenty-steps.safetensors")).unwrap();
    let wanted = Vec::<f64>::try_from(get(&exact, "losses")).unwrap();
    for (step, (got, wanted)) in losses.iter().zip(&wanted).enumerate() {
        assert!((got - wanted).abs() / wanted < 1e-3, "step {step}: {got} is not {wanted}");
    }
    assert_eq!(losses.len(), 20);
    let mut compared = 0;
    for (name, wanted) in exact {
        let moved_by_rounding = name.starts_with("conv") && name.ends_with("bias");
        // The mean contains the bias.
        if name != "losses" && !moved_by_rounding && !name.ends_with("running_mean") {
            let off = difference(&state.network.state()[&name], &wanted);
            assert!(off < 2e-3, "{name}: off by {off}");
            compared += 1;
        }
    }
    assert_eq!(compared, 17);
    let moment = &state.optimizer.state()["fc2.weight.exp_avg"];
    assert!(difference(moment, &get(&reference, "after20.adam.fc2.weight.exp_avg")) < 2e-2);
}
