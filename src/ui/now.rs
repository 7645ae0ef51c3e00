//! Shows the state of every stage: `pcamflow status`.

use super::{
    View, format, json,
    paint::Tone,
    table::{Table, cell},
    view_of_stdout, words, write,
};
use crate::engine::{
    StageNow,
    tell::{event::Planned, job::JobPhase},
};

/// Shows the stages.
pub fn show(as_json: bool, stages: &[StageNow]) {
    match as_json {
        true => write(&json::object("status", &serde_json::json!({ "stages": stages }))),
        false => write(&text(stages, &view_of_stdout())),
    }
}

fn text(stages: &[StageNow], view: &View) -> String {
    let mut table = Table::new("lll");
    for stage in stages {
        let (tone, word) = state(stage);
        let name = cell(Tone::Normal, format::one_line(&stage.planned.stage));
        table.row([name, cell(tone, word), cell(Tone::Faint, about(stage))]);
    }
    table.text(view)
}

fn state(stage: &StageNow) -> (Tone, &'static str) {
    match (&stage.job, &stage.holder, &stage.failure) {
        (Some(job), ..) => match job.state {
            JobPhase::Pending => (Tone::Warning, "pending"),
            JobPhase::Running => (Tone::Good, "running"),
        },
        (None, Some(_), _) => (Tone::Good, "running"),
        (None, None, Some(_)) => (Tone::Bad, "failed"),
        (None, None, None) => match stage.planned.state {
            Planned::Cached => (Tone::Faint, "cached"),
            Planned::Run => (Tone::Normal, "run"),
            Planned::Maybe => (Tone::Faint, "maybe"),
            Planned::Blocked => (Tone::Bad, "blocked"),
        },
    }
}

fn about(stage: &StageNow) -> String {
    if let Some(job) = &stage.job {
        let progress = stage.progress.iter().flat_map(|progress| {
            let amount = format::amount(progress.done, progress.total, &progress.unit);
            [amount, progress.at.clone()].into_iter().filter(|part| !part.is_empty())
        });
        return std::iter::once(words::job(job)).chain(progress).collect::<Vec<_>>().join(", ");
    }
    match (&stage.holder, &stage.failure) {
        (Some(holder), _) => format!("by {}", format::one_line(holder)),
        (None, Some(failure)) => format::one_line(failure.lines().next().unwrap_or_default()),
        (None, None) => format::one_line(&stage.planned.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::tell::{event::PlannedStage, job::JobState},
        protocol::Progress,
        ui::paint::Paint,
    };

    fn stage(name: &str, state: Planned) -> StageNow {
        let planned = PlannedStage {
            stage: name.into(),
            state,
            why: "never ran".into(),
            seconds: None,
            expected: None,
        };
        StageNow { planned, job: None, progress: None, holder: None, failure: None }
    }

    #[test]
    fn each_stage_has_its_state_and_what_is_known_of_it() {
        let job = |state, reason: Option<&str>, node: Option<&str>| {
            Some(JobState {
                job: 17,
                state,
                reason: reason.map(str::to_owned),
                node: node.map(str::to_owned),
            })
        };
        let progress = Progress { done: 1200, total: 4000, unit: "images".into(), at: "epoch 3/8".into() };
        let stages = [
            StageNow {
                planned: PlannedStage { why: String::new(), ..stage("split.d", Planned::Cached).planned },
                ..stage("", Planned::Cached)
            },
            StageNow {
                job: job(JobPhase::Pending, Some("Priority"), None),
                ..stage("train.a", Planned::Run)
            },
            StageNow {
                job: job(JobPhase::Running, None, Some("n7")),
                progress: Some(progress),
                ..stage("train.b", Planned::Run)
            },
            StageNow { holder: Some("host:12".into()), ..stage("train.c", Planned::Run) },
            StageNow { failure: Some("no memory\nmore".into()), ..stage("train.d", Planned::Run) },
            stage("evaluate.test", Planned::Maybe),
        ];
        let expected = "\
split.d        cached
train.a        pending  job 17, Priority
train.b        running  job 17 on n7, 1,200/4,000 images, epoch 3/8
train.c        running  by host:12
train.d        failed   no memory
evaluate.test  maybe    never ran
";
        assert_eq!(text(&stages, &View { paint: Paint::OFF, width: None }), expected);
    }
}
