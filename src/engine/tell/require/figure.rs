//! Reads the numbers of requirements and compares them.

use super::{
    super::{ended::FinishedStage, repeats::Spread},
    Demand, Figure, Over, Place, Requirement, Verdict,
};
use crate::{
    nearest::nearest,
    pipeline::Pipeline,
    protocol::Number,
    store::{Artifacts, Store},
};

/// The results of a run.
pub(in crate::engine) struct Results<'a> {
    pub(in crate::engine) pipeline: &'a Pipeline,
    pub(in crate::engine) store: &'a Store,
    pub(in crate::engine) finished: &'a [FinishedStage],
    /// The artifacts of finished stages, by the stages' indices.
    pub(in crate::engine) made: &'a [Option<Artifacts>],
}

/// Why there is no number.
#[derive(Debug, PartialEq)]
pub(in crate::engine) enum Lack {
    /// The result has none of that name.
    Unknown(String),
    /// It cannot be compared, or there is no result.
    Undefined(String),
}

impl Results<'_> {
    /// Whether each requirement is met.
    pub(in crate::engine) fn verdicts(&self, demands: &[Demand]) -> Vec<Verdict> {
        demands.iter().map(|demand| self.verdict(demand)).collect()
    }

    fn verdict(&self, demand: &Demand) -> Verdict {
        let requirement = &demand.requirement;
        let each = demand.stages.iter().map(|stage| {
            let name = self.pipeline.stages[*stage].name.to_string();
            let value = self.value(*stage, &name, &demand.place);
            (name, value)
        });
        let figures: Vec<Figure> = match requirement.over {
            None => each.map(|(name, value)| figure(requirement, name, value)).collect(),
            Some(over) => {
                let of = format!("{} of {}", over.0, requirement.stage);
                vec![figure(requirement, of, together(over, each.map(|(_, value)| value)))]
            }
        };
        let met = !figures.is_empty() && figures.iter().all(|figure| figure.met);
        Verdict { requirement: requirement.text.clone(), bound: requirement.bound, met, figures }
    }

    fn value(&self, stage: usize, name: &str, place: &Place) -> Result<f64, Lack> {
        let finished = self.finished.iter().find(|finished| finished.stage == name);
        let none = || Lack::Undefined(format!("`{name}` has no result"));
        match place {
            Place::Main(number) => main_number(name, &finished.ok_or_else(none)?.numbers, number),
            Place::Json { artifact, path } => {
                let made = self.made[stage].as_ref().filter(|_| finished.is_some()).ok_or_else(none)?;
                in_artifact(self.store, name, made, artifact, path)
            }
        }
    }
}

/// One number over all repeats, each of which must have it.
fn together((word, of): Over, each: impl Iterator<Item = Result<f64, Lack>>) -> Result<f64, Lack> {
    let values: Vec<Option<f64>> = each.map(|value| value.map(Some)).collect::<Result<_, _>>()?;
    let count = values.len();
    of(&Spread::of("", values))
        .ok_or_else(|| Lack::Undefined(format!("{word}(...) of {count} repeats is undefined")))
}

fn figure(requirement: &Requirement, of: String, value: Result<f64, Lack>) -> Figure {
    match value {
        Ok(value) => {
            let met = (requirement.relation)(&value, &requirement.bound);
            Figure { of, value: Some(value), met, why: None }
        }
        Err(Lack::Unknown(why) | Lack::Undefined(why)) => {
            Figure { of, value: None, met: false, why: Some(why) }
        }
    }
}

/// One of the main numbers.
pub(in crate::engine) fn main_number(stage: &str, numbers: &[Number], wanted: &str) -> Result<f64, Lack> {
    match numbers.iter().find(|number| number.name == wanted) {
        Some(number) if number.value.is_finite() => Ok(number.value),
        Some(_) => Err(Lack::Undefined(format!("`{wanted}` of `{stage}` is undefined"))),
        None => {
            let names: Vec<&str> = numbers.iter().map(|number| number.name.as_str()).collect();
            Err(Lack::Unknown(format!("`{stage}` has no number `{wanted}`: {}", instead(wanted, &names))))
        }
    }
}

