//! RFC 8555 §11: operational and security demands.

use lacme::crypto::{Csr, CsrOptions, certificate_signing_request};
use lacme::{Error, KeyType, PrivateKey, ProblemType};
use serde_json::json;

use crate::ours::{Ours, name};
use crate::world::{World, csr, identifiers};

/// RSA with 1024 bits, for a.example.
const WEAK_CSR: &str = "\
    MIIBZjCB0AIBADAAMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDJeGRyC1RG9SFg5Ehzvw4l-MVR4bM7GIvIPU\
    BwPEu5rRUUaz7yLMdPFeMTrhYNzKsFkU-7uDrncFUvDwm3tKVUSNxv2OSqtlLfJHMYzQOrS3PmQYBeo1Z5tw1q1k5T\
    mkvzodymDwHJpEe50PTITYF1B2eE8eGB7_JgGBSwJa9r-wIDAQABoCcwJQYJKoZIhvcNAQkOMRgwFjAUBgNVHREEDT\
    ALgglhLmV4YW1wbGUwDQYJKoZIhvcNAQELBQADgYEANjAVjOhSrtnDLh5CKz68_Uv_nnwk3pQ_eFX3WdJgQbGGkA4U\
    ac6IkKu8QxrP_hjdl3iuW_vjaGfP5O5sOlrAk86dxc0PBcYMjtH4mlAGN3oxbgJYrldpLm2QOQzJvB69gH1KFpPSPn\
    PoURquyg2M63AB869Iqjmnzbq2sbKolsk";
/// ECDSA on secp256k1, for a.example.
const ODD_CSR: &str = "\
    MIHfMIGGAgEAMAAwVjAQBgcqhkjOPQIBBgUrgQQACgNCAARShQ1kfNBH3oqRPGMFTviUHhvJpJQhtqaam99EsycoGi\
    QBjJGDFfd4kDsXB42OCq249_KCMUQ1ao-xI42bsCwIoCcwJQYJKoZIhvcNAQkOMRgwFjAUBgNVHREEDTALgglhLmV4\
    YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgLxZ50PT4K1uXQmd3g2urIQx6ZEYLBXXo4gSL5fo-mWYCIQD0EdwTEenre0\
    1kLrJxAVlBNh71pj7vpavclvitkrB4dg";

/// §11.1: an account's key is no certificate's key, whoever's account it is.
#[test]
fn a_csr_with_an_accounts_key_is_refused() {
    let mut world = World::new();
    let (client, other) = (world.client(), world.client());
    let (_, ready) = world.ready_order(&client, &["a.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    for key in [&client.key, &other.key] {
        let answer = world.post(&client, finalize, csr(key, &["a.example"]));
        answer.refused(400, ProblemType::BadCsr);
    }
}

/// §11.1, §7.4: a CSR with a weak key, or one that nobody knows, is badCSR.
#[test]
fn a_csr_with_an_unacceptable_key_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (_, ready) = world.ready_order(&client, &["a.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    for weak in [WEAK_CSR, ODD_CSR] {
        let answer = world.post(&client, finalize, json!({ "csr": weak }));
        answer.refused(400, ProblemType::BadCsr);
    }
    for key_type in [KeyType::Rsa2048, KeyType::EcdsaP384, KeyType::Ed25519] {
        let (_, ready) = world.ready_order(&client, &["a.example"]);
        let finalize = ready["finalize"].as_str().unwrap();
        let key = PrivateKey::generate(key_type).unwrap();
        world.post(&client, finalize, csr(&key, &["a.example"])).accepted(200);
    }
}

/// §11.1, our side: the account's key is never put into a CSR, nor is a CSR with it handed in.
#[tokio::test]
async fn our_client_does_not_certify_its_account_key() {
    let ours = Ours::new().await;
    let client = ours.client();
    client.account().create().await.unwrap();
    let account = client.store().account(client.directory(), "default").await.unwrap().unwrap();
    let key = PrivateKey::from_pem(&account.key_pem).unwrap();
    let names = identifiers(&["a.example"]);
    let der = certificate_signing_request(&key, &names, &CsrOptions::default()).unwrap();
    let error = client.issue(names).csr(Csr::from_der(&der).unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::SharedKey), "{error:?}");
    assert!(ours.sent_to("new-order").is_empty());
}

/// §11.3, §10.5: tokens and object URLs cannot be guessed from others.
#[test]
fn object_urls_are_not_counted_up() {
    let mut world = World::new();
    let client = world.client();
    let urls: Vec<_> =
        (0..20).map(|n| world.order(&client, &[&format!("n{n}.example")]).0).collect();
    let ids: Vec<&str> = urls.iter().map(|url| url.rsplit('/').next().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() >= 16));
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    assert!(ids.windows(2).all(|pair| common(pair[0], pair[1]) < 8), "{ids:?}");
}

/// §11.2, §6.1, our side: what a CA says of itself is shown escaped, and no key is ever in an
/// error.
#[tokio::test]
async fn nothing_secret_stands_in_what_our_client_says() {
    let ours = Ours::new().await;
    let client = ours.client();
    client.issue(name("a.example")).await.unwrap();
    let stored = client.store().certificate("a.example").await.unwrap().unwrap();
    let shown = format!("{client:?} {stored:?}");
    let key = stored.key_pem.unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !shown.contains("PRIVATE KEY"));
}
