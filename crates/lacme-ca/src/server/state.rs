//! All records, how to find them, which of them changed, and when they may be forgotten.
//!
//! Maps are ordered, so that the same requests bring the same answers in every run.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use acme_crypto::AwsLc;
use acme_proto::{AuthorizationStatus, Identifier, OrderStatus, Thumbprint};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::id::Id;
use super::records::{Account, Authorization, Certificate, Order, Progress};

/// What a document of the server's state is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Collection {
    /// Accounts.
    Accounts,
    /// Authorizations with their challenges.
    Authorizations,
    /// Orders.
    Orders,
    /// Certificates, revoked ones included.
    Certificates,
}

impl Collection {
    /// Every collection. Documents are restored in any sequence.
    pub const ALL: [Self; 4] =
        [Self::Accounts, Self::Authorizations, Self::Orders, Self::Certificates];

    /// Its name: lower-case letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Authorizations => "authorizations",
            Self::Orders => "orders",
            Self::Certificates => "certificates",
        }
    }
}

/// A document that has to be written, or deleted, before an answer leaves that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it is about.
    pub collection: Collection,
    /// Its name within the collection: lower-case letters and digits.
    pub id: String,
    /// Its JSON; `None` if it is to be deleted.
    pub document: Option<Value>,
}

/// Removed at most this many at a time, so that no request waits for all of them.
const FORGET_AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct State {
    accounts: BTreeMap<Id, Account>,
    authorizations: BTreeMap<Id, Authorization>,
    orders: BTreeMap<Id, Order>,
    certificates: BTreeMap<Id, Certificate>,

    account_by_key: HashMap<Thumbprint, Id>,
    account_births: BTreeSet<(Timestamp, Id)>,
    order_births: BTreeSet<(Id, Timestamp, Id)>,
    proven: BTreeMap<(Id, Identifier, bool), Id>,
    certificate_by_digest: HashMap<Vec<u8>, Id>,
    certificate_by_renewal_id: HashMap<String, Id>,
    chains: HashSet<Arc<str>>,

    changed: BTreeSet<(Collection, Id)>,
    /// Whether changes are noted at all.
    is_kept: bool,
    /// When to look whether a record can be forgotten.
    looks: BTreeSet<(Timestamp, Collection, Id)>,
    retention: SignedDuration,
    order_window: SignedDuration,
}

impl State {
    pub(super) fn new(retention: SignedDuration, order_window: SignedDuration) -> Self {
        Self {
            accounts: BTreeMap::new(),
            authorizations: BTreeMap::new(),
            orders: BTreeMap::new(),
            certificates: BTreeMap::new(),
            account_by_key: HashMap::new(),
            account_births: BTreeSet::new(),
            order_births: BTreeSet::new(),
            proven: BTreeMap::new(),
            certificate_by_digest: HashMap::new(),
            certificate_by_renewal_id: HashMap::new(),
            chains: HashSet::new(),
            changed: BTreeSet::new(),
            is_kept: false,
            looks: BTreeSet::new(),
            retention,
            order_window,
        }
    }

    /// From now on changes are noted.
    pub(super) fn keep_changes(&mut self) {
        self.is_kept = true;
    }

    pub(super) fn accounts(&self) -> &BTreeMap<Id, Account> {
        &self.accounts
    }

    pub(super) fn authorizations(&self) -> &BTreeMap<Id, Authorization> {
        &self.authorizations
    }

    pub(super) fn orders(&self) -> &BTreeMap<Id, Order> {
        &self.orders
    }

    pub(super) fn certificates(&self) -> &BTreeMap<Id, Certificate> {
        &self.certificates
    }

    pub(super) fn account_by_key(&self, key: &Thumbprint) -> Option<Id> {
        self.account_by_key.get(key).copied()
    }

    pub(super) fn certificate_by_digest(&self, digest: &[u8]) -> Option<Id> {
        self.certificate_by_digest.get(digest).copied()
    }

    pub(super) fn certificate_by_renewal_id(&self, id: &str) -> Option<Id> {
        self.certificate_by_renewal_id.get(id).copied()
    }

    /// Times at which accounts were created, newest first.
    pub(super) fn account_births(&self) -> impl Iterator<Item = Timestamp> {
        self.account_births.iter().rev().map(|(born, _)| *born)
    }

