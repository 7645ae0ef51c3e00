//! The source of a network's tensors: a seed, a file, or both.
//!
//! The initialisation is PyTorch's default, or that of torchvision's densenets, bit for bit: the same generator, bounds
//! and order. (tch's own layers are initialised differently.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use crate::tensors::TensorFile;

/// Where tensors come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// PyTorch's default initialisation after `torch.manual_seed`.
    Seed(u64),
    /// A file with exactly these tensors.
    File(TensorFile),
    /// A file; what it lacks is as after the seed.
    Start {
        /// The file.
        file: TensorFile,
        /// The seed.
        seed: u64,
    },
}

/// The initialisation of a tensor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Initial {
    /// U(-b, b) with b = 1/sqrt(fan-in), as `kaiming_uniform_(a = sqrt(5))` computes it.
    Weight { fan_in: i64 },
    /// U(-b, b) with b = 1/sqrt(fan-in).
    Bias { fan_in: i64 },
    /// N(0, 2/fan-in), as `kaiming_normal_` draws it. torchvision's constructors do so when all tensors are made, and
    /// drawn as `Weight`.
    Normal { fan_in: i64 },
    /// 0, when all tensors are made, and this one is drawn as `Bias`.
    Cleared { fan_in: i64 },
    /// 1.
    Ones,
    /// 0.
    Zeros,
}

impl Initial {
    /// What is drawn when the tensor is made, if that is not all.
    fn first(self) -> Option<Self> {
        match self {
            Self::Normal { fan_in } => Some(Self::Weight { fan_in }),
            Self::Cleared { fan_in } => Some(Self::Bias { fan_in }),
            Self::Weight { .. } | Self::Bias { .. } | Self::Ones | Self::Zeros => None,
        }
    }
}

/// Makes the tensors of a network in order, and lists them.
pub(super) struct Maker {
    from: From,
    device: Device,
    made: Vec<Made>,
    /// For each tensor whether it is drawn, not read.
    drawn: Vec<bool>,
}

enum From {
    Seed(Generator),
    File(TensorFile),
    Start(TensorFile, Generator),
    /// Any values: only names and shapes are of interest.
    Anything,
}

/// A tensor of a network.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) tensor: Tensor,
    pub(super) initial: Initial,
    /// Whether it is learnt, unlike running statistics.
    pub(super) learnt: bool,
}

impl Maker {
    pub(super) fn new(source: Source, device: Device) -> Self {
        let from = match source {
            Source::Seed(seed) => From::Seed(Generator::seeded(seed)),
            Source::File(file) => From::File(file),
            Source::Start { file, seed } => From::Start(file, Generator::seeded(seed)),
        };
        Self { from, device, made: Vec::new(), drawn: Vec::new() }
    }

    /// A maker of tensors with any values.
    pub(super) fn of_anything() -> Self {
        Self { from: From::Anything, device: Device::Cpu, made: Vec::new(), drawn: Vec::new() }
    }

    /// A learnt tensor.
    ///
    /// # Errors
    /// The file lacks it, or it has another shape.
    pub(super) fn parameter(&mut self, name: &str, shape: &[i64], initial: Initial) -> Result<Tensor> {
        self.make(name, shape, initial, true)
    }

    /// A tensor that is not learnt.
    ///
    /// # Errors
    /// As `parameter`.
    pub(super) fn buffer(&mut self, name: &str, shape: &[i64], initial: Initial) -> Result<Tensor> {
        self.make(name, shape, initial, false)
    }

    /// All tensors, in order.
    ///
    /// # Errors
    /// The file holds further tensors.
    pub(super) fn finish(mut self) -> Result<Vec<Made>> {
        if let From::Seed(generator) | From::Start(_, generator) = &mut self.from {
            for (made, drawn) in self.made.iter().zip(self.drawn) {
                if made.initial.first().is_some() {
                    let value = generator.draw(&made.tensor.size(), made.initial);
                    if drawn {
                        made.tensor.shallow_clone().copy_(&value);
                    }
                }
            }
        }
        match self.from {
            From::File(file) | From::Start(file, _) => file.finish()?,
            From::Seed(_) | From::Anything => (),
        }
        Ok(self.made)
    }

    fn make(&mut self, name: &str, shape: &[i64], initial: Initial, learnt: bool) -> Result<Tensor> {
        let first = initial.first().unwrap_or(initial);
        self.drawn.push(!matches!(&self.from, From::Start(file, _) if file.has(name)));
        let tensor = match &mut self.from {
            From::Seed(generator) => generator.draw(shape, first),
            From::File(file) => file.take(name, shape)?,
            From::Start(file, generator) => {
                // Drawn in any case, so that the next ones are as without a file.
                let drawn = generator.draw(shape, first);
                if file.has(name) { file.take(name, shape)? } else { drawn }
            }
            From::Anything => Tensor::empty(shape, (Kind::Float, Device::Cpu)),
        };
        let tensor = tensor.to_device(self.device);
        self.made.push(Made { name: name.to_owned(), tensor: tensor.shallow_clone(), initial, learnt });
        Ok(tensor)
    }
}

/// Locks the only CPU generator of the process.
static GENERATOR: Mutex<()> = Mutex::new(());

/// The CPU generator of the process, seeded and locked. (The generator of a GPU gives other numbers.)
pub(super) struct Generator(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Generator {
    /// As after `torch.manual_seed`.
    pub(super) fn seeded(seed: u64) -> Self {
        let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        tch::manual_seed(seed.cast_signed());
        Self(guard)
    }

    /// An initialised tensor, on the CPU.
    pub(super) fn draw(&mut self, shape: &[i64], initial: Initial) -> Tensor {
        let empty = || Tensor::empty(shape, (Kind::Float, Device::Cpu));
        match initial {
            Initial::Weight { fan_in } => uniform(empty(), weight_bound(fan_in)),
            Initial::Bias { fan_in } => uniform(empty(), 1.0 / (fan_in as f64).sqrt()),
            Initial::Normal { fan_in } => normal(empty(), 2f64.sqrt() / (fan_in as f64).sqrt()),
            Initial::Ones => empty().fill_(1.0),
            Initial::Zeros | Initial::Cleared { .. } => empty().fill_(0.0),
        }
    }
}

fn uniform(mut tensor: Tensor, bound: f64) -> Tensor {
    tensor.uniform_(-bound, bound)
}

fn normal(mut tensor: Tensor, deviation: f64) -> Tensor {
    tensor.normal_(0.0, deviation)
}

/// Computed in PyTorch's steps: 1/sqrt(fan-in) differs in the last bit.
fn weight_bound(fan_in: i64) -> f64 {
    let slope = 5f64.sqrt();
    let gain = (2.0 / (1.0 + slope.powi(2))).sqrt();
    3f64.sqrt() * (gain / (fan_in as f64).sqrt())
}
