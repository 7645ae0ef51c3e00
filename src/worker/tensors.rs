//! Named tensors in safetensors files: weights and checkpoints.
//!
//! Reading trusts nothing: each error names the file as the user knows it, the tensor, what was found
//! and what was expected. Writing is deterministic: sorted names, at most one entry of metadata (the
//! format keeps several in no order). Knows no network.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pcamflow::{
    fsx::{self, foreign_bytes},
    protocol::InputFile,
};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use tch::{Kind, Tensor};

/// Tensors by name.
pub(crate) type Named = BTreeMap<String, Tensor>;

/// PyTorch's count of batches that a batch norm has seen: in every state dict, and without any use.
const IGNORED: &str = "num_batches_tracked";

/// What wrappers put before every name.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// The tensors of a file, on the CPU, that are taken out one after the other.
#[derive(Debug)]
pub(crate) struct TensorFile {
    name: String,
    tensors: Named,
    metadata: BTreeMap<String, String>,
}

impl TensorFile {
    /// Reads a safetensors file whole.
    ///
    /// # Errors
    /// A file that is absent, no safetensors, or holds values that are not finite.
    pub(crate) fn read(input: &InputFile) -> Result<Self> {
        let bytes = fsx::read(&input.path).with_context(|| format!("cannot open {}", input.name))?;
        Self::parse(&input.name, &bytes)
    }

    /// Reads the content of a safetensors file that people call `name`.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let not_one = |error: SafeTensorError| not_one(name, bytes, &error);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_one)?;
        let file = SafeTensors::deserialize(bytes).map_err(not_one)?;
        let named = file.iter().filter(|(tensor, _)| !tensor.ends_with(IGNORED));
        let tensors = named.map(|(tensor, view)| {
            let read = to_tensor(&view).and_then(|read| sound(tensor, &read).map(|()| read));
            Ok((tensor.to_owned(), read.with_context(|| format!("{name}: tensor `{tensor}`"))?))
        });
        let tensors = tensors.collect::<Result<Named>>()?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { name: name.to_owned(), tensors, metadata })
    }

    /// Takes the prefixes off that wrappers put before every name (`module.` of `DataParallel`, `_orig_mod.` of
    /// `torch.compile`, `model.`), as long as all tensors have them; returns them.
    pub(crate) fn unwrapped(mut self) -> (Self, String) {
        let mut taken = String::new();
        let common = |tensors: &Named| {
            let all = |prefix: &&str| tensors.keys().all(|name| name.starts_with(prefix));
            WRAPPERS.into_iter().filter(|_| !tensors.is_empty()).find(all)
        };
        while let Some(prefix) = common(&self.tensors) {
            let short = |(name, tensor): (String, Tensor)| (name[prefix.len()..].to_owned(), tensor);
            self.tensors = std::mem::take(&mut self.tensors).into_iter().map(short).collect();
            taken += prefix;
        }
        (self, taken)
    }

    /// Whether it is a checkpoint of a training.
    pub(crate) fn is_checkpoint(&self) -> bool {
        self.tensors.keys().any(|name| name.starts_with("last.model."))
    }

    /// What people call the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An entry of the file's metadata.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn metadata(&self, key: &str) -> Result<&str> {
        let message = || format!("{} has no metadata `{key}`", self.name);
        self.metadata.get(key).map(String::as_str).with_context(message)
    }

    /// The shape of a tensor that stays.
    ///
    /// # Errors
    /// There is no such tensor.
    pub(crate) fn shape(&self, tensor: &str) -> Result<Vec<i64>> {
        self.tensors.get(tensor).map(Tensor::size).with_context(|| self.missing(tensor))
    }

    /// Takes a tensor out, as float32.
    ///
    /// # Errors
    /// It is missing, or has another shape.
    pub(crate) fn take(&mut self, tensor: &str, shape: &[i64]) -> Result<Tensor> {
        let Some(found) = self.tensors.remove(tensor) else { bail!(self.missing(tensor)) };
        let got = found.size();
        ensure!(
            got == shape,
            "{}: tensor `{tensor}` has the shape {got:?}, and the network needs {shape:?}",
            self.name
        );
        Ok(found.to_kind(Kind::Float))
    }

    /// Takes out all tensors whose names begin with `prefix`, which their names then lack.
    pub(crate) fn take_all(&mut self, prefix: &str) -> TensorFile {
        let (inside, outside) =
            std::mem::take(&mut self.tensors).into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.tensors = outside;
        let inside: Named = inside;
        let tensors = inside.into_iter().map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor));
        TensorFile {
            name: format!("{} ({prefix}*)", self.name),
            tensors: tensors.collect(),
            metadata: BTreeMap::new(),
        }
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// A tensor that nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.tensors.len() {
            0 => Ok(()),
            left => {
                let names: Vec<_> = self.tensors.keys().take(3).map(|name| format!("`{name}`")).collect();
                let more = if left > 3 { format!(" and {} more", left - 3) } else { String::new() };
                bail!("{}: the network has no tensor {}{more}", self.name, names.join(", "))
            }
        }
    }

    fn missing(&self, tensor: &str) -> String {
        // A wrapper's prefix (`module.`), or a slip; but `bn3.bias` is not meant where `bn2.bias` is asked.
        let sort = |name: &str| name.replace(|letter: char| letter.is_ascii_digit(), "");
        let slip = |name: &str| sort(name) != sort(tensor) && strsim::damerau_levenshtein(name, tensor) <= 2;
        let meant = |name: &&str| name.ends_with(&format!(".{tensor}")) || slip(name);
        let near = self.tensors.keys().map(String::as_str).find(meant);
        let hint = near.map_or(String::new(), |near| format!("; is `{near}` meant?"));
        format!("{} has no tensor `{tensor}`{hint}", self.name)
    }
}

