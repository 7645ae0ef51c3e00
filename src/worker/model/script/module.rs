//! A TorchScript module: loads the archive, and calls its methods.

use std::{fs::File, io::Read as _};

use anyhow::{Context as _, Result, anyhow, bail};
use pcamflow::{protocol::InputFile, stages::SCRIPT_LAYER};
use tch::{CModule, Device, TchError, Tensor, jit};

use super::reason::in_words;

/// The methods for Grad-CAM: the first makes a map of patches, the second an output of the map.
pub(super) const FEATURES: &str = SCRIPT_LAYER;
pub(super) const CLASSIFIER: &str = "classifier";

/// With these bytes a ZIP archive begins.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// A loaded module in evaluation mode, whose parameters need no gradients.
#[derive(Debug)]
pub(super) struct Module {
    module: CModule,
}

impl Module {
    /// # Errors
    /// The file cannot be read, or is no TorchScript archive that this libtorch understands.
    pub(super) fn load(file: &InputFile, device: Device) -> Result<Self> {
        let name = &file.name;
        check_archive(file)?;
        as_written()?;
        let module = CModule::load_on_device(&file.path, device).map_err(|error| not_loaded(name, &error))?;
        Self::prepared(module).with_context(|| format!("cannot load {name}"))
    }

    fn prepared(mut module: CModule) -> Result<Self> {
        module.f_set_eval().map_err(|error| in_words(&error))?;
        for (_, parameter) in module.named_parameters().map_err(|error| in_words(&error))? {
            let _ = parameter.set_requires_grad(false);
        }
        Ok(Self { module })
    }

    /// The output for images.
    ///
    /// # Errors
    /// The code reports an error, or returns no tensor.
    pub(super) fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.call("forward", images)
    }

    /// The output of a method.
    ///
    /// # Errors
    /// As `forward`, or there is no such method.
    pub(super) fn call(&self, method: &str, input: &Tensor) -> Result<Tensor> {
        let output = self.module.method_ts(method, &[input]);
        output.map_err(|error| in_words(&error)).with_context(|| format!("`{method}` of the network failed"))
    }
}

/// Lets the interpreter compute what is written, without optimising. It is a setting of the whole process.
fn as_written() -> Result<()> {
    jit::f_set_profiling_mode(false).map_err(|error| in_words(&error))
}

fn check_archive(file: &InputFile) -> Result<()> {
    let name = &file.name;
    let mut begin = [0; 4];
    let read = File::open(&file.path).and_then(|mut file| file.read_exact(&mut begin));
    match read {
        Ok(()) if begin == ZIP => Ok(()),
        Ok(()) => bail!("{name} is no TorchScript archive: write it with {EXPORT}"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            bail!("{name} is no TorchScript archive: it has less than 4 bytes")
        }
        Err(error) => Err(anyhow!(error).context(format!("cannot open {name}"))),
    }
}

/// How an archive is written in PyTorch.
const EXPORT: &str = "`torch.jit.script(model.eval()).save(...)` or `torch.jit.trace`";

/// A pickle of `torch.save` is a ZIP archive too, but has no code.
fn not_loaded(name: &str, error: &TchError) -> anyhow::Error {
    let reason = in_words(error).to_string();
    match reason.contains("constants.pkl") {
        true => anyhow!(
            "{name} has no TorchScript code: it is probably a file of `torch.save`, whose pickle is not read; write it \
             with {EXPORT}, or its weights as safetensors"
        ),
        // After the first sentence, libtorch gives advice to its developers.
        false => {
            let reason = reason.split(". ").next().unwrap_or_default();
            anyhow!("{name} is damaged, or not for this version of libtorch: {reason}")
        }
    }
}
