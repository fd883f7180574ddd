//! tls-alpn-01 (RFC 8737, RFC 8738) against rustls servers.

use std::sync::Arc;

use acme_crypto::{AwsLc, ChallengeCertificate, challenge_certificate};
use acme_proto::{ChallengeType, Digest as _, Identifier, Problem};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{KEY_AUTHORIZATION, judge, local, told, validation};

/// A TLS server with this certificate and these protocols.
pub(crate) fn acceptor(made: &ChallengeCertificate, protocols: &[&[u8]]) -> TlsAcceptor {
    acceptor_with(made.certificate_der.clone(), &made.private_key_der, protocols, None)
}

/// With `only`, it answers no other server name.
fn acceptor_with(
    certificate: Vec<u8>,
    key: &[u8],
    protocols: &[&[u8]],
    only: Option<&'static str>,
) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(key.to_vec());
    let signer = provider.key_provider.load_private_key(key.into()).unwrap();
    let chain = vec![CertificateDer::from(certificate)];
    let certified = Arc::new(rustls::sign::CertifiedKey::new(chain, signer));
    let shows = Shows { certified, only };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Shows one certificate, whatever rustls thinks of it.
#[derive(Debug)]
struct Shows {
    certified: Arc<rustls::sign::CertifiedKey>,
    /// If set, the only server name that is known.
    only: Option<&'static str>,
}

impl rustls::server::ResolvesServerCert for Shows {
    fn resolve(
        &self,
        hello: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let known = self.only.is_none_or(|only| hello.server_name() == Some(only));
        known.then(|| Arc::clone(&self.certified))
    }
}

/// Serves handshakes at the port that it returns.
async fn serve(acceptor: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(acceptor.accept(stream));
        }
    });
    port
}

fn made_for(name: &str, key_authorization: &str) -> ChallengeCertificate {
    let digest = AwsLc.sha256(key_authorization.as_bytes());
    challenge_certificate(&Identifier::parse(name).unwrap(), &digest).unwrap()
}

const ACME: &[&[u8]] = &[b"acme-tls/1"];

async fn judge_server(acceptor: TlsAcceptor, name: &str) -> Result<(), Problem> {
    let port = serve(acceptor).await;
    judge(local().tls_port(port), &validation(ChallengeType::TlsAlpn01, name)).await
}

#[tokio::test]
async fn the_challenge_certificate_is_a_proof() {
    let made = made_for("a.example", KEY_AUTHORIZATION);
    assert_eq!(judge_server(acceptor(&made, ACME), "a.example").await, Ok(()));
}

#[tokio::test]
async fn an_address_is_asked_for_by_its_reverse_name() {
    let made = made_for("127.0.0.1", KEY_AUTHORIZATION);
    let answering =
        |only| acceptor_with(made.certificate_der.clone(), &made.private_key_der, ACME, Some(only));
    let verdict = judge_server(answering("1.0.0.127.in-addr.arpa"), "127.0.0.1").await;
    assert_eq!(verdict, Ok(()));
    let verdict = judge_server(answering("127.0.0.1"), "127.0.0.1").await;
    assert_eq!(told(verdict).0, "tls");
}

#[tokio::test]
async fn a_certificate_for_something_else_is_no_proof() {
    for (name, key_authorization, reason) in [
        ("a.example", "token.another", "another key authorization"),
        ("b.example", KEY_AUTHORIZATION, "another name"),
        ("127.0.0.1", KEY_AUTHORIZATION, "another name"),
    ] {
        let made = made_for(name, key_authorization);
        let (kind, detail) = told(judge_server(acceptor(&made, ACME), "a.example").await);
        assert_eq!(kind, "incorrectResponse");
        assert!(detail.contains(reason) && detail.contains("a.example"), "{detail}");
    }
}

#[tokio::test]
async fn without_the_protocol_there_is_no_proof() {
    let made = made_for("a.example", KEY_AUTHORIZATION);
    // One does not know of ALPN, the other refuses.
    for protocols in [&[][..], &[&b"h2"[..], b"http/1.1"]] {
        let verdict = judge_server(acceptor(&made, protocols), "a.example").await;
        let (kind, detail) = told(verdict);
        assert_eq!(kind, "tls", "{detail}");
    }
}

/// The proof for a.example, changed, signed by itself or by another.
fn changed(change: impl FnOnce(&mut CertificateParams), by_another: bool) -> TlsAcceptor {
    let digest = AwsLc.sha256(KEY_AUTHORIZATION.as_bytes());
    let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "same");
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = match by_another {
        false => params.self_signed(&key).unwrap(),
        true => {
            let other = Issuer::new(params.clone(), KeyPair::generate().unwrap());
            params.signed_by(&key, &other).unwrap()
        }
    };
    acceptor_with(certificate.der().to_vec(), key.serialized_der(), ACME, None)
}

#[tokio::test]
async fn every_part_of_the_certificate_is_looked_at() {
    assert_eq!(judge_server(changed(|_| {}, false), "a.example").await, Ok(()));
    let reason = async |server| told(judge_server(server, "a.example").await).1;
    let by_another = reason(changed(|_| {}, true)).await;
    assert!(by_another.contains("not self-signed"), "{by_another}");

    let two_names = changed(
        |params| {
            params
                .subject_alt_names
                .push("b.example".try_into().map(rcgen::SanType::DnsName).unwrap())
        },
        false,
    );
    let two_names = reason(two_names).await;
    assert!(two_names.contains("exactly one"), "{two_names}");

    let also_a_uri = changed(
        |params| params.subject_alt_names.push("x:y".try_into().map(rcgen::SanType::URI).unwrap()),
        false,
    );
    assert!(reason(also_a_uri).await.contains("exactly one"));

    let no_names = changed(|params| params.subject_alt_names.clear(), false);
    assert!(reason(no_names).await.contains("no subjectAltName"));

    let no_digest = changed(|params| params.custom_extensions.clear(), false);
    let no_digest = reason(no_digest).await;
    assert!(no_digest.contains("no acmeIdentifier"), "{no_digest}");

    let uncritical = changed(|params| params.custom_extensions[0].set_criticality(false), false);
    let uncritical = reason(uncritical).await;
    assert!(uncritical.contains("not critical"), "{uncritical}");

    let short = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 31], vec![4, 1, 0]);
    let mut short_digest = short;
    short_digest.set_criticality(true);
    let short = changed(|params| params.custom_extensions = vec![short_digest], false);
    assert!(reason(short).await.contains("another key authorization"));
}

#[tokio::test]
async fn what_speaks_no_tls_is_a_tls_problem() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let asked = validation(ChallengeType::TlsAlpn01, "a.example");
    let (kind, detail) = told(judge(local().tls_port(port), &asked).await);
    assert_eq!(kind, "tls");
    assert!(detail.contains("a.example"), "{detail}");
}

#[tokio::test]
async fn a_server_that_stalls_in_the_handshake_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let validator = local().tls_port(port).timeout(std::time::Duration::from_millis(600));
    let asked = validation(ChallengeType::TlsAlpn01, "a.example");
    let (kind, detail) = told(judge(validator, &asked).await);
    assert_eq!(kind, "tls");
    assert!(detail.contains("in time"), "{detail}");
}
