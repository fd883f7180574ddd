//! A web server for one purpose: the CA comes and looks for tokens (RFC 8555 §8.3).

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acme_proto::{Proof, ProofKind};
use futures_util::StreamExt;
use smol::Timer;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// A CA looks from several places at once; more visitors than this wait for their turn.
const AT_ONCE: usize = 50;
const MAX_HEAD: usize = 8 * 1024;
/// A visitor that sends nothing must not take the place of the CA.
const TIME_FOR_A_VISIT: Duration = Duration::from_secs(5);

/// Tokens on display, with the key authorization that each is answered with.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<String, String>>>);

impl Shelf {
    /// Starts to answer at `address`. The port is taken before the first order is placed: who
    /// learns later that it is busy has wasted a validation.
    pub(crate) async fn open(address: &str) -> Result<Self, String> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot answer http-01 at {address}: {error}"))?;
        let shelf = Self::default();
        let task = shelf.clone().serve(listener);
        smol::spawn(task).detach(); // ends with the process
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

    async fn serve(self, listener: TcpListener) {
        let visits = listener.incoming().for_each_concurrent(AT_ONCE, async |visitor| {
            let Ok(visitor) = visitor else { return };
            let late = async {
                Timer::after(TIME_FOR_A_VISIT).await;
                Err(ErrorKind::TimedOut.into())
            };
            self.answer(visitor).or(late).await.ok(); // one that hung up is not missed
        });
        visits.await;
    }

    async fn answer(&self, mut visitor: TcpStream) -> io::Result<()> {
        let head = read_head(&mut visitor).await?;
        let found = token_in(&head).and_then(|token| self.tokens().get(token).cloned());
        let (status, body) = match found {
            Some(key_authorization) => ("200 OK", key_authorization),
            None => ("404 Not Found", String::new()),
        };
        let length = body.len();
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        visitor.write_all(response.as_bytes()).await
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Request line and headers, up to the empty line.
async fn read_head(visitor: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match visitor.read(&mut piece).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&piece[..length]),
        }
        if head.len() > MAX_HEAD {
            return Err(ErrorKind::InvalidData.into());
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
