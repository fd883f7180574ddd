//! Somebody who wants what is not theirs. The server must refuse every time.

use acme_proto::{HttpRequest, HttpResponse, KeyId, Unsigned, Url};
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::crypto::{decoded, key, sign};
use crate::fault::Fault;
use crate::server::BASE;
use crate::world::World;

impl World {
    /// One forged request, straight at the server.
    pub(crate) fn forge(&mut self) {
        let known = self.overheard.iter().filter(|request| request.method() == http::Method::POST);
        let known: Vec<HttpRequest> = known.cloned().collect();
        if known.is_empty() || !self.server.is_up() || self.is_calm() {
            return;
        }
        let victim = self.dice.pick(&known);
        let (what, request) = match self.dice.between(0..=3) {
            0 => ("replayed", Some(victim)),
            1 => ("altered", self.altered(&victim)),
            2 => ("redirected", self.misdirected(&victim)),
            _ => ("foreign", self.foreign()),
        };
        let Some(request) = request else {
            return;
        };
        self.count(Fault::Forged);
        self.tell(|| format!("    somebody sends a {what} {}", request.uri().path()));
        let answer = self.serve(&request).expect("the server is up");
        let status = answer.status();
        assert!(status.is_client_error(), "{what}: {} {status}", request.uri());
    }

    fn fresh_nonce(&mut self) -> String {
        let mut answer = HttpResponse::new(Vec::new());
        self.server.add_nonce(&mut answer, self.now);
        let nonce = answer.headers().get("replay-nonce").and_then(|nonce| nonce.to_str().ok());
        nonce.unwrap_or_default().to_owned()
    }

    /// A good nonce, and somebody else's signature over another one.
    fn altered(&mut self, victim: &HttpRequest) -> Option<HttpRequest> {
        let mut jws: Value = serde_json::from_slice(victim.body()).ok()?;
        let mut header = decoded(jws["protected"].as_str()?);
        header["nonce"] = self.fresh_nonce().into();
        jws["protected"] = crate::crypto::base64url(header.to_string().as_bytes()).into();
        Some(post(victim.uri().to_string(), &jws))
    }

    /// Rightly signed, for another URL than the one that it is sent to.
    fn misdirected(&mut self, victim: &HttpRequest) -> Option<HttpRequest> {
        let account = self.disks.iter().position(|disk| disk.account.is_some())?;
        let signed_for = Url::parse(format!("{BASE}/new-order")).ok()?;
        let jws = self.signed(account, &signed_for, b"{}")?;
        let url = victim.uri().to_string();
        (url != signed_for.as_str()).then(|| post(url, &jws))
    }

    /// Rightly signed by somebody whose order it is not.
    fn foreign(&mut self) -> Option<HttpRequest> {
        let stranger = self.disks.iter().position(|disk| disk.account.is_some())?;
        let owner = self.disks.len() - 1;
        let shelf = self.disks[owner].wishes.first()?;
        let journal: acme_proto::Issuance =
            serde_json::from_str(shelf.journal.as_deref().filter(|_| owner != stranger)?).ok()?;
        let url = journal.order_url()?.clone();
        let jws = self.signed(stranger, &url, b"")?;
        Some(post(url.to_string(), &jws))
    }

    fn signed(&mut self, client: usize, url: &Url, payload: &[u8]) -> Option<Value> {
        let (nonce, account) = (self.fresh_nonce(), self.disks[client].account.clone()?);
        let jws = Unsigned::new("ES256", KeyId::Kid(account.as_str()), Some(&nonce), url, payload);
        let signature = sign(&key(client as u64), jws.signing_input());
        Some(jws.with_signature(&signature))
    }
}

fn post(url: String, jws: &Value) -> HttpRequest {
    let request = http::Request::post(url).header(CONTENT_TYPE, "application/jose+json");
    request.body(jws.to_string().into_bytes()).expect("a URL that was used before")
}
