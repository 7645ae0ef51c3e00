//! Repeats with the fake executor: keys, selection, spread and failures.

use pcamflow::{
    engine::{
        exec::{
            Computed,
            fake::{Fake, echo},
        },
        tell::{event::Planned, repeats::Repeated},
    },
    protocol::{Failure, FailureClass, Number, Task},
};

use super::{PIPELINE, Project, state};

fn seeded(seeds: &str) -> String {
    PIPELINE.replace("epochs = 3", &format!("epochs = 3\nseeds = {seeds}"))
}

/// Every result of a repeat has its seed as a number. Evaluations also have one for even seeds only.
fn numbered(task: &Task) -> Result<Computed, Failure> {
    let mut computed = echo(task)?;
    let number = |name: &str, value: f64| Number { name: name.to_owned(), value };
    if let Some((stage, seed)) = task.name.split_once('@') {
        let seed: f64 = seed.parse().unwrap();
        computed.outcome.numbers.push(number("seed", seed));
        if stage.starts_with("evaluate") {
            computed.outcome.numbers.push(number("even", if seed % 2.0 == 0.0 { seed } else { f64::NAN }));
        }
    }
    Ok(computed)
}

fn project() -> Project {
    Project::with(Fake::new(|task, _| numbered(task)))
}

fn spread(repeated: &Repeated, name: &str) -> (usize, Option<f64>, Option<f64>) {
    let number = repeated.numbers.iter().find(|number| number.name == name).unwrap();
    (number.n, number.mean, number.sd)
}

#[test]
fn a_repeat_and_a_stage_with_the_same_seed_share_results() {
    let project = Project::new();
    project.run(&PIPELINE.replace("epochs = 3", "epochs = 3\nseed = 5"));
    let ran = project.run(&seeded("[5]"));
    ran.ran(&[]);
    assert!(project.shown("train.t@5/model.safetensors").exists() && !project.shown("train.t").exists());
    assert_eq!(ran.summary.repeats.len(), 4);
    project.run(&PIPELINE.replace("epochs = 3", "epochs = 3\nseed = 5")).ran(&[]);
    assert!(project.shown("train.t/model.safetensors").exists() && !project.shown("train.t@5").exists());
}

#[test]
fn an_added_seed_runs_only_its_own_repeats() {
    let project = Project::new();
    assert_eq!(project.run(&seeded("[1, 2]")).stages.len(), 2 + 2 * 4);
    project.run(&seeded("[1, 2, 3]")).ran(&["train.t@3", "evaluate.e@3", "explain.a@3", "explain.b@3"]);
    project.run(&seeded("[3, 1]")).ran(&[]);
    let mut project = project;
    project.options.force = vec!["train.t".to_owned()];
    project.run(&seeded("[1, 2]")).ran(&["train.t@1", "train.t@2"]);
    project.options.force = vec!["train.t@2".to_owned()];
    project.run(&seeded("[1, 2]")).ran(&["train.t@2"]);
    project.options.force = vec!["*.t".to_owned()];
    project.run(&seeded("[1, 2]")).ran(&["train.t@1", "train.t@2"]);
}

#[test]
fn a_stage_name_selects_all_repeats_and_one_can_be_selected() {
    let mut project = project();
    project.options.targets = vec!["train.t@2".to_owned()];
    let ran = project.run(&seeded("[1, 2]"));
    ran.ran(&["synthesize.s", "split.s", "train.t@2"]);
    assert_eq!(ran.summary.repeats, [], "one of two repeats has no spread");
    project.options.targets = vec!["evaluate.e".to_owned()];
    let ran = project.run(&seeded("[1, 2]"));
    ran.ran(&["train.t@1", "evaluate.e@1", "evaluate.e@2"]);
    let stages: Vec<&str> = ran.summary.repeats.iter().map(|repeated| repeated.stage.as_str()).collect();
    assert_eq!(stages, ["train.t", "evaluate.e"]);
    project.options.targets = vec!["evaluate.e@3".to_owned()];
    let refused = project.try_run(&seeded("[1, 2]")).err().unwrap().to_string();
    assert!(refused.contains("did you mean `evaluate.e@1`?"), "{refused}");
}

#[test]
fn the_plan_lists_every_repeat() {
    let project = Project::new();
    project.run(&seeded("[1]"));
    let plan = project.plan(&seeded("[1, 2]"));
    assert_eq!(plan.len(), 10);
    assert_eq!(state(&plan, "train.t@1").0, Planned::Cached);
    assert_eq!(state(&plan, "train.t@2"), (Planned::Run, "never ran"));
    let same = "never ran, but may turn out the same as a result in the store";
    assert_eq!(state(&plan, "explain.a@2"), (Planned::Maybe, same));
}

#[test]
fn the_spread_over_the_seeds_is_the_same_when_all_is_cached() {
    let project = project();
    let first = project.run(&seeded("[4, 1, 2]")).summary.repeats;
    let evaluate = &first[1];
    assert_eq!(
        (evaluate.stage.as_str(), &evaluate.seeds, &evaluate.missing),
        ("evaluate.e", &vec![4, 1, 2], &vec![])
    );
    // The seeds are 4, 1 and 2: mean 7/3, sum of squared deviations 42/9, divided by n - 1 = 2.
    let (n, mean, sd) = spread(evaluate, "seed");
    assert!(n == 3 && (mean.unwrap() - 7.0 / 3.0).abs() < 1e-15);
    assert!((sd.unwrap() - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    assert_eq!(
        spread(evaluate, "even"),
        (2, Some(3.0), Some(2.0_f64.sqrt())),
        "undefined values must be ignored"
    );
    let files = ["repeats.csv", "repeats.json"].map(|name| std::fs::read(project.shown(name)).unwrap());
    let again = project.run(&seeded("[4, 1, 2]"));
    again.ran(&[]);
    assert_eq!(again.summary.repeats, first);
    assert_eq!(
        files,
        ["repeats.csv", "repeats.json"].map(|name| std::fs::read(project.shown(name)).unwrap())
    );
    project.run(PIPELINE);
    assert!(!project.shown("repeats.csv").exists() && !project.shown("repeats.json").exists());
}

#[test]
fn failed_repeats_are_reported_and_the_others_count() {
    let mut project = Project::with(Fake::new(|task, _| match task.name.as_str() {
        "train.t@2" => Err(Failure { class: FailureClass::Stage, message: "no luck".to_owned() }),
        _ => numbered(task),
    }));
    project.options.keep_going = true;
    let ran = project.run(&seeded("[1, 2, 3]"));
    assert_eq!(ran.summary.failed.len(), 1);
    assert_eq!(ran.summary.not_run, ["evaluate.e@2", "explain.a@2", "explain.b@2"]);
    assert_eq!(ran.summary.repeats.len(), 4);
    for repeated in &ran.summary.repeats {
        assert_eq!(repeated.missing, [2]);
        assert_eq!(spread(repeated, "seed"), (2, Some(2.0), Some(2.0_f64.sqrt())));
    }
    let table = std::fs::read_to_string(project.shown("repeats.csv")).unwrap();
    assert!(table.contains("train.t,seed,1 3,2,2,1.414"), "{table}");
}
