//! Every shape of JWS that a client of ACME sends, read and verified by josekit: the header has
//! exactly the members of RFC 8555 §6.2, the payload is what was meant.

use acme_crypto::{HmacKey, PrivateKey};
use acme_josekit::josekit::jws::{HS256, HS384, HS512};
use acme_josekit::{from_acme_jwk, from_private_key, josekit::jwk::Jwk};
use acme_proto::{
    Algorithm, Call, GetOrder, KeyChangeDraft, MacAlgorithm, NewAccount, Request, RevocationReason,
    RevokeCertificate, Signer, UpdateAccount, external_account_binding,
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};

use crate::support::{
    MACS, NONCE, Read, account, adapted, directory, key, public_jwk_of, sent, signers,
};

fn call(request: &impl Request) -> Call {
    request.call(&directory()).unwrap()
}

/// Signs the call by its key (`kid: None`) or its account, has josekit verify it, and checks the
/// header. The payload is left to the caller.
async fn read(call: Call, signer: &dyn Signer, by_account: bool) -> Read {
    let account = account();
    let url = call.url.clone();
    let jws = sent(call, signer, by_account.then_some(&account)).await;
    let alg = signer.algorithm().as_str();
    let read = Read::verified(&jws, alg, &from_acme_jwk(signer.jwk())).unwrap();
    let header = match by_account {
        true => json!({ "alg": alg, "kid": account, "nonce": NONCE, "url": url }),
        false => json!({ "alg": alg, "jwk": signer.jwk(), "nonce": NONCE, "url": url }),
    };
    assert_eq!(read.header, header);
    read
}

#[tokio::test]
async fn a_new_account_shows_its_key() {
    let mut request = NewAccount::default();
    request.contact = vec!["mailto:admin@example.com".to_owned()];
    request.terms_of_service_agreed = true;
    for signer in signers() {
        let read = read(call(&request), &*signer, false).await;
        let payload = json!({
            "contact": ["mailto:admin@example.com"],
            "termsOfServiceAgreed": true,
        });
        assert_eq!(read.json(), payload);
        assert_eq!(read.header["url"], "https://ca.example/account");
    }
}

#[tokio::test]
async fn a_request_of_an_account_names_it() {
    for signer in signers() {
        let request = UpdateAccount::contact(account(), Vec::new());
        let read = read(call(&request), &*signer, true).await;
        assert_eq!(read.json(), json!({ "contact": [] }));
    }
}

#[tokio::test]
async fn a_post_as_get_is_signed_over_an_empty_payload() {
    for signer in signers() {
        let request = GetOrder { url: account() };
        let read = read(call(&request), &*signer, true).await;
        assert_eq!(read.payload, b"");
    }
}

#[tokio::test]
async fn an_account_is_bound_by_every_mac_algorithm() {
    let secret = [7; 64];
    let mac_key = HmacKey::from_base64url(&Base64UrlUnpadded::encode_string(&secret)).unwrap();
    for signer in signers() {
        for algorithm in MACS {
            let mac = mac_key.clone().with_algorithm(algorithm);
            let mut request = NewAccount::default();
            request.external_account_binding =
                Some(external_account_binding(&directory(), "customer 1", &mac, signer.jwk()));
            let outer = read(call(&request), &*signer, false).await;

            let inner = &outer.json()["externalAccountBinding"];
            let inner = Read::verified(inner, algorithm.as_str(), &oct(algorithm, &secret));
            let inner = inner.unwrap();
            // RFC 8555 §7.3.4: the outer url, the CA's key identifier, and no nonce.
            let header = json!({
                "alg": algorithm.as_str(),
                "kid": "customer 1",
                "url": "https://ca.example/account",
            });
            assert_eq!(inner.header, header);
            assert_eq!(inner.json(), outer.header["jwk"]);
        }
    }
}

