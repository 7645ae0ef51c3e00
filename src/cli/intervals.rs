//! The confidence interval of a number of a run, from the JSON that its stage made.
//!
//! Records of runs contain the main numbers alone.

use serde_json::Value;

use crate::{
    metrics::Interval,
    store::{RunRecord, Store},
};

/// The interval of a column, for example `evaluate.test.accuracy`; `None` if there is none, or its file is not in
/// the store. Repeats of a stage have no common interval.
pub(super) fn interval(store: &Store, run: &RunRecord, column: &str) -> Option<Interval> {
    run.stages.iter().find_map(|stage| {
        let number = column.strip_prefix(&stage.name)?.strip_prefix('.')?;
        let record = store.record(&stage.key?).ok()?.found()?;
        let artifact = ["metrics", "summary"].into_iter().find_map(|name| record.artifacts.get(name))?;
        let json = serde_json::from_slice(&store.read(&artifact.digest).ok()??).ok()?;
        in_json(&json, number)
    })
}

/// The interval of a number in `metrics.json` (`accuracy`) or `summary.json` (`grad-cam/insertion`).
fn in_json(json: &Value, number: &str) -> Option<Interval> {
    let value = match number.split_once('/') {
        Some((label, area)) => {
            let methods = json.get("methods")?.as_array()?;
            methods.iter().find(|method| method["label"] == label)?.get(area)?.get("interval")?
        }
        None => match number.strip_suffix("-at-chosen-threshold") {
            Some(name) => json.get("chosen-threshold")?.get(format!("{name}-interval"))?,
            None => json.get(format!("{number}-interval"))?,
        },
    };
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn intervals_are_found_where_the_stages_write_them() {
        let ends = |low: f64, high: f64| json!({ "low": low, "high": high });
        let metrics = json!({
            "accuracy": 0.9, "accuracy-interval": ends(0.8, 0.95), "roc-auc-interval": null, "brier": 0.1,
            "chosen-threshold": { "accuracy-interval": ends(0.7, 0.97) },
        });
        assert_eq!(in_json(&metrics, "accuracy"), Some(Interval { low: 0.8, high: 0.95 }));
        let chosen = Some(Interval { low: 0.7, high: 0.97 });
        assert_eq!(in_json(&metrics, "accuracy-at-chosen-threshold"), chosen);
        assert_eq!((in_json(&metrics, "roc-auc"), in_json(&metrics, "brier")), (None, None));
        let cam = json!({ "label": "cam", "insertion": { "mean": 0.5, "interval": ends(0.4, 0.6) } });
        let summary = json!({ "methods": [{ "label": "random" }, cam] });
        assert_eq!(in_json(&summary, "cam/insertion"), Some(Interval { low: 0.4, high: 0.6 }));
        assert_eq!((in_json(&summary, "cam/deletion"), in_json(&summary, "x/insertion")), (None, None));
    }
}
