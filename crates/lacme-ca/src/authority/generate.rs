//! Making roots and intermediates.

use std::time::{Duration, SystemTime};

use acme_crypto::{Certificate, PrivateKey};
use rcgen::{BasicConstraints, CertificateParams, IsCa, SerialNumber};

use super::issuer::{Issuer, PublicKey, ca_key_usages, common_name, rcgen_key};
use super::times::Validity;
use super::{Alternate, Authority, AuthorityError, AuthorityOptions};

/// So that a client whose clock is slow trusts a root that is minutes old.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

pub(super) fn generate(
    options: AuthorityOptions,
    now: SystemTime,
) -> Result<Authority, AuthorityError> {
    options.check()?;
    let not_before = now.checked_sub(BACKDATE).unwrap_or(now);
    let root_validity =
        Validity::lasting(not_before, BACKDATE.saturating_add(options.root_lifetime));
    let mut validity =
        Validity::lasting(not_before, BACKDATE.saturating_add(options.intermediate_lifetime));
    validity.not_after = validity.not_after.min(root_validity.not_after);

    let count = options.intermediates;
    let name = options.name.as_str();
    let root = self_signed(&options, name, root_validity, count)?;
    let mut intermediates: Vec<Issuer> = Vec::new();
    for number in 1..=count {
        let issuer = intermediates.last().unwrap_or(&root);
        let name = intermediate_name(&options, number);
        let params = ca_params(&options, &name, validity, count - number)?;
        let key = PrivateKey::generate(options.intermediate_key)?;
        let public = PublicKey::from_der(key.public_key_der())?;
        let certificate = issuer.sign(&params, &public)?;
        intermediates.push(Issuer::new(certificate, &name, key)?);
    }

    let alternate = match options.alternate_root {
        false => None,
        true => {
            let alternate_name = format!("{name} Alternate");
            let other = self_signed(&options, &alternate_name, root_validity, count.max(1))?;
            let (crossed, name, below) = match intermediates.first() {
                Some(first) => (first, intermediate_name(&options, 1), count - 1),
                None => (&root, name.to_owned(), 0),
            };
            let params = ca_params(&options, &name, validity, below)?;
            let public = PublicKey::from_der(crossed.certificate.public_key_der())?;
            let cross = other.sign(&params, &public)?;
            let root = other.certificate;
            Some(Alternate { root, cross })
        }
    };
    Ok(Authority { root, intermediates, alternate, options })
}

/// The common name of an intermediate, counted from 1, the one below the root.
pub(super) fn intermediate_name(options: &AuthorityOptions, number: u8) -> String {
    match options.intermediates {
        1 => format!("{} Intermediate", options.name),
        _ => format!("{} Intermediate {number}", options.name),
    }
}

/// 17 random octets behind a first one that is neither negative nor zero: longer than the 64 random
/// bits that are good practice, shorter than the 20 octets that RFC 5280 §4.1.2.2 allows.
pub(super) fn serial_number() -> Result<SerialNumber, AuthorityError> {
    let mut serial = [0; 18];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| AuthorityError::Build {
        reason: "the system gives no randomness".to_owned(),
    })?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&serial))
}

fn self_signed(
    options: &AuthorityOptions,
    name: &str,
    validity: Validity,
    intermediates: u8,
) -> Result<Issuer, AuthorityError> {
    let key = PrivateKey::generate(options.root_key)?;
    let params = ca_params(options, name, validity, intermediates)?;
    let written = params.self_signed(&rcgen_key(&key)?)?;
    Issuer::new(Certificate::from_der(written.der())?, name, key)
}

/// A CA certificate with at most so many others below it (RFC 5280 §4.2.1.9).
fn ca_params(
    options: &AuthorityOptions,
    name: &str,
    validity: Validity,
    below: u8,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    validity.write(&mut params)?;
    params.serial_number = Some(serial_number()?);
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = ca_key_usages();
    params.name_constraints = options.constraints.extension();
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
