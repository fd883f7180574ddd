//! The one JWS shape of ACME: flattened JSON, everything protected (RFC 8555 §6.2).

use acme_proto::{Algorithm, Jwk, ProblemType};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Map, Value};

use super::json;
use super::problem::Refusal;

/// A JWS taken apart; nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct Jws {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// What is signed: the two base64url texts as they came.
    pub(super) signing_input: String,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: String,
    pub(super) url: String,
    pub(super) nonce: Option<String>,
    pub(super) key: KeyHeader,
}

/// Exactly one of the two stands in a protected header (§6.2).
#[derive(Debug)]
pub(super) enum KeyHeader {
    Jwk(Map<String, Value>),
    Kid(String),
}

/// What the payload holds.
#[derive(Debug)]
pub(super) enum Payload {
    /// Nothing: a POST-as-GET (§6.3).
    Empty,
    Object(Map<String, Value>),
}

impl Jws {
    pub(super) fn parse(body: &[u8], depth: usize) -> Result<Self, Refusal> {
        let jws = json::parse(body, depth)
            .map_err(|e| Refusal::malformed(format!("the request body is no JWS: {e}")))?;
        Self::from_value(&jws, depth)
    }

    /// Reads a JWS that stands inside another's payload.
    pub(super) fn from_value(jws: &Value, depth: usize) -> Result<Self, Refusal> {
        let jws = jws.as_object();
        let jws = jws.ok_or_else(|| malformed("the JWS is no JSON object"))?;
        // §6.2: "The JWS Unprotected Header [RFC7515] MUST NOT be used"; one signature only.
        for forbidden in ["header", "signatures"] {
            if jws.contains_key(forbidden) {
                return Err(malformed(format!(
                    "the JWS has the member {forbidden:?}: a flattened JWS with a protected \
                     header alone is expected"
                )));
            }
        }
        let text = |name: &str| {
            let text = jws.get(name).and_then(Value::as_str);
            text.ok_or_else(|| malformed(format!("the JWS has no text {name:?}")))
        };
        let (protected, payload) = (text("protected")?, text("payload")?);
        let header = json::parse(&base64url(protected, "protected")?, depth);
        let header = header.map_err(|e| malformed(format!("the protected header: {e}")))?;
        Ok(Self {
            header: Header::read(header)?,
            payload: base64url(payload, "payload")?,
            signature: base64url(text("signature")?, "signature")?,
            signing_input: format!("{protected}.{payload}"),
        })
    }

    /// The payload as every resource wants it: empty, or an object.
    pub(super) fn payload(&self, depth: usize) -> Result<Payload, Refusal> {
        if self.payload.is_empty() {
            return Ok(Payload::Empty);
        }
        match json::parse(&self.payload, depth) {
            Ok(Value::Object(members)) => Ok(Payload::Object(members)),
            Ok(_) => Err(Refusal::malformed("the payload is no JSON object")),
            Err(error) => Err(Refusal::malformed(format!("the payload: {error}"))),
        }
    }
}

impl Header {
    fn read(header: Value) -> Result<Self, Refusal> {
        let Value::Object(mut header) = header else {
            return Err(malformed("the protected header is no JSON object"));
        };
        // RFC 7515 §4.1.11: an extension that is not understood makes the JWS invalid, and we
        // understand none.
        if header.contains_key("crit") {
            return Err(malformed("the protected header names critical extensions (crit)"));
        }
        let mut text = |name: &str| match header.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(format!("{name:?} in the protected header is no text"))),
        };
        let algorithm = text("alg")?;
        let url = text("url")?;
        let nonce = text("nonce")?;
        let kid = text("kid")?;
        let key = match (header.remove("jwk"), kid) {
            (Some(Value::Object(jwk)), None) => KeyHeader::Jwk(jwk),
            (None, Some(kid)) => KeyHeader::Kid(kid),
            (Some(_), None) => return Err(malformed("jwk in the protected header is no object")),
            (None, None) => return Err(malformed("the protected header names no key: jwk or kid")),
            // §6.2: "The "jwk" and "kid" fields are mutually exclusive. Servers MUST reject
            // requests that contain both."
            (Some(_), Some(_)) => {
                return Err(malformed("the protected header has both jwk and kid"));
            }
        };
        let missing =
            |name: &'static str| move || malformed(format!("the protected header has no {name:?}"));
        Ok(Self {
            algorithm: algorithm.ok_or_else(missing("alg"))?,
            url: url.ok_or_else(missing("url"))?,
            nonce,
            key,
        })
    }

    /// The algorithm, if it is one of these (§6.2).
    pub(super) fn allowed_algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let found = allowed.iter().find(|known| known.as_str() == self.algorithm);
        found.copied().ok_or_else(|| {
            let names = allowed.iter().map(ToString::to_string).collect();
            let alg = acme_proto::printable(&self.algorithm);
            let detail = format!("requests signed with {alg:?} are not accepted");
            Refusal::bad_request(ProblemType::BadSignatureAlgorithm, detail).with_algorithms(names)
        })
    }
}

fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::malformed(detail)
}

/// The key in a header, as far as it can be read.
pub(super) fn read_jwk(members: &Map<String, Value>) -> Result<Jwk, Refusal> {
    serde_json::from_value(Value::Object(members.clone())).map_err(|error| {
        let detail = format!("the key (jwk) cannot be read: {error}");
        Refusal::bad_request(ProblemType::BadPublicKey, acme_proto::printable(&detail))
    })
}

/// §6.1: base64url without padding, and with no other spelling of the same bytes.
pub(super) fn base64url(text: &str, what: &str) -> Result<Vec<u8>, Refusal> {
    Base64UrlUnpadded::decode_vec(text)
        .map_err(|_| Refusal::malformed(format!("{what:?} is no base64url without padding")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use serde_json::json;

    fn encode(text: &str) -> String {
        Base64UrlUnpadded::encode_string(text.as_bytes())
    }

    fn jws(protected: &str) -> Value {
        json!({"protected": encode(protected), "payload": encode("{}"), "signature": "AAAA"})
    }

    fn refused(jws: &Value) -> String {
        let (status, problem, _) = Jws::from_value(jws, 16).unwrap_err().into_parts();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem.kind, ProblemType::Malformed);
        problem.detail.unwrap()
    }

    #[test]
    fn a_flattened_jws_is_taken_apart() {
        let jws = jws(r#"{"alg":"ES256","kid":"k","nonce":"n","url":"u","extra":[1]}"#);
        let jws = Jws::from_value(&jws, 16).unwrap();
        assert_eq!(jws.header.url, "u");
        assert!(matches!(jws.header.key, KeyHeader::Kid(kid) if kid == "k"));
        assert_eq!(jws.payload, b"{}");
    }

    #[test]
    fn headers_that_break_the_rules_are_refused() {
        for (protected, reason) in [
            (r#"{"alg":"ES256","url":"u"}"#, "names no key"),
            (r#"{"alg":"ES256","url":"u","kid":"k","jwk":{}}"#, "both jwk and kid"),
            (r#"{"alg":"ES256","url":"u","jwk":"k"}"#, "jwk in the protected"),
            (r#"{"alg":"ES256","url":"u","kid":"k","crit":["b64"]}"#, "crit"),
            (r#"{"alg":"ES256","kid":"k"}"#, "no \"url\""),
            (r#"{"url":"u","kid":"k"}"#, "no \"alg\""),
            (r#"{"alg":7,"url":"u","kid":"k"}"#, "is no text"),
            (r#"{"alg":"ES256","url":"u","kid":"k","kid":"l"}"#, "stands twice"),
            ("[]", "no JSON object"),
        ] {
            let detail = refused(&jws(protected));
            assert!(detail.contains(reason), "{protected}: {detail}");
        }
    }

    #[test]
    fn other_serializations_and_encodings_are_refused() {
        let good = jws(r#"{"alg":"ES256","kid":"k","url":"u"}"#);
        for (member, value, reason) in [
            ("header", json!({}), "\"header\""),
            ("signatures", json!([]), "\"signatures\""),
            ("payload", json!("e30="), "base64url"),
            ("payload", json!("e31"), "base64url"), // the last bits are not zero
            ("signature", json!(null), "no text"),
            ("protected", json!("{}"), "base64url"),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            let detail = refused(&bad);
            assert!(detail.contains(reason), "{member}: {detail}");
        }
        let detail = refused(&json!("a.b.c"));
        assert!(detail.contains("no JSON object"));
    }
}
