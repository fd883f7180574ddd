//! Whom the transport trusts, and what it shows of itself.

use acme_transport::{
    ConfigError, Delivery, HttpsTransport, Proxy, TransportConfig, TransportError, Trust,
};
use base64::Engine;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

use crate::support::*;

#[tokio::test]
async fn a_server_of_the_own_root_is_trusted() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let response = get(trusting(&ca), &server.https_url("/directory")).await.unwrap();
    assert!(text(&response).starts_with("GET "));
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["127.0.0.1"]))).await;
    let url = format!("https://{}/", server.address);
    assert_eq!(get(trusting(&ca), &url).await.unwrap().status(), 200);
}

#[tokio::test]
async fn own_roots_can_be_added_to_public_ones() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    for trust in [Trust::platform(), Trust::webpki_roots(), Trust::only(Ca::new().root_pem())] {
        let config = trusting(&ca).with_trust(trust.and(ca.root_pem()));
        assert_eq!(get(config, &server.https_url("/")).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_the_message_says_what_to_do() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let error = get(trusting(&Ca::new()), &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Certificate { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(!error.is_transient());
    let message = message(&error);
    for part in [&format!("localhost:{}", server.address.port()), "UnknownIssuer", "--ca-bundle"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_rebuilt_private_ca_gets_the_same_advice() {
    let server = Server::https(tls(&Ca::named("Private").server(&["localhost"]))).await;
    let error = get(trusting(&Ca::named("Private")), &server.https_url("/")).await.unwrap_err();
    let message = message(&error);
    assert!(message.contains("BadSignature") && message.contains("--ca-bundle"), "{message}");
}

#[tokio::test]
async fn public_authorities_do_not_vouch_for_a_private_one() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let config = trusting(&ca).with_trust(Trust::webpki_roots());
    let error = get(config, &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Certificate { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_name_and_an_old_certificate_are_told_apart() {
    let ca = Ca::new();
    let elsewhere = Server::https(tls(&ca.server(&["ca.example"]))).await;
    let error = get(trusting(&ca), &elsewhere.https_url("/")).await.unwrap_err();
    let wrong_name = message(&error);
    assert!(wrong_name.contains("ca.example") && wrong_name.contains("host name"), "{wrong_name}");

    let expired = ca.server_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 2, 1);
    });
    let server = Server::https(tls(&expired)).await;
    let error = get(trusting(&ca), &server.https_url("/")).await.unwrap_err();
    let old = message(&error);
    assert!(old.contains("expired") && old.contains("clock"), "{old}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_in_every_key_format() {
    let ca = Ca::new();
    let clients = Ca::new();
    let server = Server::https(tls_with_clients(&ca.server(&["localhost"]), &clients)).await;

    let ec = clients.client(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    let rsa = clients.client(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
    let sec1 = pem("EC PRIVATE KEY", inner_key(&ec.key.serialize_der()));
    let pkcs1 = pem("RSA PRIVATE KEY", inner_key(&rsa.key.serialize_der()));
    let identities = [
        (&ec.pem, ec.key.serialize_pem()),
        (&ec.pem, sec1),
        (&rsa.pem, rsa.key.serialize_pem()),
        (&rsa.pem, pkcs1),
    ];
    for (chain, key) in identities {
        let config = trusting(&ca).with_client_certificate(chain.as_bytes(), key);
        assert_eq!(get(config, &server.https_url("/")).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_missing_or_foreign_client_certificate_is_named_as_the_reason() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    let foreign = Ca::new().client(KeyPair::generate().unwrap());
    let with_foreign =
        trusting(&ca).with_client_certificate(foreign.pem, foreign.key.serialize_pem());
    let mut http1 = tls_with_clients(&leaf, &Ca::new());
    http1.alpn_protocols.clear();
    let http1 = Server::https(http1).await;
    let http2 = Server::https(tls_with_clients(&leaf, &Ca::new())).await;
    for (server, config) in [
        (&http1, trusting(&ca)),
        (&http1, with_foreign.clone()),
        (&http2, trusting(&ca)),
        (&http2, with_foreign),
    ] {
        let error = get(config, &server.https_url("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::ClientCertificate { .. }), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(message(&error).contains("--client-cert"), "{error}");
    }
}

#[test]
fn bad_pem_is_refused_with_what_was_expected() {
    let clients = Ca::new();
    let leaf = clients.client(KeyPair::generate().unwrap());
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let key = leaf.key.serialize_pem();
    let base = || TransportConfig::default().with_trust(Trust::webpki_roots());
    let refuse = |config: TransportConfig| HttpsTransport::new(config).unwrap_err();

    for roots in
        ["", "not PEM", &key, "-----BEGIN CERTIFICATE-----\nAAAA", &pem("CERTIFICATE", &[1])]
    {
        let error = refuse(base().with_trust(Trust::only(roots)));
        assert!(matches!(error, ConfigError::Roots { .. }), "{error:?}");
        assert!(error.to_string().contains("BEGIN CERTIFICATE"), "{error}");
    }
    let broken = pem("CERTIFICATE", &[1]);
    for chain in ["", &key, &broken] {
        let error = refuse(base().with_client_certificate(chain, key.as_bytes()));
        assert!(matches!(error, ConfigError::ClientCertificate { .. }), "{error:?}");
    }
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &[1]);
    for bad in ["", &leaf.pem, &encrypted, &pem("PRIVATE KEY", &[1])] {
        let error = refuse(base().with_client_certificate(leaf.pem.as_bytes(), bad));
        assert!(matches!(error, ConfigError::ClientKey { .. }), "{error:?}");
        assert!(error.to_string().contains("PRIVATE KEY"), "{error}");
    }
    let error = refuse(base().with_client_certificate(leaf.pem.as_bytes(), encrypted));
    assert!(error.to_string().contains("is encrypted"), "{error}");
    let error = refuse(base().with_client_certificate(leaf.pem.as_bytes(), other_key));
    assert_eq!(error, ConfigError::ClientKeyMismatch);
}

#[test]
fn no_secret_shows_in_debug() {
    let leaf = Ca::new().client(KeyPair::generate().unwrap());
    let config = TransportConfig::default()
        .with_trust(Trust::webpki_roots())
        .with_client_certificate(leaf.pem, leaf.key.serialize_pem())
        .with_proxy(Proxy::url("http://ann:hunter2@proxy:1"));
    let transport = HttpsTransport::new(config.clone()).unwrap();
    let shown = format!("{config:?} {transport:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("PRIVATE"), "{shown}");
}

/// What a PKCS#8 key (RFC 5208 §5) wraps: version, algorithm, then the key as an OCTET STRING.
fn inner_key(pkcs8: &[u8]) -> &[u8] {
    /// The content of the first element, and what follows it.
    fn element(der: &[u8]) -> (&[u8], &[u8]) {
        let (start, length) = match der[1] {
            0x81 => (3, usize::from(der[2])),
            0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
            short => (2, usize::from(short)),
        };
        der[start..].split_at(length)
    }
    let (fields, _) = element(pkcs8);
    let (_version, rest) = element(fields);
    let (_algorithm, rest) = element(rest);
    element(rest).0
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}
