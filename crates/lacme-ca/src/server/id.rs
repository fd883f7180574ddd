use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of an account, order, authorization or certificate: 80 random bits, which nobody
/// guesses, in lower-case hexadecimal, which every file system and every URL can hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id([u8; Id::BYTES]);

impl Id {
    pub(super) const BYTES: usize = 10;
    pub(super) const MIN: Self = Self([0; Self::BYTES]);
    pub(super) const MAX: Self = Self([u8::MAX; Self::BYTES]);

    pub(super) fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Id {
    type Err = ();

    /// Reads exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; Self::BYTES];
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 2 * Self::BYTES || !text.bytes().all(hex) {
            return Err(());
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(drop)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let invalid = |()| serde::de::Error::custom("not an identifier of 20 hexadecimal digits");
        text.parse().map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_text_and_from_no_other() {
        let id = Id::new([0, 1, 2, 3, 4, 5, 6, 7, 254, 255]);
        assert_eq!(id.to_string(), "0001020304050607feff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0001020304050607FEFF", "0001020304050607feff0", "000102030405060é7fe"] {
            assert_eq!(bad.parse::<Id>(), Err(()), "{bad}");
        }
    }
}
