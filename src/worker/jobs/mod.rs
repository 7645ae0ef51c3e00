//! What the worker computes: one file per stage kind, and the one place that chooses among them.

mod check;
mod completeness;
mod evaluate;
mod explain;
mod images;
mod localisation;
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

use crate::{allocator, device, job::Job, words};

/// Computes one task.
///
/// # Errors
/// Whatever its stage reports; a device that is not there, or has too little memory.
pub(crate) fn run(task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let device = device::resolve(task.resources.device)?;
    tch::set_num_threads(i32::try_from(task.resources.threads.max(1))?);
    pcamflow::data::h5::unpack_on(task.resources.threads)?;
    let job = Job { task, reporter, device };
    let computed = catch_unwind(AssertUnwindSafe(|| compute(&job)));
    allocator::give_back();
    let outcome = computed.unwrap_or_else(|panic| out_of_memory(panic, device))?;
    if !outcome.numbers.is_empty() {
        reporter.info(&format!("result: {}", words::numbers(&outcome.numbers)));
    }
    Ok(Outcome { device: device::name(device), ..outcome })
}

fn compute(job: &Job<'_>) -> Result<Outcome> {
    match &job.task.stage {
        AnyStage::Synthesize(_) | AnyStage::Split(_) | AnyStage::Preview(_) | AnyStage::Command(_) => {
            bail!("{} is the engine's: it needs no libtorch", job.task.name)
        }
        AnyStage::Train(stage) => train::run(job, stage),
        AnyStage::ResumeTrain(stage) => resume_train::run(job, stage),
        AnyStage::Evaluate(stage) => evaluate::run(job, stage),
        AnyStage::Explain(stage) => explain::run(job, stage),
        AnyStage::Metrics(stage) => metrics::run(job, stage),
        AnyStage::Sanity(stage) => sanity::run(job, stage),
    }
}

/// What libtorch says when an allocation fails, on a GPU and on a CPU.
const OUT_OF_MEMORY: [&str; 2] = ["out of memory", "can't allocate memory"];

/// tch panics where libtorch throws. Too little memory is the machine's fault, and the user can do
/// something about it; every other panic goes on.
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
    fn too_little_memory_is_the_machines_fault() {
        let panic = Box::new("CUDA out of memory. Tried to allocate 20.00 GiB".to_owned());
        let error = out_of_memory(panic, Device::Cuda(1)).unwrap_err();
        assert!(error.is::<EnvironmentFault>());
        assert!(error.to_string().starts_with("out of memory on cuda:1"), "{error}");
    }

    #[test]
    fn every_other_panic_goes_on() {
        let panic = Box::new("shapes differ".to_owned());
        let caught = catch_unwind(AssertUnwindSafe(|| out_of_memory(panic, Device::Cpu)));
        assert!(caught.is_err());
    }
}
