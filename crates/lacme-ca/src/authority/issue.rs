//! Issuing: from a request to a certificate and its chains.

use std::time::SystemTime;

use acme_crypto::{Certificate, PrivateKey};
use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};
use x509_cert::der::asn1::{Ia5String, ObjectIdentifier};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};

use super::generate::serial_number;
use super::issuer::{PublicKey, common_name, der, subject_alt_names};
use super::leaf::LeafKey;
use super::times::Validity;
use super::{Authority, AuthorityError, IssuedLeaf, LeafRequest, Usage};

impl Authority {
    /// Issues a certificate. That the requester controls the names is the caller's matter.
    ///
    /// # Errors
    /// If the request names nothing, or something that this authority must not certify; if its key
    /// or times cannot be had; or if the authority's own certificate is not valid at `now`.
    pub fn issue(
        &self,
        request: &LeafRequest,
        now: SystemTime,
    ) -> Result<IssuedLeaf, AuthorityError> {
        let (public_key, key_pem) = match &request.key {
            LeafKey::Public(der) => (PublicKey::from_der(der)?, None),
            LeafKey::New(key_type) => {
                let key = PrivateKey::generate(*key_type)?;
                let public = PublicKey::from_der(key.public_key_der())?;
                (public, Some(key.to_pkcs8_pem()))
            }
        };
        let params = self.leaf_params(request, &public_key, now)?;
        let leaf = self.issuer().sign(&params, &public_key)?;
        Ok(IssuedLeaf {
            chain_pem: leaf.pem() + &self.intermediate_pem(),
            alternates: self.alternate_chain(&leaf).into_iter().collect(),
            serial: leaf.serial().to_vec(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            certificate: leaf.der().to_vec(),
            key_pem,
        })
    }

    fn leaf_params(
        &self,
        request: &LeafRequest,
        public_key: &PublicKey,
        now: SystemTime,
    ) -> Result<CertificateParams, AuthorityError> {
        self.check_names(request)?;
        let mut params = CertificateParams::default();
        self.validity(request, now)?.write(&mut params)?;
        params.serial_number = Some(serial_number()?);
        // An empty subject makes the names critical (RFC 5280 §4.2.1.6).
        params.distinguished_name = match &request.common_name {
            Some(name) => common_name(name),
            None => DistinguishedName::new(),
        };
        params.subject_alt_names = subject_alt_names(&request.identifiers)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if public_key.is_rsa() && request.usage != Usage::Client {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = match request.usage {
            Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::ServerAndClient => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
        };
        params.use_authority_key_identifier_extension = true;
        if let Some(url) = &self.options.crl_url {
            let uris = vec![url.as_str().to_owned()];
            params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
        }
        if let Some(url) = &self.options.issuer_url {
            params.custom_extensions.push(issuer_location(url.as_str())?);
        }
        if request.must_staple && self.options.must_staple {
            params.custom_extensions.push(must_staple());
        }
        Ok(params)
    }

    fn check_names(&self, request: &LeafRequest) -> Result<(), AuthorityError> {
        if let Some(name) = &request.common_name {
            let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
            if !printable || name.chars().count() > 64 {
                return Err(AuthorityError::CommonName);
            }
        } else if request.identifiers.is_empty() {
            return Err(AuthorityError::NoNames);
        }
        let mut names = request.identifiers.iter();
        match names.find(|name| !self.options.constraints.allow(name)) {
            Some(name) => Err(AuthorityError::NotPermitted(name.clone())),
            None => Ok(()),
        }
    }

    fn validity(&self, request: &LeafRequest, now: SystemTime) -> Result<Validity, AuthorityError> {
        let issuer = &self.issuer().certificate;
        let not_after = issuer.not_after();
        if now < issuer.not_before() || now > not_after {
            return Err(AuthorityError::Expired { not_after });
        }
        let backdated = now.checked_sub(request.backdate).unwrap_or(now);
        let lasting = Validity::lasting(now, request.lifetime).not_after;
        Ok(Validity {
            not_before: request.not_before.unwrap_or(backdated),
            not_after: request.not_after.unwrap_or(lasting).min(not_after),
        })
    }

    /// The chain that ends below the other root.
    fn alternate_chain(&self, leaf: &Certificate) -> Option<String> {
        let alternate = self.alternate.as_ref()?;
        let below_crossed = self.intermediates.iter().skip(1).rev();
        let mut chain = leaf.pem();
        chain.extend(below_crossed.map(|issuer| issuer.certificate.pem()));
        Some(chain + &alternate.cross.pem())
    }
}

/// id-pe-authorityInfoAccess with id-ad-caIssuers (RFC 5280 §4.2.2.1).
fn issuer_location(url: &str) -> Result<CustomExtension, AuthorityError> {
    const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
    let location = Ia5String::new(url).map_err(|_| AuthorityError::Options {
        reason: "a URL in its certificates has to be plain ASCII",
    })?;
    let access = AuthorityInfoAccessSyntax(vec![AccessDescription {
        access_method: CA_ISSUERS,
        access_location: GeneralName::UniformResourceIdentifier(location),
    }]);
    let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    Ok(CustomExtension::from_oid_content(&oid, der(&access)?))
}

/// id-pe-tlsfeature with a SEQUENCE of one INTEGER, status_request (RFC 7633 §4).
fn must_staple() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5])
}
