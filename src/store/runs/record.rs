//! The data of a run record.
//!
//! Fields may be added: a record without one reads as if it were empty. [`RUN_FORMAT`] changes only when a field changes
//! its meaning.

use std::{collections::BTreeMap, io, sync::Arc};

use serde::{Deserialize, Serialize};

use super::super::{Number, record::is_default};
use crate::digest::Digest;

/// The version of [`RunRecord`]. A record of another version is reported, and not read.
pub const RUN_FORMAT: u32 = 1;

/// One run: what was asked for, and what happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    /// [`RUN_FORMAT`].
    pub format: u32,
    /// Its number: the runs of a store count from 1. The store fills it in.
    pub id: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pipeline's file, as on the command line.
    pub file: String,
    /// The texts that the pipeline was read from; its own is the first.
    pub texts: Vec<Text>,
    /// `--set`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// `--data`, as on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The stages that were asked for; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// `--force`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced: Vec<String>,
    /// How to compute, as on the command line.
    #[serde(default)]
    pub asked: Asked,
    /// The state of the project in git, if it is in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// When it started, in RFC 3339, UTC, with milliseconds, by the machine's clock.
    pub started: String,
    /// How long it took, in seconds; `None` while it is running, and if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The machine's name.
    pub host: String,
    /// The number of its process, for people only.
    pub process: u32,
    /// The version of pcamflow.
    pub pcamflow: String,
    /// The sweep that it is a trial of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepTrial>,
    /// The requirements on its numbers (`--require`), and whether they were met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Requirement>,
    /// Its stages, each after its inputs. Only their names if the run has not ended.
    pub stages: Vec<RunStage>,
    /// How it ended; `None` while it is running, and if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// How many more runs were the same, found everything in the store, and have no record of their own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeated: u64,
    /// When the last of them started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated_last: Option<String>,
}

/// One of the texts that a pipeline was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Text {
    /// Its file, as on the command line.
    pub name: String,
    /// Its content, shared with the pipeline.
    pub text: Arc<str>,
}

/// How to compute, as on the command line; `None` if an option was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// `--device`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// `--threads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// `--jobs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<usize>,
    /// `--keep-going`.
    #[serde(default)]
    pub keep_going: bool,
}

/// The state of a project in git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Git {
    /// The commit that is checked out, in hexadecimal digits.
    pub commit: String,
    /// Whether tracked files differ from it; `None` if nothing was computed, or if git did not answer in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// Which trial of which sweep a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SweepTrial {
    /// The sweep.
    pub id: String,
    /// The trial's name, as its folder has it.
    pub trial: String,
    /// Its index among the trials; `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// What it sets: key -> value.
    pub values: BTreeMap<String, String>,
}

/// A requirement on a run's numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Requirement {
    /// As written: `evaluate.test.accuracy >= 0.85`.
    pub requirement: String,
    /// The number that was found, if any.
    #[serde(default)]
    pub figure: Option<f64>,
    /// Whether it was met.
    pub met: bool,
}

/// What happened to one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunStage {
    /// The stage (`train.base`, `train.base@3`).
    pub name: String,
    /// Its key, if it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// What happened.
    pub outcome: Outcome,
    /// How long it took to compute, in seconds (if cached: then).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The device.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Its main numbers, the most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Number>,
    /// Why it failed, or which failed stage blocked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What happened to a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its result was in the store.
    Cached,
    /// It was computed.
    Computed,
    /// It failed.
    Failed,
    /// A stage that it needs failed.
    Blocked,
    /// It was not reached.
    #[default]
    NotRun,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Everything that was asked for is in the store.
    Done,
    /// A stage failed.
    Failed,
    /// The user stopped it.
    Interrupted,
}

impl RunRecord {
    /// Whether it ended well without computing anything.
    #[must_use]
    pub fn is_all_cached(&self) -> bool {
        self.ended == Some(Ended::Done) && self.stages.iter().all(|stage| stage.outcome == Outcome::Cached)
    }

