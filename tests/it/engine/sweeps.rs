//! The trials of a sweep in one run: equal to separate runs, and nothing is computed twice.

use std::collections::{BTreeMap, BTreeSet};

use pcamflow::{
    engine::{
        Engine,
        exec::fake::Fake,
        tell::{event::Summary, trials::TrialOutcome},
    },
    pipeline::{
        self, Pipeline,
        sweep::{Axis, SweepSpec, Trials, Values},
    },
    protocol::{Failure, FailureClass},
    store::{self, Store},
};
use proptest::prelude::*;

use super::{Log, PIPELINE, Project};

fn axis(key: &str, values: &[&str]) -> Axis {
    let values = Values::List(values.iter().map(|value| (*value).to_owned()).collect());
    Axis { key: key.to_owned(), values, place: String::new() }
}

impl Project {
    fn swept(&self, text: &str, trials: Trials, axes: Vec<Axis>) -> Pipeline {
        let file = self.path().join("p.toml");
        std::fs::write(&file, text).unwrap();
        let spec = SweepSpec { trials, axes, place: String::new() };
        let options = pipeline::Options { data: Some(self.path().join("data")), ..Default::default() };
        pipeline::swept(&file, &spec, &options).unwrap_or_else(|wrong| panic!("{}", wrong.render(false).0))
    }

    /// Runs a pipeline. Returns the summary and the computed stages.
    fn run_loaded(&self, pipeline: &Pipeline, keep_going: bool) -> (Summary, Vec<String>) {
        let store = Store::open(&self.store(), store::Options::default()).unwrap();
        let options = pcamflow::engine::Options { keep_going, ..self.options.clone() };
        let engine = Engine::new(pipeline, &store, options).unwrap();
        let summary =
            engine.run(&self.path().join("out"), &self.fake, &self.stopped, &mut Log::default()).unwrap();
        let mut ran = self.fake.take_ran();
        ran.sort();
        (summary, ran)
    }
}

#[test]
fn shared_stages_are_merged_and_the_others_name_their_trial() {
    let project = Project::new();
    let axes = vec![axis("split.s.seed", &["1", "2"]), axis("train.t.epochs", &["3", "4"])];
    let (summary, ran) = project.run_loaded(&project.swept(PIPELINE, Trials::Product, axes), true);
    let mut expected = vec!["synthesize.s".to_owned(), "split.s[seed=1]".into(), "split.s[seed=2]".into()];
    for trial in ["seed=1,epochs=3", "seed=1,epochs=4", "seed=2,epochs=3", "seed=2,epochs=4"] {
        let of = ["train.t", "evaluate.e", "explain.a", "explain.b"];
        expected.extend(of.map(|stage| format!("{stage}[{trial}]")));
    }
    expected.sort();
    assert_eq!(ran, expected);
    assert_eq!(summary.trials.len(), 4);
    assert!(summary.trials.iter().all(|trial| trial.outcome == TrialOutcome::Done && !trial.cached));
}

#[test]
fn a_trial_is_shown_completely_and_the_output_of_the_pipeline_is_kept() {
    let project = Project::new();
    project.run(PIPELINE);
    let plain = std::fs::read(project.shown("train.t/model.safetensors")).unwrap();
    let axes = || vec![axis("train.t.epochs", &["4", "5"])];
    project.run_loaded(&project.swept(PIPELINE, Trials::Product, axes()), true);
    for (trial, stage) in [("epochs=4", "synthesize.s"), ("epochs=5", "explain.b"), ("epochs=5", "train.t")] {
        assert!(project.shown(&format!("trials/{trial}/{stage}")).is_dir(), "{trial}/{stage}");
    }
    assert_eq!(std::fs::read(project.shown("train.t/model.safetensors")).unwrap(), plain);
    assert_ne!(std::fs::read(project.shown("trials/epochs=4/train.t/model.safetensors")).unwrap(), plain);
    // Another sweep replaces the trials of the first one. A run of the pipeline keeps them.
    project.run_loaded(
        &project.swept(PIPELINE, Trials::Product, vec![axis("train.t.epochs", &["5", "6"])]),
        true,
    );
    project.run(PIPELINE).ran(&[]);
    assert!(!project.shown("trials/epochs=4").exists());
    assert!(project.shown("trials/epochs=6/train.t").is_dir());
}

