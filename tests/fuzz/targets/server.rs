//! The ACME server against clients that ask for whatever they like, in any order: it never panics
//! and never blames itself, every POST gets a nonce, every refusal is a problem document, and what
//! it says is to be written can be read back by its successor.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_proto::{Algorithm, Identifier, Jwk, Problem, Signer as _, Url};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lacme_ca::{
    AcmeServer, Change, IssuedCertificate, Job, Outcome, ServerConfig, SigningRequest, Verify,
};
use lacme_fuzz::{ACCOUNT, is_shown_safely, now};
use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const BASE: &str = "https://ca.example";

#[derive(Arbitrary, Debug)]
enum Turn<'a> {
    /// Anything at all.
    Raw { post: bool, path: &'a str, body: &'a [u8] },
    /// A request that is signed well, but for its flaw.
    Signed { place: Place, key: bool, payload: Payload<'a>, flaw: Option<Flaw> },
    /// The oldest job is done, well or badly.
    Work { well: bool },
    /// Time passes.
    Wait { minutes: u16 },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Place {
    NewAccount,
    NewOrder,
    NewAuthz,
    RevokeCert,
    KeyChange,
    /// A URL that an answer named.
    Told(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Payload<'a> {
    Nothing,
    Empty,
    Account { existing: bool },
    Order { names: u8, replaces: bool, profile: bool },
    Authorization { name: u8 },
    Csr { names: u8 },
    Certificate { reason: u8 },
    Deactivated,
    Bytes(&'a [u8]),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Flaw {
    UsedNonce,
    OtherUrl,
    OtherAlgorithm,
    BothKeys,
    NoKey,
    Critical,
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(turns) = Vec::<Turn<'_>>::arbitrary_take_rest(Unstructured::new(bytes)) {
        let mut world = World::new();
        turns.iter().for_each(|turn| world.take(turn));
        world.restart();
    }
});

struct World {
    server: AcmeServer,
    now: SystemTime,
    nonce: String,
    /// URLs that answers named.
    told: Vec<String>,
    account: String,
    jobs: Vec<Job>,
    written: Vec<Change>,
}

impl World {
    fn new() -> Self {
        let mut server = server();
        server.keep_changes();
        let mut world = Self {
            server,
            now: now(),
            nonce: String::new(),
            told: Vec::new(),
            account: String::new(),
            jobs: Vec::new(),
            written: Vec::new(),
        };
        let account = Payload::Account { existing: false };
        world.take(&Turn::Raw { post: true, path: "/new-nonce", body: b"" });
        world.signed(Place::NewAccount, true, account, None);
        assert!(!world.account.is_empty(), "there is an account to work with");
        world
    }

    fn take(&mut self, turn: &Turn<'_>) {
        match turn {
            Turn::Raw { post, path, body } => {
                let method = if *post { "POST" } else { "GET" };
                self.ask(method, path, body.to_vec());
            }
            Turn::Signed { place, key, payload, flaw } => {
                self.signed(*place, *key, *payload, *flaw);
            }
            Turn::Work { well } => self.work(*well),
            Turn::Wait { minutes } => self.now += Duration::from_secs(60 * u64::from(*minutes)),
        }
    }

    fn signed(&mut self, place: Place, key: bool, payload: Payload<'_>, flaw: Option<Flaw>) {
        let url = match place {
            Place::NewAccount => format!("{BASE}/new-account"),
            Place::NewOrder => format!("{BASE}/new-order"),
            Place::NewAuthz => format!("{BASE}/new-authz"),
            Place::RevokeCert => format!("{BASE}/revoke-cert"),
            Place::KeyChange => format!("{BASE}/key-change"),
            Place::Told(n) => match self.told.len() {
                0 => return,
                count => self.told[usize::from(n) % count].clone(),
            },
        };
        let mut header = json!({
            "alg": ACCOUNT.key.algorithm().as_str(),
            "nonce": self.nonce,
            "url": url,
        });
        if key {
            header["jwk"] = json!(ACCOUNT.key.jwk());
        } else {
            header["kid"] = json!(self.account);
        }
        match flaw {
            None => {}
            Some(Flaw::UsedNonce) => header["nonce"] = json!("used"),
            Some(Flaw::OtherUrl) => header["url"] = json!(BASE),
            Some(Flaw::OtherAlgorithm) => header["alg"] = json!("RS256"),
            Some(Flaw::BothKeys) => header["jwk"] = header["kid"].take(),
            Some(Flaw::NoKey) => header["jwk"] = Value::Null,
            Some(Flaw::Critical) => header["crit"] = json!(["b64"]),
        }
        let jws = json!({
            "protected": URL_SAFE_NO_PAD.encode(header.to_string()),
            "payload": URL_SAFE_NO_PAD.encode(payload.bytes()),
            "signature": URL_SAFE_NO_PAD.encode("signature"),
        });
        let path = url.strip_prefix(BASE).unwrap_or("/").to_owned();
        self.ask("POST", &path, jws.to_string().into_bytes());
    }

    /// One request, whose answer must be one that a client can live with.
    fn ask(&mut self, method: &str, path: &str, body: Vec<u8>) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/jose+json")
            .body(body);
        let Ok(request) = request else { return };
        let Outcome { response, jobs, changes, .. } = self.server.handle(&request, self.now);
        self.jobs.extend(jobs);
        self.written.extend(changes);

        let (status, headers) = (response.status(), response.headers());
        assert!(!status.is_server_error(), "{status} to {path}");
        match headers.get("replay-nonce") {
            Some(nonce) => self.nonce = nonce.to_str().expect("base64url").to_owned(),
            None => assert_ne!(method, "POST", "every answer to a POST has a nonce"),
        }
        if status.is_client_error() {
            let problem: Problem = serde_json::from_slice(response.body()).expect("a problem");
            is_shown_safely(&problem);
        }
        let location = headers.get("location").and_then(|value| value.to_str().ok());
        if let Some(url) = location.filter(|_| path == "/new-account") {
            url.clone_into(&mut self.account);
        }
        self.told.extend(location.map(str::to_owned));
        let document: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        collect_urls(&document, &mut self.told);
    }

    fn work(&mut self, well: bool) {
        if self.jobs.is_empty() {
            return;
        }
        let problem = Problem::default;
        let changes = match self.jobs.remove(0) {
            Job::Validate { challenge, .. } => {
                let result = if well { Ok(()) } else { Err(problem()) };
                self.server.finish_validation(&challenge, result, self.now)
            }
            Job::Issue { order, request } => {
                let pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
                let issued = IssuedCertificate::unchecked(&request, pem, CERTIFICATE, vec![1]);
                let result = if well { Ok(issued) } else { Err(Box::new(problem())) };
                self.server.finish_issuance(order, result, self.now)
            }
            _ => return,
        };
        self.written.extend(changes);
    }

    /// What was written is read by a server that takes this one's place.
    fn restart(self) {
        let mut documents = std::collections::BTreeMap::new();
        for Change { collection, id, document, .. } in self.written {
            documents.insert((collection, id), document);
        }
        let mut successor = server();
        for ((collection, id), document) in documents {
            if let Some(document) = document {
                successor.restore(collection, &id, document).expect("its predecessor wrote it");
            }
        }
        successor.unfinished_jobs();
    }
}

