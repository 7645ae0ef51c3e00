//! A run matches its plan: it computes all stages planned as `run`, and otherwise only `maybe` ones.

use std::{collections::BTreeSet, fmt::Write, fs};

use pcamflow::{
    engine::{
        exec::{
            Computed,
            fake::{Fake, echo},
        },
        tell::event::{Planned, PlannedStage},
    },
    protocol::{Failure, Task},
    stages::AnyStage,
};
use proptest::prelude::*;

use super::{ALL, PIPELINE, Project, histories::cases, state};

/// Plans and runs the pipeline, and compares the two.
#[track_caller]
fn holds(project: &Project, text: &str) {
    let plan = project.plan(text);
    let of = |state: Planned| -> BTreeSet<String> {
        let stages = plan.iter().filter(|planned: &&PlannedStage| planned.state == state);
        stages.map(|planned| planned.stage.clone()).collect()
    };
    let run = project.run(text);
    let ran: BTreeSet<String> = run.stages.into_iter().collect();
    // Of stages with one key, the plan names the first one, but any of them may run.
    let key = |stage: &str| {
        let finished = run.summary.finished.iter().find(|finished| finished.stage == stage);
        finished.map(|finished| finished.key.clone())
    };
    let made: BTreeSet<_> = ran.iter().filter_map(|stage| key(stage)).collect();
    let is_made = |stage: &String| key(stage).is_some_and(|key| made.contains(&key));
    let as_planned = of(Planned::Run).iter().all(is_made);
    assert!(as_planned, "{plan:#?} but {ran:?} ran");
    assert!(of(Planned::Cached).is_disjoint(&ran), "{plan:#?} but {ran:?} ran");
}

/// A chain of trainings, each with an evaluation, varied by `values`.
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

/// The result of a training does not depend on its epochs or seed, so later stages may turn out equal.
fn coarse(task: &Task) -> Result<Computed, Failure> {
    let mut task = task.clone();
    if let AnyStage::Train(train) = &mut task.stage {
        (train.epochs, train.seed) = (1, 1);
    }
    echo(&task)
}

/// Alternates edits, runs and damage to the store.
fn history(mut project: Project, rounds: Vec<(Vec<u8>, u8, prop::sample::Index)>, seeds: &str) {
    for (values, harm, which) in rounds {
        project.options.force = if harm == 3 { vec!["train.t1".to_owned()] } else { Vec::new() };
        holds(&project, &pipeline(&values).replacen("epochs", &format!("{seeds}epochs"), 1));
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

fn rounds() -> impl Strategy<Value = Vec<(Vec<u8>, u8, prop::sample::Index)>> {
    let values = proptest::collection::vec(0_u8..6, 3);
    proptest::collection::vec((values, 0_u8..5, any::<prop::sample::Index>()), 2..5)
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_run_follows_its_plan(rounds in rounds()) {
        history(Project::in_memory(), rounds, "");
    }

    #[test]
    fn a_run_follows_its_plan_when_results_coincide(rounds in rounds(), repeated: bool) {
        let seeds = if repeated { "seeds = [1, 2, 3]\n" } else { "" };
        // A missing object may be restored by another stage with the same result, so do not remove objects
        // here.
        let rounds = rounds.into_iter().map(|(values, harm, which)| (values, harm.max(2), which)).collect();
        history(Project { fake: Fake::new(|task, _| coarse(task)), ..Project::in_memory() }, rounds, seeds);
    }
}

#[test]
fn in_an_empty_store_all_stages_run_except_possible_duplicates() {
    let project = Project::new();
    let never = |plan: &[PlannedStage], stage| assert_eq!(state(plan, stage), (Planned::Run, "never ran"));
    let plan = project.plan(PIPELINE);
    ALL.iter().for_each(|stage| never(&plan, stage));
    let text = PIPELINE.replace("epochs = 3", "epochs = 3\nseeds = [1, 2]");
    let plan = project.plan(&text);
    ["split.s", "train.t@1", "train.t@2", "evaluate.e@1"].iter().for_each(|stage| never(&plan, stage));
    let same = "never ran, but may turn out the same as `evaluate.e@1`";
    assert_eq!(state(&plan, "evaluate.e@2"), (Planned::Maybe, same));
    holds(&project, &text);
}

#[test]
fn a_stage_that_matches_no_result_runs_whatever_its_inputs_become() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    let text = PIPELINE.replace("patches = 20", "patches = 21").replace("epochs = 3", "epochs = 4");
    let edited = |change: &str| format!("`epochs` {change} ({}:12)", project.path().join("p.toml").display());
    let plan = project.plan(&text);
    assert_eq!(state(&plan, "split.s"), (Planned::Maybe, "`synthesize.s/images` may change"));
    assert_eq!(state(&plan, "train.t"), (Planned::Run, edited("3 -> 4").as_str()));
    assert_eq!(state(&plan, "evaluate.e"), (Planned::Maybe, "`train.t/model` may change"));
    holds(&project, &text);
    // Now an older result may match again.
    let text = text.replace("epochs = 4", "epochs = 3").replace("patches = 21", "patches = 22");
    let why = format!("{}, and `split.s/train` may change", edited("4 -> 3"));
    assert_eq!(state(&project.plan(&text), "train.t"), (Planned::Maybe, why.as_str()));
    holds(&project, &text);
}

#[test]
fn missing_objects_are_planned_back_to_their_first_maker() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    fs::remove_dir_all(project.store().join("objects")).unwrap();
    let text = PIPELINE.replace("[evaluate.e]", "[evaluate.e]\nthreshold = 0.4");
    let plan = project.plan(&text);
    let states: Vec<Planned> = plan.iter().map(|planned| planned.state).collect();
    // A training that runs again may give another model, so the stages that read it may change.
    let expected = [Planned::Run, Planned::Run, Planned::Run, Planned::Maybe, Planned::Maybe, Planned::Maybe];
    assert_eq!(states, expected, "{plan:#?}");
    holds(&project, &text);
}
