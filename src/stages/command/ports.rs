//! The inputs or artifacts of a stage by the names that its table gives them, as a sorted list. A pipeline may have tens
//! of thousands of these tables, most with one or two entries; a tree would allocate room for eleven.

use std::{collections::BTreeMap, ops::Deref};

use litemap::LiteMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PortName;
use crate::stages::{Canonical, Lines, Schema, schema};

/// Inputs or artifacts by name, in the order of the names.
#[derive(Debug, Clone, PartialEq)]
pub struct Ports<T>(LiteMap<PortName, T>);

impl<T> Default for Ports<T> {
    fn default() -> Self {
        Self(LiteMap::new())
    }
}

impl<T> Deref for Ports<T> {
    type Target = LiteMap<PortName, T>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

// The map's own implementation writes a list if it is empty.
impl<T: Serialize> Serialize for Ports<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

// The map's own implementation also reads a list of pairs.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ports<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ports = BTreeMap::deserialize(deserializer)?;
        let mut all = LiteMap::with_capacity(ports.len());
        all.extend(ports);
        Ok(Self(all))
    }
}

impl<T: Canonical> Canonical for Ports<T> {
    fn write(&self, path: &str, lines: &mut Lines) {
        for (name, value) in self.iter() {
            value.write(&crate::stages::join(path, name.as_str()), lines);
        }
    }
}

impl<T: Schema> Schema for Ports<T> {
    fn schema() -> serde_json::Value {
        schema::by_name::<T>("^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_a_table_even_if_empty() {
        let read = |text: &str| serde_json::from_str::<Ports<u8>>(text);
        for text in ["{}", r#"{"a":1,"b.csv":2}"#] {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
        assert_eq!(read(r#"{"b":2,"a":1}"#).unwrap(), read(r#"{"a":1,"b":2}"#).unwrap());
        assert!(read(r#"[["a", 1]]"#).is_err() && read(r#"{".a":1}"#).is_err());
    }
}
