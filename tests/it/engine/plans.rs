//! A run does what was planned: all of `run`, and besides them at most `maybe`.

use std::{collections::BTreeSet, fmt::Write, fs};

use pcamflow::engine::event::{Planned, PlannedStage};
use proptest::prelude::*;

use super::{ALL, PIPELINE, Project};

/// Plans, runs, and compares.
#[track_caller]
fn holds(project: &Project, text: &str) {
    let plan = project.plan(text);
    let of = |state: Planned| -> BTreeSet<String> {
        let stages = plan.iter().filter(|planned: &&PlannedStage| planned.state == state);
        stages.map(|planned| planned.stage.clone()).collect()
    };
    let ran: BTreeSet<String> = project.run(text).stages.into_iter().collect();
    // Of stages with one key the first in the plan is said to run; any of them may be the one that does.
    let twin = |stage: &str| {
        let same = format!("the same as `{stage}`, which runs");
        plan.iter().any(|planned| planned.why == same && ran.contains(&planned.stage))
    };
    let as_planned = of(Planned::Run).iter().all(|stage| ran.contains(stage) || twin(stage));
    assert!(as_planned, "{plan:#?} but {ran:?} ran");
    assert!(of(Planned::Cached).is_disjoint(&ran), "{plan:#?} but {ran:?} ran");
}

/// A chain of trainings beside explanations: each with a value of its own.
fn pipeline(values: &[u8]) -> String {
    let mut text = "[pipeline]\nname = 'chain'\n[synthesize.s]\n[split.s]\nimages = 'synthesize.s/images'\n\
                    labels = 'synthesize.s/labels'\nsizes = { train = 1, validation = 1, test = 1 }\n"
        .to_owned();
    for (index, value) in values.iter().enumerate() {
        write!(text, "[train.t{index}]\ndata = 'split.s'\nepochs = {}\n", value / 2 + 1).unwrap();
        if index > 0 && value % 2 == 0 {
            writeln!(text, "weights = 'train.t{}'", index - 1).unwrap();
        }
        writeln!(text, "[evaluate.e{index}]\nmodel = 'train.t{index}'\nimages = 'split.s/test'").unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_run_does_what_was_planned(
        rounds in proptest::collection::vec(
            (proptest::collection::vec(0_u8..6, 3), 0_u8..4, any::<prop::sample::Index>()), 2..5),
    ) {
        let project = Project::new();
        for (values, harm, which) in rounds {
            holds(&project, &pipeline(&values));
            let objects = project.store().join("objects");
            match harm {
                0 if objects.exists() => fs::remove_dir_all(&objects).unwrap(),
                1 if objects.exists() => {
                    let files: Vec<_> = super::files(&objects);
                    fs::remove_file(&files[which.index(files.len())]).unwrap();
                }
                2 => {
                    let files: Vec<_> = super::files(&project.store().join("actions"));
                    fs::remove_file(&files[which.index(files.len())]).unwrap();
                }
                _ => {}
            }
        }
    }
}

#[test]
fn makers_of_bytes_that_are_away_are_planned_back_to_the_first() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    fs::remove_dir_all(project.store().join("objects")).unwrap();
    let text = PIPELINE.replace("[evaluate.e]", "[evaluate.e]\nthreshold = 0.4");
    let plan = project.plan(&text);
    let states: Vec<Planned> = plan.iter().map(|planned| planned.state).collect();
    // A training on another machine is another realisation: what reads it may change.
    let expected = [Planned::Run, Planned::Run, Planned::Run, Planned::Maybe, Planned::Maybe, Planned::Maybe];
    assert_eq!(states, expected, "{plan:#?}");
    holds(&project, &text);
}