/// Why bytes are no safetensors file.
fn not_one(name: &str, bytes: &[u8], error: &SafeTensorError) -> anyhow::Error {
    let cut = format!(
        "{name} is truncated: its header promises more bytes than the file has; fetch or copy it again"
    );
    match (error, foreign_bytes(bytes)) {
        // The header is longer than the file, or the tensors are.
        (SafeTensorError::InvalidHeaderLength, _) if bytes.get(8) == Some(&b'{') => anyhow!(cut),
        (SafeTensorError::MetadataIncompleteBuffer, _) if claimed(bytes) > bytes.len() => anyhow!(cut),
        (SafeTensorError::MetadataIncompleteBuffer, _) => {
            anyhow!("{name} has more bytes than its header promises; fetch or copy it again")
        }
        (_, Some(instead)) if bytes.get(8) != Some(&b'{') => {
            anyhow!("{name} is not a safetensors file: {instead}")
        }
        _ => anyhow!("{name} is not a safetensors file: {error}"),
    }
}

/// How many bytes a file has whose header this is.
fn claimed(bytes: &[u8]) -> usize {
    let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize);
    let header = bytes.get(8..length.saturating_add(8)).unwrap_or_default();
    let header: serde_json::Value = serde_json::from_slice(header).unwrap_or_default();
    let ends =
        header.as_object().into_iter().flatten().filter_map(|(_, tensor)| tensor["data_offsets"][1].as_u64());
    length + 8 + ends.max().unwrap_or_default() as usize
}

fn to_tensor(view: &TensorView<'_>) -> Result<Tensor> {
    let kind = match view.dtype() {
        Dtype::F64 => Kind::Double,
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        other => bail!("has the type {other:?}; F64, F32, F16, BF16 and I64 can be read"),
    };
    let shape = view.shape().iter().map(|&size| i64::try_from(size)).collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::f_from_data_size(view.data(), &shape, kind)?)
}

