//! The events of example runs, for tests.

use std::path::PathBuf;

use crate::{
    engine::tell::event::{Event, FailedStage, FinishedStage, Planned, PlannedStage, Summary},
    protocol::{EpochEnd, FailureClass, Number, Progress},
};

pub(super) fn planned(stages: &[(&str, Planned)]) -> Event {
    let stage = |(stage, state): &(&str, Planned)| {
        let why = if *state == Planned::Cached { "" } else { "never ran" };
        PlannedStage { stage: (*stage).into(), state: *state, why: why.into(), seconds: None, expected: None }
    };
    Event::Planned { pipeline: "mini".into(), stages: stages.iter().map(stage).collect() }
}

pub(super) fn started(stage: &str, why: &str) -> Event {
    Event::Started { stage: stage.into(), why: why.into() }
}

pub(super) fn progress(stage: &str, done: u64, total: u64, at: &str) -> Event {
    let progress = Progress { done, total, unit: "images".into(), at: at.into() };
    Event::Progress { stage: stage.into(), progress }
}

/// The end of an epoch of twelve. The third one was the best.
pub(super) fn epoch(stage: &str, epoch: u32) -> Event {
    let epoch = EpochEnd {
        epoch,
        of: 12,
        train_loss: 0.312_4,
        train_accuracy: 0.868_9,
        validation_loss: if epoch == 3 { 0.341 } else { 0.355 },
        validation_accuracy: 0.841_2,
        best: 3,
        best_loss: 0.341,
    };
    Event::Epoch { stage: stage.into(), epoch, losses: Vec::new(), curves: None }
}

/// The same, with the curves shown for the first time.
pub(super) fn epoch_with_curves(stage: &str, number: u32) -> Event {
    match epoch(stage, number) {
        Event::Epoch { stage, epoch, losses, .. } => {
            let curves = Some(PathBuf::from(format!("out/mini/running/{stage}.png")));
            Event::Epoch { stage, epoch, losses, curves }
        }
        other => other,
    }
}

pub(super) fn cached(stage: &str, numbers: &[(&str, f64)]) -> FinishedStage {
    FinishedStage { cached: true, ..ran(stage, 12.1, numbers) }
}

pub(super) fn ran(stage: &str, seconds: f64, numbers: &[(&str, f64)]) -> FinishedStage {
    let number = |(name, value): &(&str, f64)| Number { name: (*name).into(), value: *value };
    FinishedStage {
        stage: stage.into(),
        key: "0123".into(),
        cached: false,
        seconds,
        numbers: numbers.iter().map(number).collect(),
        folder: None,
        device: "cpu".into(),
        resumed: None,
    }
}

pub(super) fn failed(stage: &str) -> FailedStage {
    FailedStage {
        stage: stage.into(),
        key: None,
        class: FailureClass::Stage,
        message: "the loss is not finite in epoch 3, batch 120: lower the learning rate".into(),
        log: Some(PathBuf::from(".pcamflow/logs/train.base.log")),
    }
}

pub(super) fn blocked(stage: &str, by: &str) -> Event {
    Event::Blocked { stage: stage.into(), by: by.into() }
}

pub(super) fn summary(finished: Vec<FinishedStage>) -> Summary {
    Summary {
        pipeline: "mini".into(),
        finished,
        failed: Vec::new(),
        not_run: Vec::new(),
        interrupted: false,
        seconds: 41.2,
        out: PathBuf::from("out/mini"),
        repeats: Vec::new(),
        sweep: None,
        trials: Vec::new(),
        would_run: Vec::new(),
        submitted: Vec::new(),
        required: Vec::new(),
        unasked: None,
    }
}

/// A run with cached and computed stages, one of which resumes on a GPU. All succeed.
pub(super) fn good() -> Vec<Event> {
    let split = cached("split.pcam", &[("train", 40_000.0), ("validation", 5_000.0)]);
    let mut train = ran("train.base", 34.2, &[("validation-accuracy", 0.934), ("validation-loss", 0.201_26)]);
    train.device = "cuda:0 (NVIDIA H200)".into();
    train.resumed = Some("epoch 3".into());
    let evaluate = ran("evaluate.test", 2.84, &[("accuracy", 0.915_62), ("AUC", 0.971)]);
    let explain = cached("explain.grad-cam", &[]);
    let finished = [&split, &train, &evaluate, &explain];
    vec![
        planned(&[
            ("split.pcam", Planned::Cached),
            ("train.base", Planned::Run),
            ("evaluate.test", Planned::Maybe),
            ("explain.grad-cam", Planned::Maybe),
        ]),
        Event::Finished(split.clone()),
        started("train.base", "epochs 8 -> 9"),
        progress("train.base", 120_000, 360_000, "epoch 4/9"),
        progress("train.base", 131_200, 360_000, "epoch 4/9, loss 0.412"),
        Event::Warning { stage: Some("train.base".into()), text: "no improvement for 3 epochs".into() },
        Event::Finished(train.clone()),
        started("evaluate.test", "train.base/model changed"),
        Event::Finished(evaluate.clone()),
        Event::Finished(explain.clone()),
        Event::Ended(summary(finished.map(Clone::clone).to_vec())),
    ]
}

/// A run in which a stage fails and blocks two others.
pub(super) fn bad() -> Vec<Event> {
    let split = cached("split.pcam", &[]);
    let end = Summary {
        failed: vec![failed("train.base")],
        not_run: vec!["evaluate.test".into(), "explain.grad-cam".into()],
        ..summary(vec![split.clone()])
    };
    vec![
        planned(&[
            ("split.pcam", Planned::Cached),
            ("train.base", Planned::Run),
            ("evaluate.test", Planned::Run),
            ("explain.grad-cam", Planned::Run),
        ]),
        Event::Finished(split),
        started("train.base", "never ran"),
        Event::Failed(failed("train.base")),
        blocked("evaluate.test", "train.base"),
        blocked("explain.grad-cam", "train.base"),
        Event::Ended(end),
    ]
}

/// A run with `count` cached stages.
pub(super) fn all_cached(count: usize) -> Vec<Event> {
    let names: Vec<String> = (0..count).map(|index| format!("explain.{index}")).collect();
    let plan: Vec<_> = names.iter().map(|name| (name.as_str(), Planned::Cached)).collect();
    let finished: Vec<_> = names.iter().map(|name| cached(name, &[])).collect();
    let mut events = vec![planned(&plan)];
    events.extend(finished.iter().cloned().map(Event::Finished));
    events.push(Event::Ended(Summary { seconds: 0.007, ..summary(finished) }));
    events
}
