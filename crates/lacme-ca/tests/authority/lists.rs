//! Certificate revocation lists (RFC 5280 §5).

use std::time::{Duration, SystemTime};

use acme_proto::RevocationReason;
use lacme_ca::{AuthorityError, AuthorityOptions, RevokedCertificate};
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode as _, Encode as _};

use crate::support::{DAY, authority, now, request};

#[test]
fn a_list_names_what_was_revoked_when_and_why() {
    let authority = authority(AuthorityOptions::new());
    let leaf = authority.issue(&request(&["a.example"]), now()).unwrap();
    let revoked: Vec<_> = RevocationReason::ALL
        .into_iter()
        .enumerate()
        .map(|(at, reason)| {
            let mut serial = leaf.serial.clone();
            serial[1] = u8::try_from(at).unwrap();
            RevokedCertificate::new(serial, now() - DAY, reason)
        })
        .collect();
    let list = authority.crl(&revoked, 7, now(), now() + DAY).unwrap();
    assert!(list.pem.starts_with("-----BEGIN X509 CRL-----\n"));

    let read = CertificateList::<Rfc5280>::from_der(&list.der).unwrap();
    assert_eq!(read.to_der().unwrap(), list.der);
    let signed = read.tbs_cert_list;
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(signed.this_update.to_unix_duration().as_secs(), seconds(now()));
    assert_eq!(signed.next_update.unwrap().to_unix_duration().as_secs(), seconds(now() + DAY));
    let entries = signed.revoked_certificates.unwrap();
    assert_eq!(entries.len(), revoked.len());
    for (entry, revoked) in entries.iter().zip(&revoked) {
        assert_eq!(entry.serial_number.as_bytes(), revoked.serial);
        assert_eq!(entry.revocation_date.to_unix_duration().as_secs(), seconds(now() - DAY));
        let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
        let code = extensions.first().map(|reason| *reason.extn_value.as_bytes().last().unwrap());
        let expected =
            (revoked.reason != RevocationReason::Unspecified).then_some(revoked.reason.code());
        assert_eq!(code, expected, "{}", revoked.reason.name());
    }
    let number = signed.crl_extensions.unwrap();
    let number = number.iter().find(|e| e.extn_id.to_string() == "2.5.29.20").unwrap();
    assert_eq!(number.extn_value.as_bytes(), [2, 1, 7]);
}

#[test]
fn an_empty_list_is_a_list_too() {
    let authority = authority(AuthorityOptions::new().intermediates(0));
    let list = authority.crl(&[], 1, now(), now() + DAY).unwrap();
    let read = CertificateList::<Rfc5280>::from_der(&list.der).unwrap();
    assert_eq!(read.tbs_cert_list.revoked_certificates, None);
}

#[test]
fn a_list_that_is_old_when_it_is_new_is_refused() {
    let authority = authority(AuthorityOptions::new());
    for next in [now(), now() - DAY, SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        let refused = authority.crl(&[], 1, now(), next);
        assert!(matches!(refused, Err(AuthorityError::Validity { .. })));
    }
}
