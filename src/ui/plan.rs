//! The plan as a table: what would run, why, and how long it may take.
//!
//! A pure function from planned stages to a text.

use super::{
    View,
    fold::LIMIT,
    format,
    paint::Tone,
    repeated::{grouped, one_name, parts},
    table::{Cell, Table, cell},
    words,
};
use crate::engine::tell::event::{Planned, PlannedStage};

/// The table, the counts and the estimate.
#[must_use]
pub(super) fn text(pipeline: &str, stages: &[PlannedStage], view: &View) -> String {
    if words::all_cached(stages) {
        let all = format::plural(stages.len(), "stage");
        return format!("{}: nothing to run: {all}, all cached\n", format::clean(pipeline));
    }
    let counts = view.paint.tone(Tone::Strong, &words::plan(stages.iter().map(|stage| stage.state)));
    let estimate = estimate(stages).map(|text| words::wrapped(&text, 0, view.width).join("\n") + "\n");
    format!("{}\n{counts}\n{}", table(stages, view), estimate.unwrap_or_default())
}

fn table(stages: &[PlannedStage], view: &View) -> String {
    let mut table = Table::headed("llrl", ["stage", "plan", "last time", "why"]);
    let of_trials = stages.iter().filter(|stage| without_trial(&stage.stage).is_some()).count() > LIMIT;
    let alike = |stage| trials_alike(stage).filter(|_| of_trials).or_else(|| repeats_alike(stage));
    let groups = grouped(stages, alike);
    let folds = groups.iter().filter(|group| group[0].state == Planned::Cached).count() > LIMIT;
    if folds {
        let cached = stages.iter().filter(|stage| stage.state == Planned::Cached).count();
        let texts = [format::plural(cached, "stage"), "cached".into(), String::new(), String::new()];
        table.row(texts.map(|text| cell(Tone::Faint, text)));
    }
    for group in groups.iter().filter(|group| !folds || group[0].state != Planned::Cached) {
        table.row(row(group));
    }
    table.text(view)
}

/// Repeats of a stage share a row if this is equal.
fn repeats_alike(stage: &PlannedStage) -> Option<(&str, Planned, String)> {
    let (written, seed) = parts(&stage.stage);
    Some((written, stage.state, of_any_seed(&stage.why, seed?)))
}

/// The same stage of several trials shares a row if this is equal.
fn trials_alike(stage: &PlannedStage) -> Option<(&str, Planned, String)> {
    without_trial(&stage.stage).map(|name| (name, stage.state, "[".to_owned()))
}

/// The name in the file of a stage that belongs to some trials only.
fn without_trial(name: &str) -> Option<&str> {
    name.split_once('[').map(|(name, _)| name)
}

/// A reason without the seed in the names of stages.
pub(super) fn of_any_seed(why: &str, seed: &str) -> String {
    why.replace(&format!("@{seed}/"), "/")
}

/// The row of a stage, or of repeats with the sum of their times.
fn row(group: &[&PlannedStage]) -> [Cell; 4] {
    let names: Vec<&str> = group.iter().map(|stage| stage.stage.as_str()).collect();
    let seconds = group.iter().filter_map(|stage| stage.seconds).reduce(|sum, next| sum + next);
    let why = match (group, parts(&group[0].stage).1) {
        ([_, _, ..], Some(seed)) => of_any_seed(&group[0].why, seed),
        _ => group[0].why.clone(),
    };
    // Repeats in one trial keep its name.
    let of_one_trial = names.iter().all(|name| parts(name).0 == parts(names[0]).0);
    let (name, why) = match without_trial(names[0]).filter(|_| names.len() > 1 && !of_one_trial) {
        None => (one_name(&names), why),
        Some(name) => {
            let same = group.iter().all(|stage| stage.why == group[0].why);
            let why = if same { group[0].why.clone() } else { format!("{}, ...", group[0].why) };
            (format!("{name}[x{}]", names.len()), why)
        }
    };
    let (tone, word) = state(group[0].state);
    let quiet = if group[0].state == Planned::Cached { Tone::Faint } else { Tone::Normal };
    [
        cell(quiet, format::clean(&name)),
        cell(tone, word),
        cell(Tone::Faint, seconds.map_or_else(String::new, format::duration)),
        cell(quiet, format::clean(&why)),
    ]
}

/// The tone and the word for a state.
pub(super) fn state(state: Planned) -> (Tone, &'static str) {
    match state {
        Planned::Cached => (Tone::Faint, "cached"),
        Planned::Run => (Tone::Active, "run"),
        Planned::Maybe => (Tone::Warning, "maybe"),
        Planned::Blocked => (Tone::Bad, "blocked"),
    }
}

