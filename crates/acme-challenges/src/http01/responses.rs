use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use acme_proto::{Identifier, Proof, ProofKind, Token};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use crate::{SolverError, SolverErrorKind};

/// The http-01 proofs that stand: for each token the key authorization to serve.
///
/// Cheap to clone; all clones are one shelf. [`Embedded`](super::Embedded) fills it, your server
/// reads it: with [`respond`](Self::respond), or with [`response_for`](Self::response_for) where the
/// server has request types of its own.
///
/// ```
/// use acme_challenges::http01::{Answer, Embedded};
///
/// let solver = Embedded::new();
/// let responses = solver.responses();
///
/// // In the server's handler:
/// let request = http::Request::get("/index.html").body(()).unwrap();
/// match responses.respond(&request) {
///     Some(response) => drop(response), // send it
///     None => {}                        // not the server's business: serve the site
/// }
/// assert_eq!(responses.response_for("/index.html"), Answer::PassOn);
/// ```
#[derive(Clone, Default)]
pub struct Responses {
    shelf: Arc<RwLock<HashMap<Token, Standing>>>,
}

/// What to answer a request for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// 200 with exactly this body, as `application/octet-stream`.
    Found(String),
    /// 404: the path asks for a token, but not for one that stands.
    NotFound,
    /// 400: the path is a challenge's, but does not end in a token.
    Malformed,
    /// The path is no challenge's; what follows it is the server's affair.
    PassOn,
}

/// A key authorization and the orders that need it, at least one.
struct Standing {
    key_authorization: String,
    orders: Vec<Order>,
}

/// An order, known by its tokens: those of one call, sorted. So an order that is provisioned again
/// is still one order, and a token of several orders (a server may reuse a pending authorization,
/// RFC 8555 §7.4) stands until the last of them is done.
type Order = Arc<[Token]>;

const PREFIX: &str = "/.well-known/acme-challenge/";

impl Responses {
    /// The most tokens that stand at a time.
    pub const CAPACITY: usize = 10_000;

    /// What to answer a request for `path`, which is a path alone: no query, no percent-decoding.
    pub fn response_for(&self, path: &str) -> Answer {
        let Some(token) = path.strip_prefix(PREFIX) else {
            return Answer::PassOn;
        };
        // A token "MUST NOT contain any characters outside the base64url alphabet" (RFC 8555 §8.3):
        // whatever else stands here, `/`, `.` and `%` included, was made up by someone.
        let Ok(token) = Token::parse(token) else {
            return Answer::Malformed;
        };
        match self.read().get(&token) {
            Some(standing) => Answer::Found(standing.key_authorization.clone()),
            None => Answer::NotFound,
        }
    }

    /// The response to `request`, or nothing where its path is no challenge's.
    ///
    /// GET and HEAD are answered, other methods with 405. The host is not looked at: the server may
    /// come by address, or through a proxy.
    pub fn respond<B>(&self, request: &Request<B>) -> Option<Response<String>> {
        let answer = self.response_for(request.uri().path());
        Some(match answer {
            Answer::PassOn => return None,
            _ if !is_read(request.method()) => refusal(StatusCode::METHOD_NOT_ALLOWED),
            Answer::Found(key_authorization) => found(key_authorization),
            Answer::NotFound => refusal(StatusCode::NOT_FOUND),
            Answer::Malformed => refusal(StatusCode::BAD_REQUEST),
        })
    }

    /// Puts the proofs of one order up, all or none.
    pub(super) fn put_up(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        let values = proofs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        let order = order(values.iter().map(|value| value.token));
        let mut shelf = self.write();

        let mut room = Self::CAPACITY.saturating_sub(shelf.len());
        for value in &values {
            let kind = match shelf.get(value.token) {
                Some(standing) if standing.key_authorization == value.key_authorization => continue,
                Some(_) => SolverErrorKind::Conflict,
                None if room == 0 => SolverErrorKind::Full { limit: Self::CAPACITY },
                None => {
                    room -= 1;
                    continue;
                }
            };
            return Err(SolverError::new(value.identifier.clone(), kind));
        }
        for value in values {
            let standing = shelf.entry(value.token.clone()).or_insert_with(|| Standing {
                key_authorization: value.key_authorization.to_owned(),
                orders: Vec::new(),
            });
            if !standing.orders.contains(&order) {
                standing.orders.push(order.clone());
            }
        }
        Ok(())
    }

    /// Takes the proofs of one order down, as far as they stand and no other order needs them.
    pub(super) fn take_down(&self, proofs: &[Proof]) {
        let values: Vec<_> = proofs.iter().filter_map(|proof| value(proof).ok()).collect();
        let order = order(values.iter().map(|value| value.token));
        let mut shelf = self.write();
        for value in values {
            let Some(standing) = shelf.get_mut(value.token) else {
                continue;
            };
            if standing.key_authorization != value.key_authorization {
                continue;
            }
            standing.release(&order);
            if standing.orders.is_empty() {
                shelf.remove(value.token);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    // No operation leaves the map half changed, so a panic elsewhere does not spoil it.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<Token, Standing>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Token, Standing>> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses").field("standing", &self.read().len()).finish_non_exhaustive()
    }
}

impl Standing {
    /// Strikes out `order`; where it is unknown, those that it is a part or a union of, so that an
    /// order taken down piece by piece leaves nothing either.
    fn release(&mut self, order: &Order) {
        let part = |a: &Order, b: &Order| a.iter().all(|token| b.binary_search(token).is_ok());
        if self.orders.contains(order) {
            self.orders.retain(|other| other != order);
        } else {
            self.orders.retain(|other| !part(other, order) && !part(order, other));
        }
    }
}

/// What this solver needs of a proof.
struct Value<'a> {
    identifier: &'a Identifier,
    token: &'a Token,
    key_authorization: &'a str,
}

fn value(proof: &Proof) -> Result<Value<'_>, SolverError> {
    match &proof.kind {
        ProofKind::Http01 { token, key_authorization } => {
            Ok(Value { identifier: &proof.identifier, token, key_authorization })
        }
        _ => Err(SolverError::unsupported(proof)),
    }
}

fn order<'a>(tokens: impl Iterator<Item = &'a Token>) -> Order {
    let mut tokens: Vec<Token> = tokens.cloned().collect();
    tokens.sort();
    tokens.dedup();
    tokens.into()
}

pub(super) fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn found(key_authorization: String) -> Response<String> {
    let mut response = Response::new(key_authorization);
    let binary = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, binary);
    response
}

pub(super) fn refusal(status: StatusCode) -> Response<String> {
    let mut response = Response::new(format!("{status}\n"));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