#[test]
fn a_failed_trial_does_not_stop_others_and_the_next_sweep_repeats_nothing() {
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let now = std::sync::Arc::clone(&fails);
    let project = Project::with(Fake::new(move |task, _| {
        if now.load(std::sync::atomic::Ordering::SeqCst) && task.name == "train.t[epochs=4]" {
            return Err(Failure { class: FailureClass::Stage, message: "no luck".to_owned() });
        }
        pcamflow::engine::exec::fake::echo(task)
    }));
    let axes = || vec![axis("train.t.epochs", &["3", "4", "5"])];
    let (summary, _) = project.run_loaded(&project.swept(PIPELINE, Trials::Product, axes()), true);
    let outcomes: Vec<TrialOutcome> = summary.trials.iter().map(|trial| trial.outcome).collect();
    assert_eq!(outcomes, [TrialOutcome::Done, TrialOutcome::Failed, TrialOutcome::Done]);
    assert_eq!(summary.trials[1].failed, ["train.t[epochs=4]"]);
    assert_eq!(summary.exit_code(), 1);
    fails.store(false, std::sync::atomic::Ordering::SeqCst);
    let (summary, ran) = project.run_loaded(&project.swept(PIPELINE, Trials::Product, axes()), true);
    let expected =
        ["evaluate.e[epochs=4]", "explain.a[epochs=4]", "explain.b[epochs=4]", "train.t[epochs=4]"];
    assert_eq!(ran, expected);
    assert_eq!(summary.exit_code(), 0);
}

#[test]
fn trials_report_the_means_of_repeats() {
    let project = Project::with(Fake::new(|task, _| {
        let mut computed = pcamflow::engine::exec::fake::echo(task)?;
        let seed = task.name.rsplit_once('@').map_or(0.0, |(_, seed)| seed.parse().unwrap());
        let number = pcamflow::protocol::Number { name: "accuracy".to_owned(), value: seed };
        computed.outcome.numbers = vec![number];
        Ok(computed)
    }));
    let text = PIPELINE.replace("epochs = 3", "epochs = 3\nseeds = [1, 2, 6]");
    let axes = vec![axis("train.t.epochs", &["3", "4"])];
    let (summary, ran) = project.run_loaded(&project.swept(&text, Trials::Product, axes), true);
    assert!(ran.contains(&"evaluate.e[epochs=3]@2".to_owned()), "{ran:?}");
    let number = |index: usize| {
        let numbers = &summary.trials[index].numbers;
        numbers.iter().find(|number| number.stage == "evaluate.e").unwrap().value
    };
    assert_eq!([number(0), number(1)], [3.0, 3.0]);
    assert!(project.shown("trials/epochs=4/repeats.csv").is_file());
}

#[test]
fn the_union_of_many_trials_is_linear() {
    let project = Project::new();
    let values: Vec<String> = (1..=400).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let pipeline = project.swept(PIPELINE, Trials::Product, vec![axis("train.t.epochs", &values)]);
    assert_eq!(pipeline.stages.len(), 2 + 400 * 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_equals_its_trials_run_separately(
        patches in proptest::collection::btree_set(10_u32..14, 1..3),
        seeds in proptest::collection::btree_set(1_u32..4, 1..3),
        epochs in proptest::collection::btree_set(1_u32..5, 1..4),
        drawn in proptest::option::of(1_u32..3),
    ) {
        let values = |set: &BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>();
        let list = |key: &str, set| Axis {
            key: key.to_owned(), values: Values::List(values(set)), place: String::new(),
        };
        let axes =
            vec![list("synthesize.s.patches", &patches), list("split.s.seed", &seeds), list("train.t.epochs", &epochs)];
        let all = patches.len() * seeds.len() * epochs.len();
        let drawn = drawn.filter(|count| *count as usize * 2 < all);
        let trials = drawn.map_or(Trials::Product, |count| Trials::Random { count, seed: 5 });
        let project = Project::new();
        let union = project.swept(PIPELINE, trials, axes);
        let (together, ran) = project.run_loaded(&union, true);
        prop_assert!(together.failed.is_empty());
        let once: BTreeSet<&String> = ran.iter().collect();
        prop_assert_eq!(once.len(), ran.len(), "a stage ran twice");
        let mut alone_ran = BTreeMap::new();
        let straight = Project::new();
        for trial in &union.trials {
            let options = pipeline::Options { set: trial.set.clone(), data: Some(project.path().join("data")) };
            let alone = pipeline::load(&project.path().join("p.toml"), &options).unwrap();
            let (summary, ran) = project.run_loaded(&alone, false);
            prop_assert_eq!(ran, Vec::<String>::new(), "{} has other keys when run separately", trial.name);
            prop_assert_eq!(summary.finished.len(), trial.stages.len());
            let shown = std::fs::read(project.shown("explain.b/maps.h5")).unwrap();
            let of_trial = format!("trials/{}/explain.b/maps.h5", trial.name);
            prop_assert_eq!(shown, std::fs::read(project.shown(&of_trial)).unwrap());
            alone_ran.insert(&trial.name, straight.run_loaded(&alone, false).1.len());
        }
        // In one shared store, separate trials compute exactly as many stages as the sweep.
        prop_assert_eq!(alone_ran.values().sum::<usize>(), union.stages.len());
    }
}