/// An estimate from the times that the stages took last, in proportion to epochs and patches; `None` if none ever ran.
fn estimate(stages: &[PlannedStage]) -> Option<String> {
    let of = |state| stages.iter().filter(move |stage| stage.state == state);
    let sum = |state| of(state).filter_map(|stage| stage.expected).sum::<f64>();
    let (sure, maybe) = (sum(Planned::Run), sum(Planned::Maybe));
    let untimed = of(Planned::Run).chain(of(Planned::Maybe)).filter(|stage| stage.expected.is_none()).count();
    if sure + maybe <= 0.0 {
        return None;
    }
    let least = format::duration(sure);
    let range = if maybe > 0.0 { format!("{least} to {}", format::duration(sure + maybe)) } else { least };
    let plus = match untimed {
        0 => String::new(),
        untimed => format!(", plus {} that never ran", format::plural(untimed, "stage")),
    };
    Some(format!("estimate, one after another: {range}{plus}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn plain(stages: &[PlannedStage], width: Option<usize>) -> String {
        text("mini", stages, &View { paint: Paint::OFF, width })
    }

    fn stage(stage: &str, state: Planned, why: &str, seconds: Option<f64>) -> PlannedStage {
        PlannedStage { stage: stage.to_owned(), state, why: why.to_owned(), seconds, expected: seconds }
    }

    fn mixed() -> Vec<PlannedStage> {
        vec![
            stage("split.pcam", Planned::Cached, "", Some(12.1)),
            stage("train.base", Planned::Run, "epochs 8 -> 9", Some(177.0)),
            stage("evaluate.test", Planned::Maybe, "train.base/model may change", Some(22.0)),
            stage("explain.grad-cam", Planned::Run, "never ran", None),
        ]
    }

    #[test]
    fn the_table_lines_up_and_ends_with_an_estimate() {
        let expected = "\
stage             plan     last time  why
split.pcam        cached      12.1 s
train.base        run     2 min 57 s  epochs 8 -> 9
evaluate.test     maybe       22.0 s  train.base/model may change
explain.grad-cam  run                 never ran

2 to run, 1 maybe, 1 cached
estimate, one after another: 2 min 57 s to 3 min 19 s, plus 1 stage that never ran
";
        assert_eq!(plain(&mixed(), None), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_reasons() {
        let text = plain(&mixed(), Some(50));
        assert!(text.contains("evaluate.test     maybe       22.0 s  train.base/…\n"), "{text}");
    }

    #[test]
    fn nothing_to_run_is_one_line() {
        let stages = [stage("split.pcam", Planned::Cached, "", None)];
        assert_eq!(plain(&stages, None), "mini: nothing to run: 1 stage, all cached\n");
    }

    #[test]
    fn equal_repeats_share_a_row() {
        let mut stages = vec![stage("split.pcam", Planned::Cached, "", None)];
        for seed in 1..=3 {
            let (state, why) = if seed == 2 { (Planned::Cached, "") } else { (Planned::Run, "never ran") };
            stages.push(stage(&format!("train.base@{seed}"), state, why, Some(30.0)));
        }
        for seed in 1..=3 {
            let why = format!("`train.base@{seed}/model` may change");
            stages.push(stage(&format!("evaluate.test@{seed}"), Planned::Maybe, &why, None));
        }
        let expected = "\
stage                  plan     last time  why
split.pcam             cached
train.base@{1,3}       run     1 min 00 s  never ran
train.base@2           cached      30.0 s
evaluate.test@{1,2,3}  maybe               `train.base/model` may change

2 to run, 3 maybe, 2 cached
";
        assert!(plain(&stages, None).starts_with(expected), "{}", plain(&stages, None));
    }

    #[test]
    fn repeats_of_a_trial_have_its_name_and_many_trials_are_counted() {
        let name = |trial: u32, seed: u32| format!("split.d[train={trial}]@{seed}");
        let all = [(18, 1), (18, 2), (20, 1), (20, 2)];
        let few: Vec<PlannedStage> =
            all.iter().map(|(trial, seed)| stage(&name(*trial, *seed), Planned::Run, "", None)).collect();
        let text = plain(&few, None);
        assert!(
            text.contains("split.d[train=18]@{1,2}") && text.contains("split.d[train=20]@{1,2}"),
            "{text}"
        );
        let many = (0..20).map(|trial| stage(&name(trial, 1), Planned::Run, "", None)).collect::<Vec<_>>();
        assert!(plain(&many, None).contains("split.d[x20]"), "{}", plain(&many, None));
    }

    #[test]
    fn many_cached_stages_are_one_row() {
        let mut stages = vec![stage("split.pcam", Planned::Cached, "", None); 999];
        stages.push(stage("train.base", Planned::Blocked, "split.x failed", None));
        let expected = "\
stage       plan     last time  why
999 stages  cached
train.base  blocked             split.x failed

999 cached, 1 blocked
";
        assert_eq!(plain(&stages, None), expected);
    }
}
