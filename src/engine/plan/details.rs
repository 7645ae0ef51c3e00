//! The whole fingerprint of a stage, compared with that of a previous result.

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
    /// Why; empty if cached.
    pub why: String,
    /// Its key: the digest of the lines. `None` if an input does not exist yet.
    pub key: Option<String>,
    /// The lines of its fingerprint: path -> value, `None` for an input that does not exist yet.
    pub lines: BTreeMap<String, Option<String>>,
    /// Notes on lines: where a parameter is written, what an input is.
    pub notes: BTreeMap<String, String>,
    /// The previous result that it is compared with.
    pub previous: Option<Previous>,
    /// The differences from it.
    pub differences: Vec<Difference>,
}

/// The result that a fingerprint is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Previous {
    /// Its key.
    pub key: String,
    /// Its stage.
    pub stage: String,
    /// When it was started.
    pub started: String,
    /// The lines of its fingerprint.
    pub lines: BTreeMap<String, String>,
}

impl Engine<'_> {
    /// The fingerprints of the targets (of all stages if there are none), each compared with the stage's last result.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn details(&self, observer: &mut dyn Observer) -> Result<Vec<Details>, Refused> {
        let planner = self.planner(observer)?;
        let forecast = self.forecast(&planner, observer);
        let named = self.named()?;
        let outlooks = forecast.stages.iter().filter(|outlook| named[outlook.stage]);
        Ok(outlooks.map(|outlook| planner.details(outlook, &forecast.made)).collect())
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
        let previous = self.present(outlook).or_else(|| self.findings.previous(&node.name.to_string()));
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
            previous: previous.map(|ActionRecord { key, stage, made, lines, .. }| Previous {
                key: key.hex(),
                stage,
                started: made.started,
                lines,
            }),
            differences,
        }
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
}
