use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::core::AcmeServer;
use super::id::Id;
use super::problem::Refusal;

/// Bounds of what clients may ask for. Everything from outside is bounded by one of them.
#[derive(Clone, Debug)]
pub struct Limits {
    pub(super) body: usize,
    pub(super) depth: usize,
    pub(super) identifiers: usize,
    pub(super) contacts: usize,
    pub(super) accounts: usize,
    pub(super) orders: usize,
    pub(super) authorizations: usize,
    pub(super) new_accounts: Option<(usize, Duration)>,
    pub(super) new_orders: Option<(usize, Duration)>,
    pub(super) nonces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            depth: 16,
            identifiers: 100,
            contacts: 10,
            accounts: 100_000,
            orders: 1_000_000,
            authorizations: 4_000_000,
            new_accounts: None,
            new_orders: None,
            nonces: 65_536,
        }
    }
}

impl Limits {
    /// Bytes of a request's body; larger ones are answered 413. Default 64 KiB.
    #[must_use]
    pub fn body(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// How deep arrays and objects of a request may nest. Default 16; ACME needs 5.
    #[must_use]
    pub fn depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    /// Identifiers of an order. Default 100, as at the public CAs.
    #[must_use]
    pub fn identifiers(mut self, most: usize) -> Self {
        self.identifiers = most;
        self
    }

    /// Contacts of an account. Default 10.
    #[must_use]
    pub fn contacts(mut self, most: usize) -> Self {
        self.contacts = most;
        self
    }

    /// Accounts in all; more are refused with `rateLimited`. Default 100,000.
    #[must_use]
    pub fn accounts(mut self, most: usize) -> Self {
        self.accounts = most;
        self
    }

    /// Orders that are remembered in all; while there are so many, new ones are refused with
    /// `rateLimited`. Default 1,000,000, some 4 GiB.
    #[must_use]
    pub fn orders(mut self, most: usize) -> Self {
        self.orders = most;
        self
    }

    /// Authorizations that are remembered in all, in the same way. Default 4,000,000.
    #[must_use]
    pub fn authorizations(mut self, most: usize) -> Self {
        self.authorizations = most;
        self
    }

    /// New accounts, from all clients together, in a span of time. Default unlimited.
    #[must_use]
    pub fn new_accounts(mut self, most: usize, within: Duration) -> Self {
        self.new_accounts = Some((most, within));
        self
    }

    /// New orders of one account in a span of time; orders that replace a certificate (RFC 9773)
    /// do not count against it. Default unlimited.
    #[must_use]
    pub fn new_orders(mut self, most: usize, within: Duration) -> Self {
        self.new_orders = Some((most, within));
        self
    }

    /// Nonces that are outstanding at a time; the oldest give way. Default 65,536, some 5 MiB.
    #[must_use]
    pub fn nonces(mut self, most: usize) -> Self {
        self.nonces = most;
        self
    }

    /// How long an order has to be remembered for the sake of these limits.
    pub(super) fn order_window(&self) -> SignedDuration {
        self.new_orders.map_or(SignedDuration::ZERO, |(_, window)| signed(window))
    }
}

impl AcmeServer {
    /// Whether there may be one more account now.
    pub(super) fn admit_account(&self, now: Timestamp) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        if self.state.accounts().len() >= limits.accounts {
            let detail = "this server has as many accounts as it can hold";
            return Err(Refusal::rate_limited(detail, SignedDuration::from_hours(24)));
        }
        let Some((most, window)) = limits.new_accounts else {
            return Ok(());
        };
        let newest_first = self.state.account_births();
        check_window(newest_first, most, signed(window), now, "accounts")
    }

    /// Whether there is room for one more order or authorization.
    pub(super) fn check_room(&self) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let orders = self.state.orders().len() >= limits.orders;
        if orders || self.state.authorizations().len() >= limits.authorizations {
            let detail = "this server has as many orders as it can hold";
            return Err(Refusal::rate_limited(detail, SignedDuration::from_mins(10)));
        }
        Ok(())
    }

    /// Whether an account may place one more order now.
    pub(super) fn admit_order(&self, account: Id, now: Timestamp) -> Result<(), Refusal> {
        let Some((most, window)) = self.config.limits.new_orders else {
            return Ok(());
        };
        let newest_first = self.state.order_births(account);
        check_window(newest_first, most, signed(window), now, "orders of this account")
    }
}

/// A sliding window: refuses until the oldest of the last `most` births has left it.
fn check_window(
    mut newest_first: impl Iterator<Item = Timestamp>,
    most: usize,
    window: SignedDuration,
    now: Timestamp,
    what: &str,
) -> Result<(), Refusal> {
    let blocking = match most.checked_sub(1) {
        Some(before) => newest_first.nth(before),
        None => Some(now),
    };
    let Some(oldest) = blocking else {
        return Ok(());
    };
    // The clock may have gone back, and the window may be for ever.
    let wait = window.saturating_sub(now.duration_since(oldest));
    if wait <= SignedDuration::ZERO {
        return Ok(());
    }
    let seconds = window.as_secs();
    let detail = format!("too many new {what}: {most} within {seconds} seconds is the limit");
    Err(Refusal::rate_limited(detail, wait))
}

/// A duration of the public interface; absurd ones count as the longest.
pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn wait(births: &[i64], most: usize, now: i64) -> Option<String> {
        let newest_first = births.iter().rev().map(|second| at(*second));
        let window = SignedDuration::from_secs(60);
        let refusal = check_window(newest_first, most, window, at(now), "things").err()?;
        let (_, _, headers) = refusal.into_parts();
        Some(headers[0].1.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_window_slides() {
        assert_eq!(wait(&[0, 10], 3, 20), None);
        assert_eq!(wait(&[0, 10, 20], 3, 20).as_deref(), Some("40"));
        assert_eq!(wait(&[0, 10, 20], 3, 59).as_deref(), Some("1"));
        assert_eq!(wait(&[0, 10, 20], 3, 60), None);
        assert_eq!(wait(&[], 0, 0).as_deref(), Some("60"));
    }
}
