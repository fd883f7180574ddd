use std::collections::{HashMap, VecDeque};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use jiff::{SignedDuration, Timestamp};

/// Nonces that were handed out and not used yet (RFC 8555 §6.5).
///
/// Bounded in number and age: the oldest give way, and whoever comes back with one of them is told
/// `badNonce` and given another. They are not written down, so a restart forgets them all.
#[derive(Debug)]
pub(super) struct Nonces {
    outstanding: HashMap<Nonce, Timestamp>,
    /// By age; used ones stay until they are the oldest.
    by_age: VecDeque<Nonce>,
    capacity: usize,
    lifetime: SignedDuration,
}

type Nonce = [u8; 16];

impl Nonces {
    pub(super) fn new(capacity: usize, lifetime: SignedDuration) -> Self {
        Self {
            outstanding: HashMap::new(),
            by_age: VecDeque::new(),
            capacity: capacity.max(1),
            lifetime,
        }
    }

    /// Hands out a nonce made of these random bytes.
    pub(super) fn issue(&mut self, random: Nonce, now: Timestamp) -> String {
        while self.by_age.len() >= self.capacity {
            if let Some(oldest) = self.by_age.pop_front() {
                self.outstanding.remove(&oldest);
            }
        }
        self.outstanding.insert(random, now);
        self.by_age.push_back(random);
        Base64UrlUnpadded::encode_string(&random)
    }

    /// Takes a nonce back, once; `false` for one that was never issued, was used, or is too old.
    pub(super) fn redeem(&mut self, text: &str, now: Timestamp) -> bool {
        let mut nonce = Nonce::default();
        let known = Base64UrlUnpadded::decode(text, &mut nonce)
            .is_ok_and(|bytes| bytes.len() == nonce_length());
        let issued = known.then(|| self.outstanding.remove(&nonce)).flatten();
        issued.is_some_and(|issued| now.duration_since(issued) <= self.lifetime)
    }
}

const fn nonce_length() -> usize {
    size_of::<Nonce>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn nonces() -> Nonces {
        Nonces::new(3, SignedDuration::from_secs(60))
    }

    #[test]
    fn a_nonce_is_good_once() {
        let mut nonces = nonces();
        let nonce = nonces.issue([7; 16], at(0));
        assert!(nonces.redeem(&nonce, at(1)));
        assert!(!nonces.redeem(&nonce, at(1)));
        for foreign in ["", "AAAA", "====", "AAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(1000)] {
            assert!(!nonces.redeem(foreign, at(1)), "{foreign}");
        }
    }

    #[test]
    fn an_old_nonce_has_expired() {
        let mut nonces = nonces();
        let nonce = nonces.issue([7; 16], at(0));
        assert!(!nonces.redeem(&nonce, at(61)));
    }

    #[test]
    fn the_oldest_gives_way_and_memory_stays_bounded() {
        let mut nonces = nonces();
        let all: Vec<_> = (0..100).map(|n| nonces.issue([n; 16], at(0))).collect();
        assert_eq!((nonces.outstanding.len(), nonces.by_age.len()), (3, 3));
        assert!(!nonces.redeem(&all[96], at(0)));
        assert!(nonces.redeem(&all[97], at(0)));
    }
}
