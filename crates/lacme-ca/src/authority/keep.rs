//! An authority as the parts of a record: certificates for everybody to read, keys, and the options
//! it was made with.

use acme_crypto::{Certificate, CertificateChain, PrivateKey};
use acme_store::{Parts, SecretBytes};

use super::generate::intermediate_name;
use super::issuer::Issuer;
use super::{Alternate, Authority, AuthorityError, AuthorityOptions};

const OPTIONS: &str = "authority.json";
const ROOT: &str = "root.pem";
const ROOT_KEY: &str = "root.key";
/// All intermediates, the issuing one first, as it stands in a chain.
const INTERMEDIATES: &str = "intermediate.pem";
const ALTERNATE_ROOT: &str = "alternate-root.pem";
const CROSS: &str = "cross.pem";

/// Of an intermediate, counted from 1, the one below the root.
fn intermediate_key(number: u8) -> String {
    format!("intermediate-{number}.key")
}

pub(super) fn write(authority: &Authority) -> Result<Parts, AuthorityError> {
    let options = serde_json::to_vec_pretty(&authority.options)
        .map_err(|error| AuthorityError::Build { reason: error.to_string() })?;
    let mut parts = Parts::new();
    let mut put = |name: &str, part: SecretBytes| parts.insert(name.to_owned(), part);
    put(OPTIONS, options.into());
    put(ROOT, authority.root_pem().as_str().into());
    put(ROOT_KEY, authority.root.key.to_pkcs8_pem().as_str().into());
    if !authority.intermediates.is_empty() {
        put(INTERMEDIATES, authority.intermediate_pem().as_str().into());
    }
    for (number, issuer) in (1..).zip(&authority.intermediates) {
        let key = issuer.key.to_pkcs8_pem();
        put(&intermediate_key(number), key.as_str().into());
    }
    if let Some(alternate) = &authority.alternate {
        put(ALTERNATE_ROOT, alternate.root.pem().as_str().into());
        put(CROSS, alternate.cross.pem().as_str().into());
    }
    Ok(parts)
}

pub(super) fn read(parts: &Parts) -> Result<Authority, AuthorityError> {
    let options: AuthorityOptions = serde_json::from_slice(part(parts, OPTIONS)?)
        .map_err(|error| AuthorityError::damaged(format!("{OPTIONS}: {error}")))?;
    options.check().map_err(|error| AuthorityError::damaged(format!("{OPTIONS}: {error}")))?;
    let root = Issuer::new(
        Certificate::from_pem(part(parts, ROOT)?)?,
        &options.name,
        key(parts, ROOT_KEY)?,
    )?;
    let alternate = match options.alternate_root {
        false => None,
        true => Some(Alternate {
            root: Certificate::from_pem(part(parts, ALTERNATE_ROOT)?)?,
            cross: Certificate::from_pem(part(parts, CROSS)?)?,
        }),
    };
    Ok(Authority { intermediates: intermediates(parts, &options)?, root, alternate, options })
}

fn intermediates(parts: &Parts, options: &AuthorityOptions) -> Result<Vec<Issuer>, AuthorityError> {
    if options.intermediates == 0 {
        return Ok(Vec::new());
    }
    let chain = CertificateChain::parse(part(parts, INTERMEDIATES)?)?;
    if chain.certificates().len() != usize::from(options.intermediates) {
        let reason = format!("{INTERMEDIATES} has not as many certificates as {OPTIONS} says");
        return Err(AuthorityError::damaged(reason));
    }
    let from_root = (1..).zip(chain.certificates().iter().rev());
    from_root
        .map(|(number, certificate)| {
            let name = intermediate_name(options, number);
            let key = key(parts, &intermediate_key(number))?;
            Issuer::new(certificate.clone(), &name, key)
        })
        .collect()
}

fn key(parts: &Parts, name: &str) -> Result<PrivateKey, AuthorityError> {
    let pem = std::str::from_utf8(part(parts, name)?);
    let pem = pem.map_err(|_| AuthorityError::damaged(format!("{name} is no text")))?;
    Ok(PrivateKey::from_pem(pem)?)
}

fn part<'a>(parts: &'a Parts, name: &str) -> Result<&'a [u8], AuthorityError> {
    let part = parts.get(name).map(SecretBytes::as_slice);
    part.ok_or_else(|| AuthorityError::damaged(format!("it has no {name}")))
}