/// Values that no network can have.
fn sound(name: &str, tensor: &Tensor) -> Result<()> {
    let count = |values: Tensor| i64::try_from(values.sum(Kind::Int64));
    let (all, broken) = (tensor.numel(), count(tensor.isfinite().logical_not())?);
    ensure!(broken == 0, "{broken} of its {all} values are NaN or infinite");
    let negative = if name.ends_with("running_var") { count(tensor.lt(0.0))? } else { 0 };
    ensure!(negative == 0, "{negative} of its {all} values are negative, and a variance is not");
    Ok(())
}

/// Copies values into tensors of the same names, in place.
///
/// # Errors
/// A tensor that `from` lacks, or has in another shape.
pub(crate) fn copy_all(into: Named, from: &Named) -> Result<()> {
    for (name, mut tensor) in into {
        let values = from.get(&name).with_context(|| format!("there is no tensor `{name}`"))?;
        tch::no_grad(|| tensor.f_copy_(values)).with_context(|| format!("tensor `{name}`"))?;
    }
    Ok(())
}

/// The bytes of a safetensors file: the same tensors and text give the same bytes.
///
/// # Errors
/// A tensor of a type that is not written here (all but float32 and int64).
pub(crate) fn to_bytes(tensors: &Named, metadata: Option<(&str, String)>) -> Result<Vec<u8>> {
    let held = tensors.iter().map(|(name, tensor)| Ok((name, Held::of(tensor)?)));
    let held = held.collect::<Result<Vec<_>>>()?;
    let views = held.iter().map(|(name, held)| Ok((name.as_str(), held.view()?)));
    let views = views.collect::<Result<Vec<_>>>()?;
    let metadata = metadata.map(|(key, text)| [(key.to_owned(), text)].into());
    Ok(safetensors::serialize(views, metadata)?)
}

/// A tensor's values in main memory.
struct Held {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Held {
    fn of(tensor: &Tensor) -> Result<Self> {
        let tensor = tensor.detach().to_device(tch::Device::Cpu).contiguous();
        let dtype = match tensor.kind() {
            Kind::Float => Dtype::F32,
            Kind::Int64 => Dtype::I64,
            other => bail!("tensors of the type {other:?} are not written"),
        };
        let shape = tensor.size().iter().map(|&size| usize::try_from(size)).collect::<Result<_, _>>()?;
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        Ok(Self { dtype, shape, bytes })
    }

