//! Named tensors in safetensors files: weights and checkpoints.
//!
//! Reading checks everything; an error names the file, the tensor, what was found and what was expected. Writing
//! is deterministic: names are sorted, and there is at most one metadata entry (the format does not order them).

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pcamflow::{
    fsx::{self, foreign_bytes},
    protocol::InputFile,
};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use tch::{Kind, Tensor};

/// Tensors by name.
pub(crate) type Named = BTreeMap<String, Tensor>;

/// PyTorch's counter of batch normalisation. Every state dict has it, and nothing uses it.
pub(crate) const IGNORED: &str = "num_batches_tracked";

/// What the header of a file says about a tensor.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) shape: Vec<i64>,
    pub(crate) kind: Dtype,
}

/// The headers of all tensors in the bytes of a safetensors file, except the counters of batches. `name` is for messages.
///
/// # Errors
/// The bytes are not those of a safetensors file.
pub(crate) fn headers(name: &str, bytes: &[u8]) -> Result<BTreeMap<String, Header>> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| invalid(name, bytes, &error))?;
    let named = file.iter().filter(|(tensor, _)| !tensor.ends_with(IGNORED));
    let header = |(tensor, view): (&str, TensorView<'_>)| {
        Ok((tensor.to_owned(), Header { shape: shape_of(&view)?, kind: view.dtype() }))
    };
    named.map(header).collect()
}

/// Whether tensors with these names are the checkpoint of a training.
pub(crate) fn are_checkpoint<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.any(|name| name.starts_with("last.model."))
}

/// The tensors of a file, on the CPU. They are taken out one after the other.
#[derive(Debug)]
pub(crate) struct TensorFile {
    name: String,
    tensors: Named,
    metadata: HashMap<String, String>,
}

impl TensorFile {
    /// Reads a whole safetensors file.
    ///
    /// # Errors
    /// The file does not exist, is not safetensors, or has values that are not finite.
    pub(crate) fn read(input: &InputFile) -> Result<Self> {
        let bytes = fsx::read(&input.path).with_context(|| format!("cannot open {}", input.name))?;
        Self::parse(&input.name, &bytes)
    }

    /// Reads the bytes of a safetensors file. `name` is for messages.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::parse_as(name, bytes, |tensor| (!tensor.ends_with(IGNORED)).then_some(tensor.into()))
    }

    /// As `parse`, with the tensors that `rename` gives a name. The others may hold anything.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) fn parse_as(
        name: &str,
        bytes: &[u8],
        rename: impl for<'a> Fn(&'a str) -> Option<Cow<'a, str>>,
    ) -> Result<Self> {
        let invalid = |error: SafeTensorError| invalid(name, bytes, &error);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
        let file = SafeTensors::deserialize(bytes).map_err(invalid)?;
        let named = file.iter().filter_map(|(tensor, view)| Some((tensor, rename(tensor)?, view)));
        let tensors = named.map(|(tensor, new, view)| {
            let read = to_tensor(&view).and_then(|read| check_values(tensor, &read).map(|()| read));
            Ok((new.into_owned(), read.with_context(|| format!("{name}: tensor `{tensor}`"))?))
        });
        let tensors = tensors.collect::<Result<Named>>()?;
        Ok(Self { name: name.to_owned(), tensors, metadata: header.metadata().clone().unwrap_or_default() })
    }

    /// Whether this is the checkpoint of a training.
    pub(crate) fn is_checkpoint(&self) -> bool {
        are_checkpoint(self.tensors.keys())
    }

    /// The name of the file in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A metadata entry.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The shapes of all tensors.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<i64>> {
        self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect()
    }

    /// Whether there is such a tensor.
    pub(crate) fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// Takes a tensor out, as float32.
    ///
    /// # Errors
    /// It is missing or has another shape.
    pub(crate) fn take(&mut self, tensor: &str, shape: &[i64]) -> Result<Tensor> {
        let found = self.tensors.remove(tensor).with_context(|| self.missing(tensor))?;
        let got = found.size();
        ensure!(
            got == shape,
            "{}: tensor `{tensor}` has the shape {got:?}, and the network needs {shape:?}",
            self.name
        );
        Ok(found.to_kind(Kind::Float))
    }

    /// Takes out all tensors below a prefix, and removes the prefix from their names.
    pub(crate) fn take_all(&mut self, prefix: &str) -> TensorFile {
        let inside = self.tensors.extract_if(.., |name, _| name.starts_with(prefix));
        let tensors = inside.map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect();
        TensorFile { name: format!("{} ({prefix}*)", self.name), tensors, metadata: HashMap::new() }
    }

    /// Checks that no tensor is left.
    ///
    /// # Errors
    /// A tensor was not taken.
    pub(crate) fn finish(self) -> Result<()> {
        match self.tensors.first_key_value() {
            None => Ok(()),
            Some((tensor, _)) => bail!("{}: the network has no tensor `{tensor}`", self.name),
        }
    }

    fn missing(&self, tensor: &str) -> String {
        format!("{} has no tensor `{tensor}`", self.name)
    }
}