    /// Times at which an account placed orders that count, newest first.
    pub(super) fn order_births(&self, account: Id) -> impl Iterator<Item = Timestamp> {
        let orders = self.orders_of(account, None).rev();
        orders.filter(|(_, order)| order.replaces.is_none()).map(|(_, order)| order.created)
    }

    /// An account's orders by age, those after `after`.
    pub(super) fn orders_of(
        &self,
        account: Id,
        after: Option<(Timestamp, Id)>,
    ) -> impl DoubleEndedIterator<Item = (Id, &Order)> {
        let (born, id) = after.unwrap_or((Timestamp::MIN, Id::MIN));
        let first = Bound::Excluded((account, born, id));
        let last = Bound::Included((account, Timestamp::MAX, Id::MAX));
        let births = self.order_births.range((first, last));
        births.filter_map(|(_, _, id)| Some((*id, self.orders.get(id)?)))
    }

    /// The account's valid authorization of an identifier, if there is one.
    pub(super) fn proven(
        &self,
        account: Id,
        identifier: &Identifier,
        wildcard: bool,
        now: Timestamp,
    ) -> Option<Id> {
        let id = *self.proven.get(&(account, identifier.clone(), wildcard))?;
        let authorization = self.authorizations.get(&id)?;
        (authorization.status(now) == AuthorizationStatus::Valid).then_some(id)
    }

    pub(super) fn order_status(&self, order: &Order, now: Timestamp) -> OrderStatus {
        let authorizations = order.authorizations.iter().map(|id| self.authorizations.get(id));
        order.status(now, authorizations)
    }

    pub(super) fn insert_account(&mut self, id: Id, account: Account) {
        self.account_by_key.insert(account.key.thumbprint(&AwsLc), id);
        self.account_births.insert((account.created, id));
        self.accounts.insert(id, account);
        self.note(Collection::Accounts, id);
    }

    pub(super) fn insert_authorization(&mut self, id: Id, authorization: Authorization) {
        self.remember_proof(id, &authorization);
        self.look_later(Collection::Authorizations, id, authorization.expires);
        self.authorizations.insert(id, authorization);
        self.note(Collection::Authorizations, id);
    }

    pub(super) fn insert_order(&mut self, id: Id, order: Order) {
        self.order_births.insert((order.account, order.created, id));
        self.look_later(Collection::Orders, id, order.expires);
        self.orders.insert(id, order);
        self.note(Collection::Orders, id);
    }

    pub(super) fn insert_certificate(&mut self, id: Id, mut certificate: Certificate) {
        for chain in &mut certificate.chains {
            match self.chains.get(chain) {
                Some(known) => *chain = Arc::clone(known),
                None => drop(self.chains.insert(Arc::clone(chain))),
            }
        }
        self.certificate_by_digest.insert(certificate.digest.clone(), id);
        if let Some(renewal_id) = &certificate.renewal_id {
            self.certificate_by_renewal_id.insert(renewal_id.to_string(), id);
        }
        self.look_later(Collection::Certificates, id, certificate.not_after);
        self.certificates.insert(id, certificate);
        self.note(Collection::Certificates, id);
    }

    /// Changes an account, but for its key.
    pub(super) fn change_account(&mut self, id: Id, change: impl FnOnce(&mut Account)) {
        self.accounts.get_mut(&id).map(change);
        self.note(Collection::Accounts, id);
    }

    pub(super) fn change_key(&mut self, id: Id, key: acme_proto::Jwk) {
        if let Some(account) = self.accounts.get_mut(&id) {
            self.account_by_key.remove(&account.key.thumbprint(&AwsLc));
            self.account_by_key.insert(key.thumbprint(&AwsLc), id);
            account.key = key;
        }
        self.note(Collection::Accounts, id);
    }

    pub(super) fn change_order(&mut self, id: Id, change: impl FnOnce(&mut Order)) {
        self.orders.get_mut(&id).map(change);
        self.note(Collection::Orders, id);
    }

    pub(super) fn change_certificate(&mut self, id: Id, change: impl FnOnce(&mut Certificate)) {
        self.certificates.get_mut(&id).map(change);
        self.note(Collection::Certificates, id);
    }

    pub(super) fn change_authorization(&mut self, id: Id, change: impl FnOnce(&mut Authorization)) {
        if let Some(mut authorization) = self.authorizations.remove(&id) {
            change(&mut authorization);
            self.insert_authorization(id, authorization);
        }
    }

