//! Properties of random graphs with random failures.

use std::{
    collections::BTreeSet,
    fmt::Write,
    sync::{Arc, Mutex},
};

use pcamflow::{
    engine::exec::fake::{Fake, echo},
    protocol::{Failure, FailureClass},
};
use proptest::prelude::*;

use super::Project;

/// A random forest of training stages. Each starts from the weights of an earlier one, or from scratch.
fn forest(parents: &[Option<usize>]) -> String {
    let mut text = "[pipeline]\nname = 'chain'\n[synthesize.s]\n[split.s]\nimages = 'synthesize.s/images'\nlabels = 'synthesize.s/labels'\nsizes = { train = 1, validation = 1, test = 1 }\n".to_owned();
    for (index, parent) in parents.iter().enumerate() {
        writeln!(text, "[train.t{index}]\ndata = 'split.s'\nepochs = {}\nrun = {{ threads = 1 }}", index + 1)
            .unwrap();
        if let Some(parent) = parent {
            writeln!(text, "weights = 'train.t{parent}'").unwrap();
        }
    }
    text
}

fn parents() -> impl Strategy<Value = Vec<Option<usize>>> {
    let choices =
        proptest::collection::vec(proptest::option::weighted(0.7, any::<prop::sample::Index>()), 1..10);
    choices.prop_map(|choices| {
        let parent = |(index, choice): (usize, Option<prop::sample::Index>)| {
            choice.filter(|_| index > 0).map(|choice| choice.index(index))
        };
        choices.into_iter().enumerate().map(parent).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn failures_do_not_break_the_order_and_a_clean_run_completes(
        parents in parents(),
        failing in proptest::collection::btree_set(0_usize..10, 0..3),
        keep_going in any::<bool>(),
    ) {
        let text = forest(&parents);
        let fails = Arc::new(Mutex::new(failing));
        let done = Arc::new(Mutex::new(BTreeSet::new()));
        let (fails_now, done_now) = (Arc::clone(&fails), Arc::clone(&done));
        let mut project = Project::with(Fake::new(move |task, _| {
            for input in task.inputs.values() {
                let maker = input.name.split('/').next().unwrap().to_owned();
                assert!(done_now.lock().unwrap().contains(&maker), "{} ran before {maker}", task.name);
            }
            let failed = fails_now.lock().unwrap().iter().any(|index| task.name == format!("train.t{index}"));
            if failed {
                return Err(Failure { class: FailureClass::Stage, message: "no luck".to_owned() });
            }
            let computed = echo(task);
            assert!(done_now.lock().unwrap().insert(task.name.clone()), "{} ran twice", task.name);
            computed
        }));
        project.options.keep_going = keep_going;
        let first = project.run(&text);
        let started: BTreeSet<&String> = first.stages.iter().collect();
        prop_assert_eq!(started.len(), first.stages.len(), "a stage ran twice");
        fails.lock().unwrap().clear();
        let second = project.run(&text);
        prop_assert!(second.summary.failed.is_empty());
        prop_assert_eq!(second.summary.finished.len(), parents.len() + 2);
        project.run(&text).ran(&[]);

        let straight = Project::new();
        straight.run(&text);
        for index in 0..parents.len() {
            let model = format!("train.t{index}/model.safetensors");
            prop_assert_eq!(std::fs::read(project.shown(&model)).unwrap(), std::fs::read(straight.shown(&model)).unwrap());
        }
    }
}
