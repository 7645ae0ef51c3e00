//! What an HDF5 file contains: the datasets of all groups, and the attributes.

use anyhow::{Result, anyhow};
use hdf5::{Group, Location, types::TypeDescriptor};
use serde::Serialize;

use super::{
    library::reason,
    open::{H5File, kind, kind_in_words},
    texts::bytes,
};

/// How deep groups are followed. A group may contain itself.
const DEEPEST: usize = 16;
/// Elements of an attribute that are read.
const MOST: usize = 64;

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dataset {
    /// Its name with its groups (`grad-cam/deletion`).
    pub name: String,
    /// The type of its elements (`uint8`).
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value as text. If it cannot be shown, its type and shape.
    pub value: String,
}

impl H5File {
    /// The attributes of the file, and the datasets of all groups sorted by name.
    ///
    /// # Errors
    /// A damaged file.
    pub fn contents(&self) -> Result<(Vec<Attribute>, Vec<Dataset>)> {
        let mut datasets = Vec::new();
        let found = walk(self.root(), "", 0, &mut datasets);
        found.map_err(|error| anyhow!("{}: the file may be damaged: {}", self.source(), reason(&error)))?;
        datasets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((attributes(self.root()), datasets))
    }
}

fn walk(group: &Group, path: &str, depth: usize, datasets: &mut Vec<Dataset>) -> hdf5::Result<()> {
    for name in group.member_names()? {
        let full = format!("{path}{name}");
        if let Ok(dataset) = group.dataset(&name) {
            let (dtype, shape) = (kind_in_words(kind(&dataset)), dataset.shape());
            datasets.push(Dataset { name: full, dtype, shape, attributes: attributes(&dataset) });
        } else if let Ok(inner) = group.group(&name)
            && depth < DEEPEST
        {
            walk(&inner, &format!("{full}/"), depth + 1, datasets)?;
        }
    }
    Ok(())
}

fn attributes(of: &Location) -> Vec<Attribute> {
    let names = of.attr_names().unwrap_or_default();
    let attribute = |name: String| {
        let value = of.attr(&name).map_or_else(|error| reason(&error), |attribute| value(&attribute));
        Attribute { name, value }
    };
    names.into_iter().map(attribute).collect()
}

/// The value of an attribute as text.
fn value(attribute: &hdf5::Attribute) -> String {
    let kind = attribute.dtype().and_then(|kind| kind.to_descriptor()).ok();
    let few = attribute.size() <= MOST;
    let shown = match &kind {
        Some(TypeDescriptor::Integer(_)) if few => numbers::<i64>(attribute),
        Some(TypeDescriptor::Unsigned(_)) if few => numbers::<u64>(attribute),
        Some(TypeDescriptor::Float(_)) if few => numbers::<f64>(attribute),
        Some(TypeDescriptor::Boolean) if few => numbers::<bool>(attribute),
        Some(kind) if attribute.is_scalar() => {
            let text = bytes(attribute, kind).and_then(Result::ok);
            text.map(|text| String::from_utf8_lossy(&text).into_owned())
        }
        _ => None,
    };
    shown.unwrap_or_else(|| format!("{} {:?}", kind_in_words(kind), attribute.shape()))
}

fn numbers<T: hdf5::H5Type + ToString>(attribute: &hdf5::Attribute) -> Option<String> {
    let values: Vec<String> = attribute.read_raw::<T>().ok()?.iter().map(T::to_string).collect();
    Some(if attribute.is_scalar() { values.concat() } else { format!("[{}]", values.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    #[test]
    fn datasets_of_groups_and_attributes_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let file = hdf5::File::create(&path).unwrap();
        let group = file.create_group("curves").unwrap();
        group.new_dataset_builder().with_data(&ndarray::arr2(&[[1_f32, 2.0]])).create("deletion").unwrap();
        let labels = file.new_dataset_builder().with_data(&[1_u8, 0, 1]).create("y").unwrap();
        labels.new_attr::<u32>().create("classes").unwrap().write_scalar(&2_u32).unwrap();
        let text: hdf5::types::VarLenUnicode = "grad-cam".parse().unwrap();
        file.new_attr::<hdf5::types::VarLenUnicode>().create("method").unwrap().write_scalar(&text).unwrap();
        drop((file, group, labels));

        let (attributes, datasets) = H5File::open(&Source::at(&path)).unwrap().contents().unwrap();
        assert_eq!(attributes, [Attribute { name: "method".into(), value: "grad-cam".into() }]);
        let in_words = |dataset: &Dataset| format!("{} {} {:?}", dataset.name, dataset.dtype, dataset.shape);
        let found: Vec<String> = datasets.iter().map(in_words).collect();
        assert_eq!(found, ["curves/deletion float32 [1, 2]", "y uint8 [3]"]);
        assert_eq!(datasets[1].attributes, [Attribute { name: "classes".into(), value: "2".into() }]);
    }
}