/// A number in a JSON artifact.
pub(in crate::engine) fn in_artifact(
    store: &Store,
    stage: &str,
    made: &Artifacts,
    artifact: &str,
    path: &[String],
) -> Result<f64, Lack> {
    let what = format!("`{stage}/{artifact}`");
    let undefined = |why: String| Lack::Undefined(format!("{what}: {why}"));
    let found = made.get(artifact).ok_or_else(|| undefined("the result does not have it".to_owned()))?;
    let bytes = store.read(&found.digest).map_err(|error| undefined(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| {
        undefined("its bytes are not in this store; the main numbers are in its record".to_owned())
    })?;
    let json = serde_json::from_slice(&bytes).map_err(|error| undefined(format!("not JSON: {error}")))?;
    at(&json, &what, path)
}

/// The number at the end of a path of keys. Positions in lists count from 0, or from the end with a minus sign.
fn at(json: &serde_json::Value, what: &str, path: &[String]) -> Result<f64, Lack> {
    use serde_json::Value;
    let mut here = json;
    for (depth, key) in path.iter().enumerate() {
        let place = std::iter::once(what.trim_matches('`')).chain(path[..depth].iter().map(String::as_str));
        let place = place.collect::<Vec<_>>().join(".");
        let next = match here {
            Value::Object(map) => map.get(key),
            Value::Array(list) => position(key, list.len()).and_then(|index| list.get(index)),
            _ => None,
        };
        here =
            next.ok_or_else(|| Lack::Unknown(format!("`{place}` has no `{key}`: {}", inside(here, key))))?;
    }
    let name = path.join(".");
    match here {
        Value::Number(_) | Value::Null => {
            here.as_f64().ok_or_else(|| Lack::Undefined(format!("`{name}` in {what} is undefined")))
        }
        other => Err(Lack::Unknown(format!("`{name}` in {what} is not a number: {}", inside(other, "")))),
    }
}

fn position(key: &str, length: usize) -> Option<usize> {
    match key.strip_prefix('-') {
        Some(back) => length.checked_sub(back.parse().ok()?),
        None => key.parse().ok(),
    }
}

/// What a value has instead of a key.
fn inside(json: &serde_json::Value, key: &str) -> String {
    use serde_json::Value;
    match json {
        Value::Object(map) => instead(key, &map.keys().map(String::as_str).collect::<Vec<_>>()),
        Value::Array(list) => format!("it is a list of {}", list.len()),
        other => format!("it is {other}"),
    }
}

/// Suggests other names.
pub(in crate::engine) fn instead(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it has none".to_owned(),
        None => format!("there is {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::OVER, *};

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn numbers_are_found_in_json_and_other_keys_are_suggested() {
        let json = serde_json::json!({
            "auc": 0.5, "none": null, "name": "x", "classes": [{ "f1": 1 }, { "f1": 2 }],
        });
        let read = |text: &str| at(&json, "`evaluate.t/metrics`", &path(text));
        assert_eq!(read("auc"), Ok(0.5));
        assert_eq!((read("classes.0.f1"), read("classes.-1.f1")), (Ok(1.0), Ok(2.0)));
        assert_eq!(read("none"), Err(Lack::Undefined("`none` in `evaluate.t/metrics` is undefined".into())));
        for (text, expected) in [
            ("acu", "`evaluate.t/metrics` has no `acu`: did you mean `auc`?"),
            ("x", "`evaluate.t/metrics` has no `x`: there is auc, classes, name, none"),
            ("classes.2.f1", "`evaluate.t/metrics.classes` has no `2`: it is a list of 2"),
            ("classes.-3", "`evaluate.t/metrics.classes` has no `-3`: it is a list of 2"),
            ("classes.0", "`classes.0` in `evaluate.t/metrics` is not a number: there is f1"),
            ("auc.low", "`evaluate.t/metrics.auc` has no `low`: it is 0.5"),
        ] {
            assert_eq!(read(text), Err(Lack::Unknown(expected.into())), "{text}");
        }
    }

    #[test]
    fn undefined_numbers_meet_no_requirement() {
        let numbers = [("a", f64::NAN), ("b", f64::INFINITY), ("c", 0.5)];
        let numbers = numbers.map(|(name, value)| Number { name: name.to_owned(), value });
        let read = |name| main_number("train.t", &numbers, name);
        assert!(matches!((read("a"), read("b")), (Err(Lack::Undefined(_)), Err(Lack::Undefined(_)))));
        assert_eq!(read("c"), Ok(0.5));
        let unknown = "`train.t` has no number `loss`: there is a, b, c";
        assert_eq!(read("loss"), Err(Lack::Unknown(unknown.into())));
        let requirement: Requirement = "train.t.a != 1".parse().unwrap();
        assert!(!figure(&requirement, "train.t".into(), read("a")).met);
    }

    #[test]
    fn over_repeats_the_mean_may_hold_where_one_does_not() {
        let each = || [1.0, 2.0, 6.0].into_iter().map(Ok);
        let all = OVER.map(|over| together(over, each()));
        assert_eq!(all, [Ok(3.0), Ok(7.0_f64.sqrt()), Ok(1.0), Ok(6.0)]);
        assert!(together(OVER[1], each().take(1)).is_err());
        let lacking = each().chain([Err(Lack::Undefined("no".into()))]);
        assert!(together(OVER[0], lacking).is_err());
    }
}
