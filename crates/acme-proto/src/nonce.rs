//! Anti-replay nonces (RFC 8555 §6.5).

use std::collections::{BTreeSet, VecDeque};

use http::HeaderMap;

use crate::jose::is_base64url;

/// Nonces that a server handed out and nobody used yet, newest first; bounded.
///
/// One pool serves all requests to one CA. A nonce leaves it once and never comes back, even where
/// a server hands the same one out twice.
#[derive(Debug, Default)]
pub struct NoncePool {
    fresh: Vec<String>,
    seen: BTreeSet<String>,
    seen_order: VecDeque<String>,
}

/// Enough for the largest batch that makes sense; older ones would go stale anyway.
const MAX_FRESH: usize = 64;
/// How many nonces are remembered against a server that repeats itself.
const MAX_SEEN: usize = 4096;
/// Longer ones are ignored; real ones have below 100 characters.
const MAX_LENGTH: usize = 512;

impl NoncePool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many nonces wait to be used.
    pub fn len(&self) -> usize {
        self.fresh.len()
    }

    /// Whether the next request has to fetch a nonce first.
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Keeps the nonce of any response, a failed one included (§6.5.1).
    pub fn harvest(&mut self, headers: &HeaderMap) {
        if let Some(nonce) = self.admit(headers) {
            if self.fresh.len() == MAX_FRESH {
                self.fresh.remove(0);
            }
            self.fresh.push(nonce);
        }
    }

    /// The newest nonce, for exactly one request.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.fresh.pop()
    }

    /// The header's value for one request now, if it is base64url (§6.5.1) and was never seen
    /// before.
    pub(crate) fn admit(&mut self, headers: &HeaderMap) -> Option<String> {
        let nonce = headers.get("replay-nonce")?.to_str().ok()?;
        if nonce.len() > MAX_LENGTH || !is_base64url(nonce) {
            return None;
        }
        if !self.seen.insert(nonce.to_owned()) {
            return None;
        }
        self.seen_order.push_back(nonce.to_owned());
        if self.seen_order.len() > MAX_SEEN
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Some(nonce.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(nonce: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("replay-nonce", nonce.parse().unwrap());
        headers
    }

    #[test]
    fn the_newest_nonce_is_used_first_and_only_once() {
        let mut pool = NoncePool::new();
        pool.harvest(&with("one"));
        pool.harvest(&with("two"));
        pool.harvest(&with("two"));
        assert_eq!(pool.take().as_deref(), Some("two"));
        assert_eq!(pool.take().as_deref(), Some("one"));
        assert_eq!(pool.take(), None);
        pool.harvest(&with("one"));
        assert!(pool.is_empty(), "a repeated nonce is refused");
    }

    #[test]
    fn what_is_not_base64url_is_ignored() {
        let mut pool = NoncePool::new();
        for bad in ["", "a b", "a+b", "a=", "\u{fc}", &"a".repeat(513)] {
            pool.harvest(&with(bad));
        }
        assert!(pool.is_empty());
    }

    #[test]
    fn the_pool_is_bounded() {
        let mut pool = NoncePool::new();
        (0..10_000).for_each(|n| pool.harvest(&with(&format!("n{n}"))));
        assert_eq!(pool.len(), MAX_FRESH);
        assert_eq!(pool.take().as_deref(), Some("n9999"));
        assert!(pool.seen.len() <= MAX_SEEN);
    }
}
