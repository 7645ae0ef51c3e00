//! Where a new network's tensors come from: a seed, or a file.
//!
//! Initialisation is PyTorch's default, bit for bit: the same generator, the same bounds, drawn in the
//! order in which PyTorch's modules are made. (tch's own layers draw others.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use crate::tensors::TensorFile;

/// Where tensors come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// PyTorch's default initialisation after `torch.manual_seed`.
    Seed(u64),
    /// A file, which has to hold all of them and nothing else.
    File(TensorFile),
}

/// How a tensor begins where no file says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Initial {
    /// U(-b, b) with b = 1/sqrt(fan-in), as `kaiming_uniform_(a = sqrt(5))` computes it.
    Weight { fan_in: i64 },
    /// U(-b, b) with b = 1/sqrt(fan-in).
    Bias { fan_in: i64 },
    /// 1.
    Ones,
    /// 0.
    Zeros,
}

/// The process has one CPU generator: whoever seeds it draws undisturbed until it is done.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Makes a network's tensors one after the other, and lists them.
pub(super) struct Maker {
    source: Source,
    device: Device,
    _generator: MutexGuard<'static, ()>,
    parameters: Tensors,
    buffers: Tensors,
}

/// Tensors with their names, in order.
pub(super) type Tensors = Vec<(String, Tensor)>;

impl Maker {
    pub(super) fn new(source: Source, device: Device) -> Self {
        let _generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        if let Source::Seed(seed) = &source {
            tch::manual_seed(seed.cast_signed());
        }
        Self { source, device, _generator, parameters: Vec::new(), buffers: Vec::new() }
    }

    /// A tensor that is learnt.
    ///
    /// # Errors
    /// The file lacks it, or has it in another shape.
    pub(super) fn parameter(&mut self, name: &str, shape: &[i64], initial: Initial) -> Result<Tensor> {
        let tensor = self.make(name, shape, initial)?;
        self.parameters.push((name.to_owned(), tensor.shallow_clone()));
        Ok(tensor)
    }

    /// A tensor that is kept, not learnt.
    ///
    /// # Errors
    /// As `parameter`.
    pub(super) fn buffer(&mut self, name: &str, shape: &[i64], initial: Initial) -> Result<Tensor> {
        let tensor = self.make(name, shape, initial)?;
        self.buffers.push((name.to_owned(), tensor.shallow_clone()));
        Ok(tensor)
    }

    /// What was made: parameters and buffers.
    ///
    /// # Errors
    /// The file holds more than the network needs.
    pub(super) fn finish(self) -> Result<(Tensors, Tensors)> {
        match self.source {
            Source::File(file) => file.finish()?,
            Source::Seed(_) => (),
        }
        Ok((self.parameters, self.buffers))
    }

    fn make(&mut self, name: &str, shape: &[i64], initial: Initial) -> Result<Tensor> {
        let tensor = match &mut self.source {
            Source::Seed(_) => draw(shape, initial),
            Source::File(file) => file.take(name, shape)?,
        };
        Ok(tensor.to_device(self.device))
    }
}

/// Always drawn on the CPU: a GPU's generator gives other numbers.
fn draw(shape: &[i64], initial: Initial) -> Tensor {
    let empty = || Tensor::empty(shape, (Kind::Float, Device::Cpu));
    match initial {
        Initial::Weight { fan_in } => uniform(empty(), weight_bound(fan_in)),
        Initial::Bias { fan_in } => uniform(empty(), 1.0 / (fan_in as f64).sqrt()),
        Initial::Ones => Tensor::ones(shape, (Kind::Float, Device::Cpu)),
        Initial::Zeros => Tensor::zeros(shape, (Kind::Float, Device::Cpu)),
    }
}

fn uniform(mut tensor: Tensor, bound: f64) -> Tensor {
    tensor.uniform_(-bound, bound)
}

/// Step by step as PyTorch: 1/sqrt(fan-in) differs in the last bit.
fn weight_bound(fan_in: i64) -> f64 {
    let slope = 5f64.sqrt();
    let gain = (2.0 / (1.0 + slope.powi(2))).sqrt();
    3f64.sqrt() * (gain / (fan_in as f64).sqrt())
}