/// Why bytes are not a safetensors file.
fn invalid(name: &str, bytes: &[u8], error: &SafeTensorError) -> anyhow::Error {
    use SafeTensorError::{InvalidHeaderLength, MetadataIncompleteBuffer};
    match (error, foreign_bytes(bytes)) {
        // The length of the header, or of the header and the tensors, is not the length of the file.
        (InvalidHeaderLength | MetadataIncompleteBuffer, _) if bytes.get(8) == Some(&b'{') => anyhow!(
            "{name} is truncated or damaged: its size does not match its header; fetch or copy it again"
        ),
        (_, Some(instead)) => anyhow!("{name} is not a safetensors file: {instead}"),
        (_, None) => anyhow!("{name} is not a safetensors file: {error}"),
    }
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
    Ok(Tensor::f_from_data_size(view.data(), &shape_of(view)?, kind)?)
}

fn shape_of(view: &TensorView<'_>) -> Result<Vec<i64>> {
    Ok(view.shape().iter().map(|&size| i64::try_from(size)).collect::<Result<_, _>>()?)
}

/// Refuses values that no network can have.
fn check_values(name: &str, tensor: &Tensor) -> Result<()> {
    let count = |values: Tensor| i64::try_from(values.sum(Kind::Int64));
    let (all, broken) = (tensor.numel(), count(tensor.isfinite().logical_not())?);
    ensure!(broken == 0, "{broken} of its {all} values are NaN or infinite");
    let negative = if name.ends_with("running_var") { count(tensor.lt(0.0))? } else { 0 };
    ensure!(negative == 0, "{negative} of its {all} values are negative, and a variance is not");
    Ok(())
}

/// Copies values into the tensors with the same names.
///
/// # Errors
/// A tensor is missing in `from`, or has another shape there.
pub(crate) fn copy_all(into: Named, from: &Named) -> Result<()> {
    for (name, mut tensor) in into {
        let values = from.get(&name).with_context(|| format!("there is no tensor `{name}`"))?;
        tch::no_grad(|| tensor.f_copy_(values)).with_context(|| format!("tensor `{name}`"))?;
    }
    Ok(())
}

/// The bytes of a safetensors file. Equal tensors and metadata give equal bytes.
///
/// # Errors
/// A tensor is not float32.
pub(crate) fn to_bytes(tensors: &Named, metadata: Option<(&str, String)>) -> Result<Vec<u8>> {
    let bytes = tensors.values().map(bytes_of).collect::<Result<Vec<_>>>()?;
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let shape = tensor.size().iter().map(|&size| usize::try_from(size)).collect::<Result<_, _>>()?;
        Ok((name, TensorView::new(Dtype::F32, shape, bytes)?))
    });
    let metadata = metadata.map(|(key, text)| [(key.to_owned(), text)].into());
    Ok(safetensors::serialize(views.collect::<Result<Vec<_>>>()?, metadata)?)
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    let kind = tensor.kind();
    ensure!(kind == Kind::Float, "tensors of the type {kind:?} are not written");
    let tensor = tensor.detach().to_device(tch::Device::Cpu).contiguous();
    let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    Ok(bytes)
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
        assert_eq!(TensorFile::parse("m", &bytes()).unwrap().metadata("pcamflow"), Some("{}"));
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
        let count = Tensor::from_slice(&[7f32]);
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
    fn a_file_that_is_cut_anywhere_is_called_truncated() {
        let tensors = Named::from([("fc2.bias".to_owned(), Tensor::from_slice(&[1.0f32, 2.0]))]);
        let whole = to_bytes(&tensors, None).unwrap();
        for length in [9, 20, whole.len() - 1] {
            let error = message(TensorFile::parse("m.safetensors", &whole[..length]));
            assert!(error.starts_with("m.safetensors is truncated"), "{length}: {error}");
        }
        let error = message(TensorFile::parse("m.safetensors", &[&whole[..], b"more"].concat()));
        assert!(error.starts_with("m.safetensors is truncated or damaged"), "{error}");
    }

    #[test]
    fn tensors_can_be_chosen_and_renamed_and_others_may_hold_anything() {
        let (one, broken) = (Tensor::from_slice(&[1.0f32]), Tensor::from_slice(&[f32::NAN]));
        let tensors = Named::from([("module.a".to_owned(), one), ("decay".to_owned(), broken)]);
        let bytes = to_bytes(&tensors, None).unwrap();
        assert_eq!(headers("m", &bytes).unwrap()["module.a"].shape, [1]);
        let mut read =
            TensorFile::parse_as("m", &bytes, |tensor| tensor.strip_prefix("module.").map(Into::into))
                .unwrap();
        drop(read.take("a", &[1]).unwrap());
        read.finish().unwrap();
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
        assert_eq!(error, "m.safetensors has no tensor `conv1.weight`");
        let mut again = file(&[("a", Tensor::from_slice(&[1.0f32]))]).unwrap();
        let error = message(again.take("a", &[2, 1]));
        assert_eq!(error, "m.safetensors: tensor `a` has the shape [1], and the network needs [2, 1]");
        let error = message(read.finish());
        assert_eq!(error, "m.safetensors: the network has no tensor `conv1.wieght`");
    }
}