const CERTIFICATE: &[u8] = b"a certificate";

fn server() -> AcmeServer {
    let config = ServerConfig::new(Url::parse(BASE).expect("a URL")).expect("a base URL");
    let config = config.orders_per_page(2).profile("short", lacme_ca::Profile::new("A day"));
    let mut count = 0_u64;
    let random = move |bytes: &mut [u8]| {
        count += 1; // every nonce and every name is another
        let digits = count.to_le_bytes().into_iter().cycle();
        bytes.iter_mut().zip(digits).for_each(|(byte, digit)| *byte = digit);
    };
    AcmeServer::new(config, Arc::new(Trusting), Box::new(random))
}

/// Takes every signature, so that what lies behind is reached.
struct Trusting;

impl Verify for Trusting {
    fn signature(&self, _: &Jwk, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }

    fn signing_request(&self, der: &[u8]) -> Result<SigningRequest, String> {
        let [names] = der else { return Err("no request".to_owned()) };
        let key = Jwk::p256(&[1; 32], &[2; 32]);
        Ok(SigningRequest { identifiers: pick(*names), key, public_key: b"key".to_vec() })
    }
}

impl Payload<'_> {
    fn bytes(self) -> Vec<u8> {
        let json = match self {
            Self::Nothing => return Vec::new(),
            Self::Bytes(bytes) => return bytes.to_vec(),
            Self::Empty => json!({}),
            Self::Account { existing } => json!({
                "contact": ["mailto:a@a.example"],
                "termsOfServiceAgreed": true,
                "onlyReturnExisting": existing,
            }),
            Self::Order { names, replaces, profile } => json!({
                "identifiers": pick(names),
                "replaces": replaces.then_some("aXNzdWVy.AQ"),
                "profile": profile.then_some("short"),
            }),
            Self::Authorization { name } => json!({ "identifier": pick(name).first() }),
            Self::Csr { names } => json!({ "csr": URL_SAFE_NO_PAD.encode([names]) }),
            Self::Certificate { reason } => json!({
                "certificate": URL_SAFE_NO_PAD.encode(CERTIFICATE),
                "reason": reason,
            }),
            Self::Deactivated => json!({ "status": "deactivated" }),
        };
        json.to_string().into_bytes()
    }
}

/// The names whose bits are set.
fn pick(bits: u8) -> Vec<Identifier> {
    let names = ["a.example", "*.a.example", "192.0.2.1", "b.example"];
    let picked = names.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    picked.map(|(_, name)| name.parse().expect("a name")).collect()
}

fn collect_urls(document: &Value, into: &mut Vec<String>) {
    match document {
        Value::String(text) if text.starts_with(BASE) && !into.contains(text) => {
            into.push(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect_urls(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| collect_urls(value, into)),
        _ => {}
    }
}
