//! Proofs in the world: where they stand, and what the server looks for.

use acme_proto::{ChallengeType, Digest as _, Proof, ProofKind};
use lacme_ca::Validation;

use crate::crypto::{Sha256, base64url};

/// What tells a proof from every other.
pub(crate) fn key_of_proof(proof: &Proof) -> String {
    match &proof.kind {
        ProofKind::Http01 { key_authorization, .. } => {
            format!("{} {key_authorization}", proof.identifier)
        }
        ProofKind::Dns01 { name, value } => format!("{name} {value}"),
        ProofKind::TlsAlpn01 { server_name, digest } => {
            format!("{server_name} {}", base64url(digest))
        }
        other => panic!("a proof that nobody asked for: {other:?}"),
    }
}

/// The proof that a validation looks for.
pub(crate) fn key_of_validation(validation: &Validation) -> String {
    let Validation { identifier, key_authorization, .. } = validation;
    let digest = || base64url(&Sha256.sha256(key_authorization.as_bytes()));
    match &validation.challenge {
        ChallengeType::Http01 => format!("{identifier} {key_authorization}"),
        ChallengeType::Dns01 => format!("_acme-challenge.{identifier} {}", digest()),
        ChallengeType::TlsAlpn01 => format!("{identifier} {}", digest()),
        other => panic!("a challenge that is not offered: {other}"),
    }
}