    fn view(&self) -> Result<TensorView<'_>> {
        Ok(TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tensors: &[(&str, Tensor)]) -> Result<TensorFile> {
        let named = tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.shallow_clone()));
        TensorFile::parse("m.safetensors", &to_bytes(&named.collect(), None).unwrap())
    }

    #[test]
    fn tensors_come_back_as_they_went() {
        let weight = Tensor::from_slice(&[1.0f32, -2.5, 3.0, 4.0]).reshape([2, 2]);
        // Not contiguous: the values are written in the order of the indices all the same.
        let mut read = file(&[("b", weight.tr()), ("a", weight.shallow_clone())]).unwrap();
        assert_eq!(read.take("b", &[2, 2]).unwrap(), weight.tr());
        assert_eq!(read.take("a", &[2, 2]).unwrap(), weight);
        read.finish().unwrap();
    }

    #[test]
    fn the_same_tensors_give_the_same_bytes() {
        let tensors = || {
            let names = ["conv1.weight", "bn1.bias", "fc2.weight"].map(str::to_owned);
            Named::from(names.map(|name| (name, Tensor::arange(6, (Kind::Float, tch::Device::Cpu)))))
        };
        let bytes = || to_bytes(&tensors(), Some(("pcamflow", "{}".to_owned()))).unwrap();
        assert_eq!(bytes(), bytes());
        assert_eq!(TensorFile::parse("m", &bytes()).unwrap().metadata("pcamflow").unwrap(), "{}");
    }

    #[test]
    fn narrower_and_wider_types_are_read() {
        let mut bytes = br#"{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#.to_vec();
        let mut whole = (bytes.len() as u64).to_le_bytes().to_vec();
        whole.append(&mut bytes);
        whole.extend([0x00, 0x3c, 0x00, 0xc0]); // 1 and -2
        let half = TensorFile::parse("m", &whole).unwrap().take("h", &[2]).unwrap();
        assert_eq!(half, Tensor::from_slice(&[1.0f32, -2.0]));
    }

    #[test]
    fn the_count_of_batches_is_ignored() {
        let count = Tensor::from_slice(&[7i64]);
        file(&[("bn1.num_batches_tracked", count)]).unwrap().finish().unwrap();
    }

    #[track_caller]
    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn what_is_no_safetensors_is_named() {
        let error = message(TensorFile::parse("m.pt", b"PK\x03\x04....archive/data.pkl and so on"));
        assert!(error.starts_with("m.pt is not a safetensors file: it is a pickle"), "{error}");
        let error = message(TensorFile::parse("m.safetensors", b""));
        assert!(error.contains("it is empty (0 bytes)"), "{error}");
        let error = message(TensorFile::parse("m.safetensors", b"hello, world"));
        assert!(error.starts_with("m.safetensors is not a safetensors file: "), "{error}");
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_truncated() {
        let tensors = Named::from([("fc2.bias".to_owned(), Tensor::from_slice(&[1.0f32, 2.0]))]);
        let whole = to_bytes(&tensors, None).unwrap();
        for length in [9, 20, whole.len() - 1] {
            let error = message(TensorFile::parse("m.safetensors", &whole[..length]));
            assert!(error.starts_with("m.safetensors is truncated"), "{length}: {error}");
        }
        let error = message(TensorFile::parse("m.safetensors", &[&whole[..], b"more"].concat()));
        assert!(error.contains("more bytes than its header promises"), "{error}");
    }

    #[test]
    fn prefixes_that_all_names_have_are_taken_off() {
        let one = || Tensor::from_slice(&[1.0f32]);
        let (mut read, taken) =
            file(&[("_orig_mod.module.a", one()), ("_orig_mod.module.b", one())]).unwrap().unwrapped();
        assert_eq!(taken, "_orig_mod.module.");
        drop(read.take("a", &[1]).unwrap());
        let (_, taken) = file(&[("module.a", one()), ("b", one())]).unwrap().unwrapped();
        assert_eq!(taken, "", "not all of them have it");
    }

    #[test]
    fn values_that_no_network_can_have_are_named() {
        let error = message(file(&[("bn1.running_var", Tensor::from_slice(&[1.0f32, -2.0]))]));
        let wanted =
            "m.safetensors: tensor `bn1.running_var`: 1 of its 2 values are negative, and a variance is not";
        assert_eq!(error, wanted);
        let error = message(file(&[("fc2.bias", Tensor::from_slice(&[1.0f32, f32::NAN]))]));
        assert_eq!(error, "m.safetensors: tensor `fc2.bias`: 1 of its 2 values are NaN or infinite");
    }

    #[test]
    fn missing_misshapen_and_unexpected_tensors_are_named() {
        let mut read =
            file(&[("conv1.wieght", Tensor::zeros([2], (Kind::Float, tch::Device::Cpu)))]).unwrap();
        let error = message(read.take("conv1.weight", &[2]));
        assert_eq!(error, "m.safetensors has no tensor `conv1.weight`; is `conv1.wieght` meant?");
        let error = message(read.shape("fc2.bias"));
        assert_eq!(error, "m.safetensors has no tensor `fc2.bias`");
        let mut again = file(&[("a", Tensor::from_slice(&[1.0f32]))]).unwrap();
        let error = message(again.take("a", &[2, 1]));
        assert_eq!(error, "m.safetensors: tensor `a` has the shape [1], and the network needs [2, 1]");
        let error = message(read.finish());
        assert_eq!(error, "m.safetensors: the network has no tensor `conv1.wieght`");
    }
}
