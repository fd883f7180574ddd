//! A web server for one purpose: the CA comes and looks for tokens (RFC 8555 §8.3).

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use acme_proto::{Proof, ProofKind};

/// A CA looks from several places at once; more visitors than this wait for their turn.
const WORKERS: usize = 8;
const MAX_HEAD: usize = 8 * 1024;
/// A visitor that sends nothing must not keep a worker from the CA.
const TIME_FOR_HEAD: Duration = Duration::from_secs(5);

/// Tokens on display, with the key authorization that each is answered with.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<String, String>>>);

impl Shelf {
    /// Starts to answer at `address`. The port is taken before the first order is placed: who
    /// learns later that it is busy has wasted a validation.
    pub(crate) fn open(address: &str) -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot answer http-01 at {address}: {error}");
        let listener = TcpListener::bind(address).map_err(failed)?;
        let shelf = Self::default();
        for _ in 0..WORKERS {
            let (listener, shelf) = (listener.try_clone().map_err(failed)?, shelf.clone());
            thread::spawn(move || {
                for visitor in listener.incoming().flatten() {
                    shelf.answer(visitor).ok(); // one that hung up is not missed
                }
            });
        }
        Ok(shelf)
    }

    /// Puts tokens out. They can be seen at once, so there is nothing to wait for.
    pub(crate) fn put(&self, proofs: &[Proof]) -> Result<(), String> {
        for proof in proofs {
            let ProofKind::Http01 { token, key_authorization } = &proof.kind else {
                return Err(format!("{} was not planned", proof.challenge_type()));
            };
            let token = token.to_string();
            self.tokens().insert(token, key_authorization.clone());
        }
        Ok(())
    }

    /// Takes tokens away, whether they are there or not.
    pub(crate) fn remove(&self, proofs: &[Proof]) {
        for proof in proofs {
            if let ProofKind::Http01 { token, .. } = &proof.kind {
                self.tokens().remove(token.as_str());
            }
        }
    }

    fn answer(&self, mut visitor: TcpStream) -> io::Result<()> {
        let head = read_head(&mut visitor)?;
        let found = token_in(&head).and_then(|token| self.tokens().get(token).cloned());
        let (status, body) = match found {
            Some(key_authorization) => ("200 OK", key_authorization),
            None => ("404 Not Found", String::new()),
        };
        let length = body.len();
        write!(
            visitor,
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Request line and headers, up to the empty line.
fn read_head(visitor: &mut TcpStream) -> io::Result<Vec<u8>> {
    let until = Instant::now() + TIME_FOR_HEAD;
    visitor.set_write_timeout(Some(TIME_FOR_HEAD))?;
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        visitor.set_read_timeout(Some(left))?; // refuses zero, which ends a visit that drags on
        match visitor.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&piece[..length]),
        }
        if head.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

/// The token in `GET /.well-known/acme-challenge/<token> HTTP/1.1`.
fn token_in(head: &[u8]) -> Option<&str> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = std::str::from_utf8(line).ok()?;
    let rest = rest.strip_prefix("GET /.well-known/acme-challenge/")?;
    rest.split(' ').next()
}