#[tokio::test]
async fn a_key_change_is_signed_by_both_keys() {
    for old in signers() {
        for new in signers() {
            let draft = KeyChangeDraft::new(
                &directory(),
                &account(),
                old.jwk(),
                new.jwk(),
                new.algorithm(),
            );
            let draft = draft.unwrap();
            let signature = new.sign(draft.signing_input()).await.unwrap();
            let outer = read(call(&draft.finish(&signature)), &*old, true).await;

            let alg = new.algorithm().as_str();
            let inner = Read::verified(&outer.json(), alg, &from_acme_jwk(new.jwk())).unwrap();
            // RFC 8555 §7.3.5: the new key, the outer url, and no nonce.
            let header = json!({ "alg": alg, "jwk": new.jwk(), "url": outer.header["url"] });
            assert_eq!(inner.header, header);
            assert_eq!(inner.json(), json!({ "account": account(), "oldKey": old.jwk() }));
        }
    }
}

#[tokio::test]
async fn a_certificates_key_and_an_account_revoke() {
    let der = b"\x30\x03\x02\x01\x05".to_vec();
    let reason = Some(RevocationReason::KeyCompromise);
    for signer in signers() {
        let by_key = RevokeCertificate::by_certificate_key(der.clone(), reason);
        // Even where an account is known, its URL stays out.
        let jws = sent(call(&by_key), &*signer, Some(&account())).await;
        let alg = signer.algorithm().as_str();
        let read_by_key = Read::verified(&jws, alg, &from_acme_jwk(signer.jwk())).unwrap();
        assert_eq!(read_by_key.header["jwk"], json!(signer.jwk()));
        assert_eq!(read_by_key.header.get("kid"), None);

        let by_account = RevokeCertificate::by_account(der.clone(), reason);
        let read_by_account = read(call(&by_account), &*signer, true).await;
        let payload = json!({ "certificate": "MAMCAQU", "reason": 1 });
        assert_eq!(read_by_key.json(), payload);
        assert_eq!(read_by_account.json(), payload);
    }
}

#[tokio::test]
async fn the_shown_key_is_the_one_that_josekit_reads_from_the_private_key() {
    for algorithm in crate::support::ALGORITHMS {
        let key = key(algorithm);
        let jws = sent(call(&NewAccount::default()), &key, None).await;
        let public = public_jwk_of(&key);
        let read = Read::verified(&jws, key.algorithm().as_str(), &public).unwrap();
        for member in ["crv", "x", "y", "n", "e"] {
            assert_eq!(read.header["jwk"].get(member), public.parameter(member));
        }
    }
}

/// Proves that the tests above can fail.
#[tokio::test]
async fn josekit_refuses_whatever_was_changed_on_the_way() {
    let request = UpdateAccount::agree_to_terms(account());
    for signer in signers() {
        let alg = signer.algorithm().as_str();
        let jwk = from_acme_jwk(signer.jwk());
        let jws = sent(call(&request), &*signer, Some(&account())).await;
        assert!(Read::verified(&jws, alg, &jwk).is_ok());

        let mut other_nonce = header(&jws);
        other_nonce["nonce"] = "oFvnlFP1wIhRlYS2jTaXbQ".into();
        let mut signature = Base64UrlUnpadded::decode_vec(jws["signature"].as_str().unwrap());
        signature.as_mut().unwrap()[10] ^= 1;
        let changes: [(&str, Vec<u8>); 3] = [
            ("protected", other_nonce.to_string().into_bytes()),
            ("payload", b"{}".to_vec()),
            ("signature", signature.unwrap()),
        ];
        for (member, value) in changes {
            let mut changed = jws.clone();
            changed[member] = Base64UrlUnpadded::encode_string(&value).into();
            let error = Read::verified(&changed, alg, &jwk).unwrap_err();
            assert!(error.contains("ignature"), "{alg} {member}: {error}");
        }
    }
}

#[tokio::test]
async fn another_key_of_the_same_type_does_not_verify() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let other: PrivateKey = key(algorithm);
        let jws = sent(call(&NewAccount::default()), &adapted(algorithm), None).await;
        let other = from_private_key(&other).unwrap().to_public_key().unwrap();
        assert!(Read::verified(&jws, algorithm.as_str(), &other).is_err());
    }
}

fn header(jws: &Value) -> Value {
    let protected = jws["protected"].as_str().unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(protected).unwrap()).unwrap()
}

fn oct(algorithm: MacAlgorithm, secret: &[u8]) -> Jwk {
    match algorithm {
        MacAlgorithm::Hs384 => HS384.to_jwk(secret),
        MacAlgorithm::Hs512 => HS512.to_jwk(secret),
        _ => HS256.to_jwk(secret),
    }
}
