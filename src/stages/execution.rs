//! Settings of how to compute, which do not change results. No part of a key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{
    Bytes, Launcher, Retry, Runner, Schema, Slurm, SlurmChoice, TimeSpan, declare::table, text::serde_by_text,
};

/// The device of the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if there is one, else the CPU.
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

serde_by_text!(DeviceChoice);

/// What computes the stages of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutorChoice {
    /// Processes on this machine.
    #[default]
    Local,
}

table! {
    /// Logs for other programs.
    #[derive(Copy, Default)]
    #[serde(default)]
    pub struct Logs {
        /// Whether trainings write event files for TensorBoard, into `tensorboard` in the folder of the results.
        tensorboard: bool = false;
        /// Whether the event files also have the loss of every step, not only the numbers of every epoch.
        steps: bool = false;
    }
}

table! {
    /// How to compute: no part of any key. The command line overrides a stage's `run`, which overrides `[run]`.
    #[derive(Default)]
    #[serde(default)]
    pub struct RunSettings {
        /// What computes the stages (default `local`: processes on this machine). Only in `[run]`.
        executor: Option<ExecutorChoice> = None;
        /// The device of the tensors (default `auto`).
        device: Option<DeviceChoice> = None;
        /// CPU threads of one stage (default: all cores, shared among the stages that run).
        #[serde(deserialize_with = "at_least_one")]
        threads: Option<u32> = None;
        /// Images per batch outside training (default: chosen by device).
        #[serde(deserialize_with = "at_least_one")]
        inference_batch: Option<u32> = None;
        /// How much memory a stage may use for its data, in addition to the model (default: chosen by device).
        memory: Option<Bytes> = None;
        /// Whether a device that lacks the `precision` of a stage computes in float32, with a warning (default: no, the
        /// stage fails).
        precision_fallback: Option<bool> = None;
        /// Epochs between two checkpoints (default 1).
        #[serde(deserialize_with = "at_least_one")]
        checkpoint_interval: Option<u32> = None;
        /// Whether a failed stage is tried again in the same run (default: no).
        retry: Option<Retry> = None;
        /// How long an attempt may take (default: no limit).
        timeout: Option<TimeSpan> = None;
        /// The words of a program that starts the worker elsewhere, before the worker's own command (default: it is
        /// started here). Of use only for stages that need libtorch.
        launcher: Option<Launcher> = None;
        /// Whether stages are computed as jobs of Slurm (default: no). In `[run]`, those that need libtorch; in a stage,
        /// that stage. `false` in a stage: it is computed here.
        slurm: Option<SlurmChoice> = None;
        /// Logs for other programs (default: none). Only in `[run]`.
        logs: Option<Logs> = None;
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(0) => Err(de::Error::custom("it must be at least 1")),
        count => Ok(count),
    }
}

impl RunSettings {
    /// Whether a key of a pipeline file names one of these settings.
    #[must_use]
    pub fn has(key: &str) -> bool {
        Self::schema()["properties"].get(key).is_some()
    }

    /// What starts the process of a stage elsewhere. Only workers have a launcher.
    #[must_use]
    pub fn launcher_of(&self, runner: Runner) -> Option<&Launcher> {
        let launcher = self.launcher.as_ref().filter(|launcher| !launcher.command.is_empty());
        launcher.filter(|_| runner == Runner::Worker)
    }

    /// The job that a stage with settings of its own becomes; `None` if it is computed here. These are the settings of the
    /// pipeline.
    #[must_use]
    pub fn job_of(&self, runner: Runner, own: &Self) -> Option<Slurm> {
        let choice = match &own.slurm {
            None if runner == Runner::Engine => return None,
            None => self.slurm.clone(),
            Some(own) => Some(own.clone().or(self.slurm.as_ref())),
        };
        match choice? {
            SlurmChoice::Here => None,
            SlurmChoice::Job(slurm) => Some(*slurm),
        }
    }

    /// These settings; where one is not set, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            executor: self.executor.or(other.executor),
            device: self.device.or(other.device),
            threads: self.threads.or(other.threads),
            inference_batch: self.inference_batch.or(other.inference_batch),
            memory: self.memory.or(other.memory),
            precision_fallback: self.precision_fallback.or(other.precision_fallback),
            checkpoint_interval: self.checkpoint_interval.or(other.checkpoint_interval),
            retry: self.retry.or(other.retry),
            timeout: self.timeout.or(other.timeout),
            launcher: self.launcher.or_else(|| other.launcher.clone()),
            slurm: match self.slurm {
                Some(own) => Some(own.or(other.slurm.as_ref())),
                None => other.slurm.clone(),
            },
            logs: self.logs.or(other.logs),
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
    fn the_nearer_setting_wins() {
        let stage = RunSettings { threads: Some(1), ..Default::default() };
        let pipeline =
            RunSettings { threads: Some(2), device: Some(DeviceChoice::Cpu), ..Default::default() };
        let both = stage.or(&pipeline);
        assert_eq!((both.threads, both.device), (Some(1), Some(DeviceChoice::Cpu)));
    }
}
