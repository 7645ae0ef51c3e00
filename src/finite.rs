//! Numbers in JSON, which has no NaN and no infinity: both are written as null, and null is read as NaN.
//!
//! Use it with `#[serde(with = "crate::finite")]`. `Number` is the named result that all modules exchange.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One named result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Number {
    /// Its name, as in the artifact: `accuracy`.
    pub name: String,
    /// Its value; NaN if undefined.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub value: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(*value).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
