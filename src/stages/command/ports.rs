//! What a command reads or writes, by name: a table of mostly one or two entries, of which a pipeline may
//! have tens of thousands. They stand side by side, where a tree would keep room for eleven.

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

impl<'a, T> IntoIterator for &'a Ports<T> {
    type Item = (&'a PortName, &'a T);
    type IntoIter = <&'a LiteMap<PortName, T> as IntoIterator>::IntoIter;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

// Not the map's own, which is a list where it is empty.
impl<T: Serialize> Serialize for Ports<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

// Not the map's own, which takes a list of pairs as well.
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
        for (name, value) in self {
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
    fn ports_are_a_table_and_nothing_else_even_where_there_are_none() {
        let read = |text: &str| serde_json::from_str::<Ports<u8>>(text);
        for text in ["{}", r#"{"a":1,"b.csv":2}"#] {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
        assert_eq!(read(r#"{"b":2,"a":1}"#).unwrap(), read(r#"{"a":1,"b":2}"#).unwrap());
        assert!(read(r#"[["a", 1]]"#).is_err() && read(r#"{".a":1}"#).is_err());
    }
}
