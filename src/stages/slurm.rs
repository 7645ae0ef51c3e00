//! How a stage becomes a job of Slurm.
//!
//! Knows how it is written. What it means for Slurm's commands is decided where they are called.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Bytes, Schema, TimeSpan, declare::table};

table! {
    /// A job of Slurm. What is not set is left to Slurm.
    #[derive(Default)]
    #[serde(default)]
    pub struct Slurm {
        /// The partition.
        partition: Option<String> = None;
        /// The account.
        account: Option<String> = None;
        /// The quality of service.
        qos: Option<String> = None;
        /// How many GPUs the job gets.
        gpus: Option<u32> = None;
        /// How many cores the job gets. The stage uses as many threads, unless `threads` is set.
        cpus: Option<u32> = None;
        /// How much memory the job gets.
        memory: Option<Bytes> = None;
        /// How long the job may take.
        time: Option<TimeSpan> = None;
        /// Further options of `sbatch`.
        #[serde(deserialize_with = "options")]
        extra: Vec<String> = Vec::new();
        /// How many jobs of one run may be pending or running at once (default 100). Only in `[run]`.
        max_jobs: Option<u32> = None;
    }
}

impl Slurm {
    /// These settings; where one is not set, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            partition: self.partition.or_else(|| other.partition.clone()),
            account: self.account.or_else(|| other.account.clone()),
            qos: self.qos.or_else(|| other.qos.clone()),
            gpus: self.gpus.or(other.gpus),
            cpus: self.cpus.or(other.cpus),
            memory: self.memory.or(other.memory),
            time: self.time.or(other.time),
            extra: if self.extra.is_empty() { other.extra.clone() } else { self.extra },
            max_jobs: self.max_jobs.or(other.max_jobs),
        }
    }
}

/// Whether a stage is computed as a job: `{ partition = "gpu" }`, or `false` for a stage that is computed here.
#[derive(Debug, Clone, PartialEq)]
pub enum SlurmChoice {
    /// No.
    Here,
    /// Yes, with these settings.
    Job(Box<Slurm>),
}

impl SlurmChoice {
    /// This choice; what a job does not set is as in the other one.
    #[must_use]
    pub fn or(self, other: Option<&Self>) -> Self {
        match (self, other) {
            (Self::Job(own), Some(Self::Job(other))) => Self::Job(Box::new(own.or(other))),
            (own, _) => own,
        }
    }
}

impl Serialize for SlurmChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Here => serializer.serialize_bool(false),
            Self::Job(settings) => settings.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SlurmChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads the two ways to write a choice.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = SlurmChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table like { partition = \"gpu\", gpus = 1 }, or false")
    }

    fn visit_bool<E: de::Error>(self, as_job: bool) -> Result<SlurmChoice, E> {
        Ok(if as_job { SlurmChoice::Job(Box::default()) } else { SlurmChoice::Here })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SlurmChoice, A::Error> {
        Slurm::deserialize(MapAccessDeserializer::new(map)).map(|slurm| SlurmChoice::Job(Box::new(slurm)))
    }
}

impl Schema for SlurmChoice {
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "type": "boolean" }, Slurm::schema()] })
    }
}

/// Options of `sbatch` that pcamflow sets itself, or that would make something else of the job.
const OWN: [&str; 17] = [
    "array",
    "begin",
    "chdir",
    "clusters",
    "comment",
    "dependency",
    "error",
    "input",
    "job-name",
    "no-requeue",
    "ntasks",
    "open-mode",
    "output",
    "parsable",
    "test-only",
    "wait",
    "wrap",
];

fn options<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let options = Vec::<String>::deserialize(deserializer)?;
    for option in &options {
        let name = option.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or(rest));
        match name {
            // Slurm takes any beginning of an option's name.
            Some(name) if !name.is_empty() && OWN.iter().any(|own| own.starts_with(name)) => {
                return Err(de::Error::custom(format!("`--{name}` is set by pcamflow: leave it out")));
            }
            Some(name) if !name.is_empty() => {}
            _ => {
                return Err(de::Error::custom(format!(
                    "`{option}` is not a long option of sbatch: write \"--constraint=a100\""
                )));
            }
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Settings {
        slurm: SlurmChoice,
    }

    fn read(text: &str) -> Result<SlurmChoice, String> {
        let settings: Result<Settings, _> = toml::from_str(&format!("slurm = {text}"));
        settings.map(|settings| settings.slurm).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_table_is_a_job_and_false_is_none() {
        assert_eq!(read("false"), Ok(SlurmChoice::Here));
        assert_eq!(read("true"), read("{}"));
        let written =
            "{ partition = 'gpu', gpus = 1, memory = '32GB', time = '4h', extra = ['--constraint=a100'] }";
        let Ok(SlurmChoice::Job(slurm)) = read(written) else { panic!() };
        assert_eq!((slurm.partition.as_deref(), slurm.gpus), (Some("gpu"), Some(1)));
        let sent = serde_json::to_string(&SlurmChoice::Job(slurm.clone())).unwrap();
        assert_eq!(serde_json::from_str::<SlurmChoice>(&sent).unwrap(), SlurmChoice::Job(slurm));
    }

    #[test]
    fn options_that_pcamflow_needs_itself_are_refused() {
        for (extra, said) in [
            ("--output=x", "is set by pcamflow"),
            ("--arr=1-3", "is set by pcamflow"),
            ("-p", "is not a long option"),
            ("--", "is not a"),
        ] {
            let error = read(&format!("{{ extra = ['{extra}'] }}")).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(read("{ partitions = 'gpu' }").unwrap_err().contains("unknown field `partitions`"));
        assert!(read("7").unwrap_err().contains("or false"));
    }

    #[test]
    fn a_stage_adds_to_the_settings_of_the_pipeline() {
        let (own, pipeline) =
            (read("{ gpus = 2 }").unwrap(), read("{ gpus = 1, partition = 'gpu' }").unwrap());
        let both = own.or(Some(&pipeline));
        assert_eq!(both, read("{ gpus = 2, partition = 'gpu' }").unwrap());
        assert_eq!(SlurmChoice::Here.or(Some(&pipeline)), SlurmChoice::Here);
    }
}
