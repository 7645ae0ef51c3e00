//! What an HDF5 file holds: every dataset of every group, and the attributes, in words.

use anyhow::{Result, anyhow};
use hdf5::{Group, Location, types::TypeDescriptor};
use serde::Serialize;

use super::{
    attributes::bytes,
    library::told,
    open::{H5File, kind},
};

/// Groups in groups deeper than that are not followed: a file may contain itself.
const DEEPEST: usize = 16;
/// Elements of an attribute that are read.
const MOST: usize = 64;

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dataset {
    /// Its name with those of the groups above it (`grad-cam/deletion`).
    pub name: String,
    /// The type of its elements (`uint8`).
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// One attribute, with its value in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value; where that has no words, its type and shape.
    pub value: String,
}

impl H5File {
    /// The attributes of the file and the datasets of all groups, sorted by name.
    ///
    /// # Errors
    /// A file that is damaged.
    pub fn contents(&self) -> Result<(Vec<Attribute>, Vec<Dataset>)> {
        let mut datasets = Vec::new();
        let found = walk(self.root(), "", 0, &mut datasets);
        found.map_err(|error| anyhow!("{}: the file may be damaged: {}", self.source(), told(&error)))?;
        datasets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((attributes(self.root()), datasets))
    }
}

fn walk(group: &Group, path: &str, depth: usize, datasets: &mut Vec<Dataset>) -> hdf5::Result<()> {
    for name in group.member_names()? {
        let full = format!("{path}{name}");
        if let Ok(dataset) = group.dataset(&name) {
            let dtype = kind(&dataset).map_or_else(|| "an unusual type".to_owned(), |kind| kind.to_string());
            let attributes = attributes(&dataset);
            datasets.push(Dataset { name: full, dtype, shape: dataset.shape(), attributes });
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
        let value = of.attr(&name).map_or_else(|error| told(&error), |attribute| value(&attribute));
        Attribute { name, value }
    };
    names.into_iter().map(attribute).collect()
}

/// The value of an attribute in words.
fn value(attribute: &hdf5::Attribute) -> String {
    let unread = |kind: String| format!("{kind} {:?}", attribute.shape());
    let Ok(kind) = attribute.dtype().and_then(|kind| kind.to_descriptor()) else {
        return unread("an unusual type".to_owned());
    };
    let few = attribute.size() <= MOST;
    let numbers = |values: Option<Vec<String>>| match values {
        Some(values) if attribute.is_scalar() => values.join(""),
        Some(values) => format!("[{}]", values.join(", ")),
        None => unread(kind.to_string()),
    };
    match kind {
        TypeDescriptor::Integer(_) if few => numbers(read::<i64>(attribute)),
        TypeDescriptor::Unsigned(_) if few => numbers(read::<u64>(attribute)),
        TypeDescriptor::Float(_) if few => numbers(read::<f64>(attribute)),
        TypeDescriptor::Boolean if few => numbers(read::<bool>(attribute)),
        _ if attribute.is_scalar() => match bytes(attribute, &kind) {
            Some(Ok(text)) => String::from_utf8_lossy(&text).into_owned(),
            _ => unread(kind.to_string()),
        },
        _ => unread(kind.to_string()),
    }
}

fn read<T: hdf5::H5Type + ToString>(attribute: &hdf5::Attribute) -> Option<Vec<String>> {
    Some(attribute.read_raw::<T>().ok()?.iter().map(T::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    #[test]
    fn datasets_of_groups_and_attributes_are_named() {
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
        let told = |dataset: &Dataset| format!("{} {} {:?}", dataset.name, dataset.dtype, dataset.shape);
        let told: Vec<String> = datasets.iter().map(told).collect();
        assert_eq!(told, ["curves/deletion float32 [1, 2]", "y uint8 [3]"]);
        assert_eq!(datasets[1].attributes, [Attribute { name: "classes".into(), value: "2".into() }]);
    }
}
