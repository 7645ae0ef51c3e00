//! The stage kinds that the worker computes, one file per kind, and the dispatch to them.

mod check;
mod classifier;
mod completeness;
mod evaluate;
mod explain;
mod explaining;
mod images;
mod localisation;
mod making;
mod maps_file;
mod metrics;
mod odd_maps;
mod resume_train;
mod sanity;
#[cfg(test)]
mod testing;
mod train;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use anyhow::{Result, anyhow, bail};
use pcamflow::{
    protocol::{Outcome, Task},
    serve::{EnvironmentFault, Reporter},
    stages::AnyStage,
};
use tch::Device;

pub(crate) use check::check;

use crate::{allocator, device, job::Job, numbers};

/// Computes one task.
///
/// # Errors
/// The stage fails, or the device is missing or has too little memory.
pub(crate) fn run(task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    #[cfg(test)]
    let _alone = crate::alone::alone();
    let device = device::resolve(task.resources.device)?;
    tch::set_num_threads(i32::try_from(task.resources.threads.max(1))?);
    pcamflow::data::h5::unpack_on(task.resources.threads)?;
    let job = Job { task, reporter, device };
    let computed = catch_unwind(AssertUnwindSafe(|| compute(&job)));
    allocator::give_back();
    let outcome = computed.unwrap_or_else(|panic| out_of_memory(panic, device))?;
    if !outcome.numbers.is_empty() {
        reporter.info(&format!("result: {}", numbers::line(&outcome.numbers)));
    }
    Ok(Outcome { device: device::name(device), ..outcome })
}

fn compute(job: &Job<'_>) -> Result<Outcome> {
    match &job.task.stage {
        AnyStage::Synthesize(_)
        | AnyStage::Unpack(_)
        | AnyStage::Fetch(_)
        | AnyStage::Import(_)
        | AnyStage::Split(_)
        | AnyStage::Preview(_)
        | AnyStage::Command(_) => {
            bail!("{} needs no libtorch: the engine computes it", job.task.name)
        }
        AnyStage::Train(stage) => train::run(job, stage),
        AnyStage::ResumeTrain(stage) => resume_train::run(job, stage),
        AnyStage::Evaluate(stage) => evaluate::run(job, stage),
        AnyStage::Explain(stage) => explain::run(job, stage),
        AnyStage::Metrics(stage) => metrics::run(job, stage),
        AnyStage::Sanity(stage) => sanity::run(job, stage),
    }
}

/// libtorch's messages if an allocation fails, on a GPU and on a CPU.
const OUT_OF_MEMORY: [&str; 2] = ["out of memory", "can't allocate memory"];

/// Turns a panic about too little memory into an error that says what to do. Other panics continue. (tch panics
/// if libtorch throws an exception.)
fn out_of_memory(panic: Box<dyn Any + Send>, device: Device) -> Result<Outcome> {
    let text = panic.downcast_ref::<String>().map_or("", String::as_str);
    if !OUT_OF_MEMORY.iter().any(|sign| text.contains(sign)) {
        resume_unwind(panic);
    }
    Err(anyhow!(EnvironmentFault(format!(
        "out of memory on {}: a smaller `batch-size` (training) or `inference-batch` needs less",
        device::name(device)
    ))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_an_environment_fault() {
        let panic = Box::new("CUDA out of memory. Tried to allocate 20.00 GiB".to_owned());
        let error = out_of_memory(panic, Device::Cuda(1)).unwrap_err();
        assert!(error.is::<EnvironmentFault>());
        assert!(error.to_string().starts_with("out of memory on cuda:1"), "{error}");
    }

    #[test]
    fn other_panics_continue() {
        let panic = Box::new("shapes differ".to_owned());
        let caught = catch_unwind(AssertUnwindSafe(|| out_of_memory(panic, Device::Cpu)));
        assert!(caught.is_err());
    }
}
