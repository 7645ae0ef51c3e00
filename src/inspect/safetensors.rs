//! The tensors of a safetensors file. Reads only its header.

use std::{collections::BTreeMap, io::Read, path::Path};

use anyhow::{Context, Result, ensure};
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

/// The largest header that the format allows, in bytes.
const LARGEST: u64 = 100_000_000;

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tensor {
    /// Its name (`conv1.weight`).
    pub name: String,
    /// The type of its numbers (`F32`).
    pub dtype: String,
    /// Its shape; empty for a single number.
    pub shape: Vec<u64>,
}

/// Reads the names, types and shapes of all tensors, sorted by name.
///
/// # Errors
/// A file that cannot be read or is not a safetensors file.
pub(super) fn read(path: &Path) -> Result<Vec<Tensor>> {
    let mut file = std::fs::File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).context("it is too short for a safetensors file")?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= LARGEST, "it is not a safetensors file: its header would have {length} bytes");
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header)?;
    let header: Metadata = serde_json::from_slice(&header).context("it is not a safetensors file")?;
    let tensors: BTreeMap<_, _> = header.tensors().into_iter().collect();
    let tensor = |(name, info): (String, &TensorInfo)| Tensor {
        name,
        dtype: format!("{:?}", info.dtype),
        shape: info.shape.iter().map(|&size| size as u64).collect(),
    };
    Ok(tensors.into_iter().map(tensor).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_every_tensor() {
        let header = br#"{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
        let file = tempfile::NamedTempFile::new().unwrap();
        let length = u64::try_from(header.len()).unwrap().to_le_bytes();
        std::fs::write(file.path(), [&length[..], header, &[0; 8]].concat()).unwrap();
        let expected = Tensor { name: "w".to_owned(), dtype: "F32".to_owned(), shape: vec![2, 1] };
        assert_eq!(read(file.path()).unwrap(), [expected]);
        std::fs::write(file.path(), b"a text, and no tensors").unwrap();
        assert!(read(file.path()).unwrap_err().to_string().contains("not a safetensors file"));
    }
}
