//! Checks whether Slurm answers, and takes the jobs of a pipeline. Submits nothing.

use super::finding::Finding;
use crate::{pipeline::Pipeline, slurm::Commands, stages::Slurm};

/// Nothing if no stage is computed as a job; else the cluster, and the settings that it refuses.
pub(super) fn findings(pipeline: &Pipeline) -> Vec<Finding> {
    let mut jobs: Vec<(Slurm, String)> = Vec::new();
    for node in &pipeline.stages {
        let job = pipeline.run.job_of(node.stage.runner(), node.stage.run_settings());
        if let Some(job) = job.filter(|job| !jobs.iter().any(|(other, _)| other == job)) {
            jobs.push((job, pipeline.places().setting(&node.name, "slurm")));
        }
    }
    if jobs.is_empty() {
        return Vec::new();
    }
    let mut findings = vec![match Commands.cluster() {
        Ok((version, partitions)) => {
            Finding::ok("slurm", format!("{version}, partitions {}", partitions.join(", ")))
        }
        Err(trouble) => return vec![Finding::wrong("slurm", trouble.to_string())],
    }];
    for (job, place) in jobs {
        if let Err(trouble) = Commands.test(&job) {
            findings.push(Finding::wrong("slurm", format!("{place}: {trouble}")));
        }
    }
    findings
}
