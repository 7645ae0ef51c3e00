//! The whole fingerprint of a stage, compared with its nearest previous one.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Outlook,
        planner::{Made, Planner},
        why::{Difference, differences, source},
    },
    tell::event::{Observer, Planned},
};
use crate::store::ActionRecord;

/// A stage's fingerprint, and what it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Details {
    /// The stage.
    pub stage: String,
    /// What is planned for it.
    pub state: Planned,
    /// Why; empty where cached.
    pub why: String,
    /// Its key: the digest of the lines. `None` where an input is still to be made.
    pub key: Option<String>,
    /// The lines of its fingerprint: path -> value, `None` for an input that is still to be made.
    pub lines: BTreeMap<String, Option<String>>,
    /// What the lines are about: where a parameter is written, what an input is.
    pub notes: BTreeMap<String, String>,
    /// The nearest previous result.
    pub previous: Option<Previous>,
    /// What is different from it.
    pub differences: Vec<Difference>,
}

/// The result that a fingerprint is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Previous {
    /// Its key.
    pub key: String,
    /// The stage that it was made for.
    pub stage: String,
    /// When it was started.
    pub started: String,
    /// Its lines.
    pub lines: BTreeMap<String, String>,
}

impl Engine<'_> {
    /// The fingerprints of the stages that were asked for (of all, where none was), with what each is
    /// compared with: its own last result, or where it has none the most similar one of its kind.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn details(&self, observer: &mut dyn Observer) -> Result<Vec<Details>, Refused> {
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let forecast = planner.forecast(&self.order);
        let asked = self.asked_for()?;
        let asked = forecast.stages.iter().filter(|outlook| asked.contains(&outlook.stage));
        Ok(asked.map(|outlook| planner.details(outlook, &forecast.made)).collect())
    }
}

impl Planner<'_> {
    fn details(&self, outlook: &Outlook, made: &[Option<Made>]) -> Details {
        let node = &self.pipeline.stages[outlook.stage];
        let known = self.known_lines(outlook.stage, made);
        let mut lines: BTreeMap<String, Option<String>> =
            known.lines().iter().map(|(path, value)| (path.clone(), Some(value.clone()))).collect();
        for input in &node.inputs {
            lines.entry(format!("input {}", input.slot)).or_default();
        }
        let previous = match self.present(outlook) {
            Some(record) => Some(record),
            None => self.previous(&node.name.to_string()).or_else(|| self.most_similar(known.lines())),
        };
        let mut differences =
            previous.as_ref().map_or_else(Vec::new, |record| differences(&record.lines, known.lines()));
        differences.retain(|difference| lines.get(&difference.line) != Some(&None));
        Details {
            stage: node.name.to_string(),
            state: outlook.state,
            why: outlook.reason(),
            key: outlook.key.map(|key| key.hex()),
            notes: self.notes(outlook.stage, &lines),
            lines,
            previous: previous.map(Previous::of),
            differences,
        }
    }

    /// The result that the pipeline asks for now, if it is in the store.
    pub(in crate::engine) fn present(&self, outlook: &Outlook) -> Option<ActionRecord> {
        self.findings.store.record(&outlook.key?).ok()?.found()
    }

    /// Where each parameter is written, and what each input is.
    fn notes(&self, stage: usize, lines: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
        let teller = self.teller(stage);
        let parameters = lines
            .keys()
            .filter_map(|line| Some((line.clone(), teller.place(line.strip_prefix("parameter ")?)?)));
        let inputs = self.pipeline.stages[stage].inputs.iter();
        let inputs =
            inputs.map(|input| (format!("input {}", input.slot), source(self.pipeline, &input.source)));
        parameters.chain(inputs).collect()
    }

    /// Of all results of a kind the one with the fewest differences, the latest of several.
    fn most_similar(&self, lines: &BTreeMap<String, String>) -> Option<ActionRecord> {
        let keys = self.findings.store.keys().unwrap_or_default();
        let records = keys.iter().filter_map(|key| self.findings.store.record(key).ok()?.found());
        let of_kind = records.filter(|record| record.lines.get("kind") == lines.get("kind"));
        of_kind.min_by_key(|record| {
            (differences(&record.lines, lines).len(), std::cmp::Reverse(record.made.started.clone()))
        })
    }
}

impl Previous {
    fn of(record: ActionRecord) -> Self {
        let ActionRecord { key, stage, lines, made, .. } = record;
        Self { key: key.hex(), stage, started: made.started, lines }
    }
}