    /// How many of its stages had that outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.stages.iter().filter(|stage| stage.outcome == outcome).count()
    }

    /// The stages that it computed.
    pub fn computed(&self) -> impl Iterator<Item = &str> {
        let computed = self.stages.iter().filter(|stage| stage.outcome == Outcome::Computed);
        computed.map(|stage| stage.name.as_str())
    }

    /// `--set`, and the values of its trial if it is one of a sweep.
    #[must_use]
    pub fn all_set(&self) -> Vec<String> {
        let trial = self.sweep.iter().flat_map(|trial| &trial.values);
        self.set.iter().cloned().chain(trial.map(|(key, value)| format!("{key}={value}"))).collect()
    }

    /// The keys of the results that it used or made.
    pub fn keys(&self) -> impl Iterator<Item = Digest> + '_ {
        self.stages.iter().filter_map(|stage| stage.key)
    }

    /// The digest of everything except times and durations: equal for runs that did the same.
    #[must_use]
    pub fn likeness(&self) -> Digest {
        let commit = self.git.as_ref().map(|git| &git.commit);
        let about = (&self.pipeline, &self.file, &self.texts, &self.set, &self.data, commit, &self.sweep);
        let how = (&self.targets, &self.forced, &self.asked, &self.requirements, &self.host, &self.pcamflow);
        let mut text = io::BufWriter::new(blake3::Hasher::new());
        let plain = "a record has only text keys and plain values, and a digest takes all of them";
        serde_json::to_writer(&mut text, &(about, how, self.ended)).expect(plain);
        for stage in &self.stages {
            serde_json::to_writer(&mut text, &(&stage.name, stage.key, stage.outcome, &stage.numbers))
                .expect(plain);
        }
        text.into_inner().expect(plain).finalize().into()
    }
}

#[cfg(test)]
pub(in crate::store) mod examples {
    use super::*;

    /// A run that found these stages, with keys made of their names, in the store.
    pub(in crate::store) fn cached(pipeline: &str, stages: &[&str]) -> RunRecord {
        let stage = |name: &&str| RunStage {
            name: (*name).to_owned(),
            key: Some(Digest::of(name.as_bytes())),
            outcome: Outcome::Cached,
            seconds: Some(1.5),
            numbers: vec![Number { name: "accuracy".to_owned(), value: 0.1 + 0.2 }],
            ..RunStage::default()
        };
        RunRecord {
            format: RUN_FORMAT,
            pipeline: pipeline.to_owned(),
            file: format!("{pipeline}.toml"),
            texts: vec![Text { name: format!("{pipeline}.toml"), text: "[synthesize.s]\n".into() }],
            started: "2026-01-02T03:04:05.006Z".to_owned(),
            seconds: Some(0.01),
            stages: stages.iter().map(stage).collect(),
            ended: Some(Ended::Done),
            ..RunRecord::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::cached, *};

    #[test]
    fn a_record_reads_back_and_one_without_later_fields_as_if_they_were_empty() {
        let mut record = cached("full", &["split.d", "train.base"]);
        record.stages[0].numbers.push(Number { name: "undefined".to_owned(), value: f64::NAN });
        record.sweep = Some(SweepTrial { id: "7".to_owned(), ..SweepTrial::default() });
        let text = serde_json::to_string(&record).unwrap();
        let read: RunRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let least = r#"{"format":1,"id":3,"pipeline":"p","file":"p.toml","texts":[],"started":"","host":"",
            "process":1,"pcamflow":"","stages":[{"name":"a.b","outcome":"not-run"}],"from-the-future":[1]}"#;
        let read: RunRecord = serde_json::from_str(least).unwrap();
        assert_eq!((read.id, read.ended, read.stages[0].outcome), (3, None, Outcome::NotRun));
    }

    #[test]
    fn runs_are_alike_whenever_they_ran_and_however_long() {
        let one = cached("full", &["split.d"]);
        let later = RunRecord { id: 9, started: "later".to_owned(), seconds: Some(2.0), ..one.clone() };
        assert!(one.likeness() == later.likeness() && one.is_all_cached());
        let changes: [fn(&mut RunRecord); 5] = [
            |run| run.set.push("a.b.c=1".to_owned()),
            |run| run.texts[0].text = format!("{}# comment", run.texts[0].text).into(),
            |run| run.stages[0].key = None,
            |run| run.asked.threads = Some(2),
            |run| run.git = Some(Git { commit: "ab".to_owned(), dirty: None }),
        ];
        for change in changes {
            let mut other = one.clone();
            change(&mut other);
            assert_ne!(one.likeness(), other.likeness());
        }
    }
}
