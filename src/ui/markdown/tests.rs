//! Summaries of scripted runs.

use super::*;
use crate::{
    engine::tell::require::{Figure, Verdict},
    ui::testing,
};

struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _: &Event) {}
}

fn page(events: &[Event]) -> String {
    let mut page = Markdown::new(Box::new(Nobody));
    events.iter().for_each(|event| page.event(event));
    page.text().unwrap()
}

#[test]
fn a_good_run_has_stages_reasons_and_numbers() {
    let expected = "\
### pcamflow: mini

✅ done: 2 computed, 2 cached in 41.2 s (exit code 0)

| stage | result | time | why |
|---|---|--:|---|
| `split.pcam` | cached | (12.1 s) |  |
| `train.base` | computed | 34.2 s | epochs 8 -&gt; 9; on cuda:0 (NVIDIA H200); resumed from epoch 3 |
| `evaluate.test` | computed | 2.8 s | train.base/model changed |
| `explain.grad-cam` | cached | (12.1 s) |  |

Times in brackets: of the run that computed the result.

| stage | number | value |
|---|---|--:|
| `split.pcam` | train | 40,000 |
|  | validation | 5,000 |
| `train.base` | validation-accuracy | 0.934 |
|  | validation-loss | 0.2013 |
| `evaluate.test` | accuracy | 0.9156 |
|  | AUC | 0.971 |

Warnings:

- `train.base`: no improvement for 3 epochs

Artifacts: none here, only their records are in this store.
";
    assert_eq!(page(&testing::good()), expected);
}

#[test]
fn a_failure_is_shown_with_the_stages_that_it_blocks() {
    let text = page(&testing::bad());
    for part in [
        "❌ 1 stage failed: 1 cached, 1 failed, 2 not run in 41.2 s (exit code 1)\n",
        "`train.base` failed:\n\n```text\nthe loss is not finite in epoch 3, batch 120: lower the learning rate\n```\n",
        "| `train.base` | **failed** |  | never ran |\n",
        "| `evaluate.test` | not run |  | `train.base` failed |\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_frozen_run_says_what_would_run() {
    let planned = testing::planned(&[("split.a", Planned::Cached), ("train.b|c", Planned::Run)]);
    let Event::Planned { stages, .. } = &planned else { unreachable!() };
    let figure =
        Figure { of: "train.b".into(), value: None, met: false, why: Some("`train.b` has no result".into()) };
    let required =
        vec![Verdict { requirement: "train.b.x > 1".into(), bound: 1.0, met: false, figures: vec![figure] }];
    let ended = Summary {
        would_run: vec![stages[1].clone()],
        not_run: vec!["train.b|c".into()],
        required,
        ..testing::summary(vec![testing::cached("split.a", &[("patches", f64::NAN)])])
    };
    let text = page(&[planned, Event::Ended(ended)]);
    for part in [
        "❌ frozen: not everything is in the store: 1 cached, 1 would run in 41.2 s (exit code 4)\n",
        "| `train.b\\|c` | **would run** |  | never ran |\n",
        "| `train.b.x > 1` | ❌ not met | `train.b` has no result |\n",
        "| `split.a` | patches | undefined |\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn many_stages_are_counted() {
    let text = page(&testing::all_cached(1_000));
    assert!(text.contains("✅ done: 1,000 cached") && text.len() < 1_000, "{text}");
    let mut events = testing::all_cached(1_000);
    let Some(Event::Planned { stages, .. }) = events.first_mut() else { unreachable!() };
    for stage in stages.iter_mut().take(500) {
        stage.state = Planned::Run;
    }
    let last = events.pop().unwrap();
    let Event::Ended(mut ended) = last else { unreachable!() };
    ended.finished.iter_mut().take(500).for_each(|stage| stage.cached = false);
    events.push(Event::Ended(ended));
    let text = page(&events);
    assert!(text.contains("| 500 stages | cached |") && text.contains("| and 301 more |"), "{text}");
}
