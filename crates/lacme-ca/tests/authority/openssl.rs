//! OpenSSL's opinion, where it is installed.

use std::process::Command;

use acme_proto::RevocationReason;
use lacme_ca::{AuthorityOptions, RevokedCertificate};

use crate::support::{DAY, authority, now, request};

#[test]
fn openssl_verifies_chains_and_heeds_lists() {
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let authority = authority(AuthorityOptions::new().intermediates(2));
    let good = authority.issue(&request(&["good.example"]), now()).unwrap();
    let bad = authority.issue(&request(&["bad.example"]), now()).unwrap();
    let revoked =
        RevokedCertificate::new(bad.serial.clone(), now(), RevocationReason::KeyCompromise);
    let list = authority.crl(&[revoked], 1, now(), now() + DAY).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("root.pem", &authority.root_pem());
    write("good.pem", &good.chain_pem);
    write("bad.pem", &bad.chain_pem);
    write("crl.pem", &list.pem);
    let verify = |chain: &str, more: &[&str]| {
        let time = now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 60;
        let output = Command::new("openssl")
            .current_dir(folder.path())
            .args(["verify", "-x509_strict", "-attime", &time.to_string()])
            .args(["-CAfile", "root.pem", "-untrusted", chain, "-purpose", "sslserver"])
            .args(more)
            .arg(chain)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or(text)
    };
    assert_eq!(verify("good.pem", &["-verify_hostname", "good.example"]), Ok(()));
    assert!(verify("good.pem", &["-verify_hostname", "bad.example"]).is_err());
    assert_eq!(verify("good.pem", &["-crl_check", "-CRLfile", "crl.pem"]), Ok(()));
    assert_eq!(verify("bad.pem", &[]), Ok(()));
    let refused = verify("bad.pem", &["-crl_check", "-CRLfile", "crl.pem"]).unwrap_err();
    assert!(refused.contains("certificate revoked"), "{refused}");
}
