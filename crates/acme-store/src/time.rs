//! RFC 3339 times with `Z` as [`SystemTime`].

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Timestamp::try_from(*time).map_err(S::Error::custom)?)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    let time: Timestamp = text.parse().map_err(|_| D::Error::custom("not an RFC 3339 time"))?;
    Ok(time.into())
}

pub(crate) mod option {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Time(#[serde(with = "super")] SystemTime);

    pub(crate) fn serialize<S>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        serde::Serialize::serialize(&time.map(Time), to)
    }

    pub(crate) fn deserialize<'de, D>(from: D) -> Result<Option<SystemTime>, D::Error>
    where
        D: Deserializer<'de>,
    {
        Ok(Option::<Time>::deserialize(from)?.map(|time| time.0))
    }
}
