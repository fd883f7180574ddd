//! Reading what real servers write: an odd value in a field that one can do without must not cost
//! the whole object.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

/// A list for which `null` is the empty one, as Go servers write it.
pub(crate) fn null_is_empty<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// A value for which everything unreadable counts as absent: `null`, `""` for a URL, another type.
pub(crate) fn odd_is_absent<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = serde_json::Value::deserialize(d)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
