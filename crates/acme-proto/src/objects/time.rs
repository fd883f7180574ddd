//! RFC 3339 times as [`SystemTime`] (RFC 8555 §7.1.3).

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

pub(crate) mod rfc3339 {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, s: S) -> Result<S::Ok, S::Error> {
        let timestamp = Timestamp::try_from(*time).map_err(S::Error::custom)?;
        s.collect_str(&timestamp)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<SystemTime, D::Error> {
        parse(&String::deserialize(d)?)?.ok_or_else(|| D::Error::custom("a time before 1970"))
    }
}

pub(crate) mod rfc3339_option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => rfc3339::serialize(time, s),
            None => s.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        match Option::<String>::deserialize(d)? {
            Some(text) if !text.is_empty() => parse(&text),
            _ => Ok(None),
        }
    }
}

/// `None` for times up to 1970: Go servers write their zero time, of the year 1, where they mean
/// none, and not every platform's [`SystemTime`] can hold it.
fn parse<E: serde::de::Error>(text: &str) -> Result<Option<SystemTime>, E> {
    let timestamp: Timestamp = text.parse().map_err(|_| E::custom("not an RFC 3339 time"))?;
    Ok((timestamp > Timestamp::UNIX_EPOCH).then(|| timestamp.into()))
}
