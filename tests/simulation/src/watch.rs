//! The promises, looked after from outside: nothing here is known to a client or to the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use acme_proto::{HttpRequest, HttpResponse, Identifier, Issued, Proof};
use jiff::Timestamp;
use lacme_ca::{Change, Collection, Validation};
use serde_json::Value;

use crate::crypto::checksum;
use crate::proofs::key_of_proof;
use crate::server::Documents;
use crate::tally::Tally;

/// A client's number and its wish's.
pub(crate) type Wish = (usize, usize);

#[derive(Default)]
pub(crate) struct Watch {
    wishes: BTreeMap<BTreeSet<String>, Wish>,
    /// The orders of each wish, in their sequence.
    orders: BTreeMap<Wish, Vec<String>>,
    /// The orders that stand in a journal.
    journaled: BTreeSet<String>,
    /// The certificate of each wish, by its order.
    certificates: BTreeMap<Wish, String>,
    /// Whose proofs were set up, by their key.
    proofs: BTreeMap<String, Wish>,
    /// Wishes whose proofs may have gone before the server looked.
    disturbed: BTreeSet<Wish>,
    /// Nonces that processes sent.
    nonces: BTreeSet<(usize, u32, String)>,
    /// Signed requests that were accepted.
    accepted: BTreeSet<u64>,
}

impl Watch {
    pub(crate) fn new(clients: &[Vec<Vec<Identifier>>]) -> Self {
        let mut wishes = BTreeMap::new();
        for (client, of_client) in clients.iter().enumerate() {
            for (number, names) in of_client.iter().enumerate() {
                let names = names.iter().map(ToString::to_string).collect();
                wishes.insert(names, (client, number));
            }
        }
        Self { wishes, ..Self::default() }
    }

    /// A client is about to sign with this nonce. What it had in memory in a former life it does
    /// not know any more.
    pub(crate) fn signs(&mut self, client: usize, life: u32, nonce: &str) {
        let is_new = self.nonces.insert((client, life, nonce.to_owned()));
        assert!(is_new, "client {client} sends the nonce {nonce} twice");
    }

    /// A nonce that was used.
    pub(crate) fn some_old_nonce(&self) -> Option<String> {
        self.nonces.first().map(|(.., nonce)| nonce.clone())
    }

    /// The journal of a wish names this order.
    pub(crate) fn journals(&mut self, order: &str) {
        if !self.journaled.contains(order) {
            self.journaled.insert(order.to_owned());
        }
    }

    /// A client is about to order: what it ordered before must be unknown to it or of no use.
    pub(crate) fn orders(&self, wish: Wish, documents: &Documents, now: SystemTime) {
        for id in self.orders.get(&wish).into_iter().flatten() {
            let is_open = self.journaled.contains(id) && !is_over(id, documents, now);
            assert!(!is_open, "wish {wish:?} is ordered again while {id} is open");
        }
    }

    pub(crate) fn provisions(&mut self, wish: Wish, proof: &Proof) {
        self.proofs.insert(key_of_proof(proof), wish);
    }

    /// From here on the server may look for proofs of this wish in vain.
    pub(crate) fn disturbs(&mut self, wish: Wish) {
        self.disturbed.insert(wish);
    }

    pub(crate) fn looked_in_vain(&self, key: &str, validation: &Validation) {
        let wish = self.proofs.get(key);
        let wish = wish.unwrap_or_else(|| panic!("answered without a proof: {validation:?}"));
        assert!(
            self.disturbed.contains(wish),
            "the proof of {} was gone before the server looked",
            validation.identifier
        );
    }

    /// The server answered a request that somebody may have sent before.
    pub(crate) fn answered(&mut self, request: &HttpRequest, answer: &HttpResponse) {
        if request.method() != http::Method::POST {
            return;
        }
        if answer.status().is_success() {
            let sum = checksum(&[request.body(), request.uri().path().as_bytes()]);
            assert!(self.accepted.insert(sum), "accepted twice: {}", request.uri());
        } else if request.uri().path().starts_with("/finalize/") {
            let text = String::from_utf8_lossy(answer.body());
            assert!(!text.contains("the order is pending"), "finalized too early");
        }
    }

    /// The server changed a document.
    pub(crate) fn changed(&mut self, change: &Change, documents: &Documents, tally: &mut Tally) {
        let is_new = !documents.contains_key(&(change.collection, change.id.clone()));
        let Some(document) = change.document.as_ref().filter(|_| is_new) else {
            return;
        };
        match change.collection {
            Collection::Orders => {
                tally.orders += 1;
                let wish = self.wish_of(document);
                self.orders.entry(wish).or_default().push(change.id.clone());
            }
            Collection::Certificates => {
                let wish = self.wish_of(document);
                let former = self.certificates.insert(wish, change.id.clone());
                assert_eq!(former, None, "a second certificate for wish {wish:?}");
            }
            _ => {}
        }
    }

    /// A client is about to store a certificate: the one that was issued, and all of it.
    pub(crate) fn holds(&self, wish: Wish, issued: &Issued, documents: &Documents) {
        let id = self.certificates.get(&wish).expect("nothing was issued");
        assert_eq!(issued.order.as_str().rsplit('/').next(), Some(id.as_str()));
        let document = &documents[&(Collection::Certificates, id.clone())];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let chain = text(&document["leaf"]) + &text(&document["chains"][0]);
        assert_eq!(issued.pem, chain, "wish {wish:?} gets another certificate, or half of it");
    }

    fn wish_of(&self, document: &Value) -> Wish {
        let names = document["identifiers"].as_array().expect("a list of identifiers");
        let text = |name: &Value| name["value"].as_str().unwrap_or_default().to_owned();
        let names: BTreeSet<String> = names.iter().map(text).collect();
        *self.wishes.get(&names).unwrap_or_else(|| panic!("nobody wished for {names:?}"))
    }
}

/// Whether an order can come to nothing any more, as the server's documents tell.
fn is_over(order: &str, documents: &Documents, now: SystemTime) -> bool {
    let document = |collection, id: &str| documents.get(&(collection, id.to_owned()));
    let Some(order) = document(Collection::Orders, order) else {
        return true;
    };
    match &order["progress"] {
        Value::String(progress) if progress == "open" => {
            let authorizations = order["authorizations"].as_array().expect("a list");
            has_expired(order, now)
                || authorizations.iter().any(|id| {
                    let id = id.as_str().unwrap_or_default();
                    document(Collection::Authorizations, id).is_none_or(|authorization| {
                        let status = authorization["status"].as_str();
                        !matches!(status, Some("pending" | "valid"))
                            || has_expired(authorization, now)
                    })
                })
        }
        Value::Object(progress) => progress.contains_key("failed"),
        _ => false,
    }
}

fn has_expired(document: &Value, now: SystemTime) -> bool {
    let expires = document["expires"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    expires.is_some_and(|expires| SystemTime::from(expires) <= now)
}
