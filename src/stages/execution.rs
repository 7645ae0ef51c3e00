//! Settings that say how to compute, never what: no part of a key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Retry, TimeSpan};

/// Where tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// One GPU, by index.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a device: write auto, cpu, cuda or cuda:N");
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(|n| n.parse().ok()).map(Self::Cuda).ok_or_else(wrong),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(device: DeviceChoice) -> Self {
        device.to_string()
    }
}

/// What computes the stages of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutorChoice {
    /// Processes on this machine.
    #[default]
    Local,
}

/// A number of bytes, written `"512MB"`, `"2GiB"` or as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "u64")]
pub struct Bytes(pub u64);

/// How people write a number of bytes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl TryFrom<Written> for Bytes {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a number of bytes: write \"512MB\" or \"2GiB\"");
        let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(wrong)?;
        let number = &text[..text.len() - unit.len()];
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(*factor).map(Self).ok_or_else(wrong)
    }
}

impl From<Bytes> for u64 {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

/// How to compute: a stage's `run = { ... }`, over the pipeline's `[run]`, under the command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RunSettings {
    /// What computes the stages (default `local`): for the whole run, so it stands in `[run]` alone.
    pub executor: Option<ExecutorChoice>,
    /// Where tensors live (default `auto`).
    pub device: Option<DeviceChoice>,
    /// CPU threads of one stage (default: all cores, shared out among the stages that run).
    #[serde(deserialize_with = "at_least_one")]
    pub threads: Option<u32>,
    /// Images per batch outside training (default: chosen by device).
    #[serde(deserialize_with = "at_least_one")]
    pub inference_batch: Option<u32>,
    /// What a stage may hold at once, beside the model (default: chosen by device).
    pub memory: Option<Bytes>,
    /// Epochs between two checkpoints (default 1).
    #[serde(deserialize_with = "at_least_one")]
    pub checkpoint_interval: Option<u32>,
    /// Whether a stage that failed is tried again in the same run (default: it is not).
    pub retry: Option<Retry>,
    /// How long an attempt may take (default: as long as it wants).
    pub timeout: Option<TimeSpan>,
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(0) => Err(de::Error::custom("it must be at least 1")),
        count => Ok(count),
    }
}

impl RunSettings {
    /// The names of these settings in a pipeline file.
    pub const KEYS: [&'static str; 8] = [
        "executor",
        "device",
        "threads",
        "inference-batch",
        "memory",
        "checkpoint-interval",
        "retry",
        "timeout",
    ];

    /// These settings, with the other's where these are silent.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            executor: self.executor.or(other.executor),
            device: self.device.or(other.device),
            threads: self.threads.or(other.threads),
            inference_batch: self.inference_batch.or(other.inference_batch),
            memory: self.memory.or(other.memory),
            checkpoint_interval: self.checkpoint_interval.or(other.checkpoint_interval),
            retry: self.retry.or(other.retry),
            timeout: self.timeout.or(other.timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_parse_and_print() {
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert!("gpu".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn memory_is_written_with_a_unit() {
        assert_eq!("2GiB".parse(), Ok(Bytes(2 << 30)));
        assert_eq!("512 MB".parse(), Ok(Bytes(512_000_000)));
        assert!("much".parse::<Bytes>().is_err());
        assert!("99999999999TB".parse::<Bytes>().is_err());
    }

    #[test]
    fn every_setting_is_known_by_its_name() {
        let written = serde_json::to_value(RunSettings::default()).unwrap();
        let mut names: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = RunSettings::KEYS.to_vec();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn the_nearer_setting_wins() {
        let stage = RunSettings { threads: Some(1), ..Default::default() };
        let pipeline =
            RunSettings { threads: Some(2), device: Some(DeviceChoice::Cpu), ..Default::default() };
        let both = stage.or(&pipeline);
        assert_eq!((both.threads, both.device), (Some(1), Some(DeviceChoice::Cpu)));
    }
}
