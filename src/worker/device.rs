//! Decides which device computes a stage, from the user's choice and the GPUs of the machine.

use pcamflow::{serve::EnvironmentFault, stages::DeviceChoice};
use tch::Device;

use crate::cuda;

/// The device for a choice. Loads CUDA if there is a GPU (see [`cuda::gpus`]).
///
/// # Errors
/// An [`EnvironmentFault`] if the chosen GPU cannot be used.
pub(crate) fn resolve(choice: DeviceChoice) -> Result<Device, EnvironmentFault> {
    decide(choice, cuda::gpus())
}

fn decide(choice: DeviceChoice, gpus: Result<usize, String>) -> Result<Device, EnvironmentFault> {
    match (choice, gpus) {
        (DeviceChoice::Cpu, _) => Ok(Device::Cpu),
        (DeviceChoice::Auto, Ok(_)) => Ok(Device::Cuda(0)),
        (DeviceChoice::Auto, Err(_)) => Ok(Device::Cpu),
        (DeviceChoice::Cuda(index), Ok(count)) if index < count => Ok(Device::Cuda(index)),
        (DeviceChoice::Cuda(index), Ok(count)) => Err(EnvironmentFault(format!(
            "device `cuda:{index}` does not exist: this machine has {count} GPU(s), counted from cuda:0"
        ))),
        (DeviceChoice::Cuda(index), Err(why)) => Err(EnvironmentFault(format!(
            "device `cuda:{index}` cannot be used: {why}; `--device cpu` and `--device auto` need no GPU"
        ))),
    }
}

/// The name of a device: `cpu`, `cuda:0`.
pub(crate) fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Cpu | Device::Mps | Device::Vulkan => "cpu".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> Result<usize, String> {
        Err("no usable NVIDIA driver (libcuda.so.1: cannot open shared object file)".to_owned())
    }

    #[test]
    fn auto_is_the_first_gpu_or_the_cpu() {
        assert_eq!(decide(DeviceChoice::Auto, Ok(2)).unwrap(), Device::Cuda(0));
        assert_eq!(decide(DeviceChoice::Auto, none()).unwrap(), Device::Cpu);
        assert_eq!(decide(DeviceChoice::Cpu, Ok(2)).unwrap(), Device::Cpu);
    }

    #[test]
    fn the_error_of_a_missing_gpu_says_how_many_there_are() {
        let error = decide(DeviceChoice::Cuda(2), Ok(2)).unwrap_err().to_string();
        assert_eq!(error, "device `cuda:2` does not exist: this machine has 2 GPU(s), counted from cuda:0");
    }

    #[test]
    fn a_gpu_without_a_driver_says_why_and_what_to_do() {
        let error = decide(DeviceChoice::Cuda(0), none()).unwrap_err().to_string();
        assert!(error.contains("no usable NVIDIA driver (libcuda.so.1"), "{error}");
        assert!(error.contains("--device cpu"), "{error}");
    }
}