    /// The documents that changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        let change = |(collection, id)| Change {
            collection,
            id: Id::to_string(&id),
            document: match collection {
                Collection::Accounts => document(self.accounts.get(&id)),
                Collection::Authorizations => document(self.authorizations.get(&id)),
                Collection::Orders => document(self.orders.get(&id)),
                Collection::Certificates => document(self.certificates.get(&id)),
            },
        };
        changed.into_iter().map(change).collect()
    }

    /// Takes a document back in that [`take_changes`](Self::take_changes) gave out.
    pub(super) fn restore(
        &mut self,
        collection: Collection,
        id: Id,
        document: Value,
    ) -> serde_json::Result<()> {
        match collection {
            Collection::Accounts => self.insert_account(id, serde_json::from_value(document)?),
            Collection::Authorizations => {
                self.insert_authorization(id, serde_json::from_value(document)?);
            }
            Collection::Orders => self.insert_order(id, serde_json::from_value(document)?),
            Collection::Certificates => {
                self.insert_certificate(id, serde_json::from_value(document)?);
            }
        }
        self.changed.remove(&(collection, id));
        Ok(())
    }

    /// Forgets what expired long enough ago. Accounts stay.
    pub(super) fn forget(&mut self, now: Timestamp) {
        for _ in 0..FORGET_AT_ONCE {
            let Some(&look @ (at, collection, id)) = self.looks.first() else {
                return;
            };
            if at > now {
                return;
            }
            self.looks.remove(&look);
            match self.forgettable_at(collection, id, now) {
                Some(at) if at > now => drop(self.looks.insert((at, collection, id))),
                Some(_) => self.remove(collection, id),
                None => {}
            }
        }
    }

    /// When a record may be forgotten; it may have changed since that was last asked.
    fn forgettable_at(&self, collection: Collection, id: Id, now: Timestamp) -> Option<Timestamp> {
        let expiry = match collection {
            Collection::Accounts => return None,
            Collection::Authorizations => self.authorizations.get(&id)?.expires,
            Collection::Certificates => self.certificates.get(&id)?.not_after,
            Collection::Orders => {
                let order = self.orders.get(&id)?;
                let counted_until = later(order.created, self.order_window);
                match order.progress {
                    // Its certificate is under way, however long that takes: look again later.
                    Progress::Processing(_) => later(now, SignedDuration::from_hours(1)),
                    _ => order.expires.max(counted_until),
                }
            }
        };
        Some(later(expiry, self.retention))
    }

    fn remove(&mut self, collection: Collection, id: Id) {
        match collection {
            Collection::Accounts => {}
            Collection::Authorizations => {
                if let Some(gone) = self.authorizations.remove(&id) {
                    let key = (gone.account, gone.identifier, gone.wildcard);
                    if self.proven.get(&key) == Some(&id) {
                        self.proven.remove(&key);
                    }
                }
            }
            Collection::Orders => {
                if let Some(gone) = self.orders.remove(&id) {
                    self.order_births.remove(&(gone.account, gone.created, id));
                }
            }
            Collection::Certificates => {
                if let Some(gone) = self.certificates.remove(&id) {
                    self.certificate_by_digest.remove(&gone.digest);
                    if let Some(renewal_id) = gone.renewal_id {
                        self.certificate_by_renewal_id.remove(renewal_id.as_str());
                    }
                    drop(gone.chains);
                    self.chains.retain(|chain| Arc::strong_count(chain) > 1);
                }
            }
        }
        self.note(collection, id);
    }

    fn remember_proof(&mut self, id: Id, authorization: &Authorization) {
        if authorization.status == AuthorizationStatus::Valid {
            let identifier = authorization.identifier.clone();
            let key = (authorization.account, identifier, authorization.wildcard);
            self.proven.insert(key, id);
        }
    }

    fn look_later(&mut self, collection: Collection, id: Id, expiry: Timestamp) {
        self.looks.insert((later(expiry, self.retention), collection, id));
    }

    fn note(&mut self, collection: Collection, id: Id) {
        if self.is_kept {
            self.changed.insert((collection, id));
        }
    }
}

/// A time after another; the end of time where that is too far.
pub(super) fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn document<T: Serialize>(record: Option<&T>) -> Option<Value> {
    record.map(|record| {
        serde_json::to_value(record).expect("records have text keys and no fallible fields")
    })
}
