//! The certificate of tls-alpn-01 (RFC 8737 §3, RFC 8738 §4).

use acme_crypto::{
    AwsLc, Certificate, ChallengeCertificateError, KeyType, PrivateKey, challenge_certificate,
};
use acme_proto::{Digest as _, Identifier};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_cert::der::asn1::OctetString;
use x509_cert::der::{Decode, Encode};

#[test]
fn it_has_one_name_the_digest_and_its_own_signature() {
    let digest = AwsLc.sha256(b"token.thumbprint");
    for name in ["example.com", "192.0.2.1", "2001:db8::1"] {
        let name = Identifier::parse(name).unwrap();
        let made = challenge_certificate(&name, &digest).unwrap();

        let facts = Certificate::from_der(&made.certificate_der).unwrap();
        assert_eq!(facts.identifiers(), std::slice::from_ref(&name));
        assert_eq!(facts.subject_common_name(), None);
        let key = PrivateKey::from_pkcs8_der(&made.private_key_der).unwrap();
        assert_eq!(key.key_type(), KeyType::EcdsaP256);
        assert_eq!(facts.public_key_der(), key.public_key_der());

        let parsed = x509_cert::Certificate::from_der(&made.certificate_der).unwrap();
        let signed = parsed.tbs_certificate();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key_der());
        let signature = parsed.signature().raw_bytes();
        assert_eq!(public.verify(&signed.to_der().unwrap(), signature), Ok(()));

        // id-pe-acmeIdentifier, RFC 8737 §6.1
        let extensions = signed.extensions().unwrap();
        let found = extensions.iter().find(|e| e.extn_id.to_string() == "1.3.6.1.5.5.7.1.31");
        let extension = found.expect("the acmeIdentifier extension");
        assert!(extension.critical);
        let value = OctetString::from_der(extension.extn_value.as_bytes()).unwrap();
        assert_eq!(value.as_bytes(), digest);
    }
}

#[test]
fn what_tls_alpn_01_cannot_prove_is_refused() {
    let wildcard = Identifier::parse("*.example.com").unwrap();
    let mail = Identifier::Other { kind: "email".into(), value: "a@example.com".into() };
    for name in [wildcard, mail] {
        let refused = challenge_certificate(&name, &[0; 32]).unwrap_err();
        assert_eq!(refused, ChallengeCertificateError::Unprovable(name));
    }
}

#[test]
fn debug_does_not_show_the_key() {
    let name = Identifier::parse("example.com").unwrap();
    let made = challenge_certificate(&name, &[0; 32]).unwrap();
    assert_eq!(format!("{made:?}"), "ChallengeCertificate { .. }");
}
