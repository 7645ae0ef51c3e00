//! A simulation of a large sweep on a cluster, in fast time: a scripted Slurm with 200 nodes, trials of ten stages, and an
//! S3 server that takes 50 ms to answer.
//!
//! Measures what that costs the engine: processor time, memory, Slurm's commands, requests. Each should grow as the number
//! of stages does, and no faster. The engine, its store, the code of a job and the S3 server are the real ones; only
//! Slurm and the work of the stages are scripted.
//!
//! `make s3`, then `cargo bench --bench cluster`. Numbers choose other sizes than 250, 500 and 1,000 trials.

#[path = "../machine.rs"]
mod machine;
#[path = "../measure.rs"]
#[allow(dead_code, reason = "it also measures other benchmarks")]
mod measure;
mod nodes;
mod project;
#[path = "../../it/remote/s3.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tests break it, too")]
mod s3;
mod scripted;

use std::{process::ExitCode, time::Duration};

use measure::tried;
use project::Project;
use s3::S3;
use scripted::Slurm;

/// Stages of one trial.
const STAGES: usize = 10;
/// How long the S3 server takes.
const LATENCY: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    // The engine starts this program under the names of Slurm's commands.
    if let Some(code) = scripted::command() {
        return code;
    }
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![250, 500, 1_000] } else { sizes };
    println!("{}; {} nodes, S3 with {} ms\n", machine::machine(), nodes::NODES, LATENCY.as_millis());
    println!(
        "| trials | stages | seconds | cpu s | cpu ms a stage | peak MB | sbatch | squeue | S3 requests | a stage |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for trials in sizes {
        let Some(line) = simulated(trials) else { return ExitCode::FAILURE };
        println!("{line}");
    }
    ExitCode::SUCCESS
}

/// One line of the table; `None` if there is no S3 server.
#[allow(clippy::cast_precision_loss, reason = "counts are small")]
fn simulated(trials: usize) -> Option<String> {
    let (bucket, slurm) = (S3::start()?, Slurm::start());
    bucket.wait(LATENCY);
    let project = Project::new(trials, &slurm, &bucket);
    let (sample, status) = tried(&mut project.sweep());
    assert!(status.success(), "{status}: {}", project.trouble());
    let (stages, requests) = (trials * STAGES, bucket.requests().len());
    let calls = slurm.calls();
    assert_eq!(calls.sbatch, stages, "one job for each stage");
    assert_eq!(project.results(), stages, "one result for each stage");
    Some(format!(
        "| {trials} | {stages} | {:.0} | {:.1} | {:.2} | {:.0} | {} | {} | {requests} | {:.1} |",
        sample.wall / 1e3,
        sample.cpu / 1e3,
        sample.cpu / stages as f64,
        sample.peak,
        calls.sbatch,
        calls.squeue,
        requests as f64 / stages as f64,
    ))
}
