use std::time::{Duration, Instant, SystemTime};

use lacme::{
    CertificateChain, CertificateInfo, CertificateMeta, Identifier, KeyType, StoredCertificate,
    printable,
};
use lacme_ca::{Authority, LeafRequest, Usage};

use super::super::stored_certificate;
use super::root_file;
use crate::args::CaIssueArgs;
use crate::connect;
use crate::exit::Failure;
use crate::output::{Report, human, json};
use crate::session::Session;
use crate::settings::{PrivateCa, Settings};

/// The longest common name there is (RFC 5280 appendix A.1, ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

pub(super) async fn run(session: &Session, args: CaIssueArgs) -> Result<Report, Failure> {
    let begun = Instant::now();
    let mut names: Vec<Identifier> = Vec::with_capacity(args.names.len());
    for name in args.names {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let name = names.first().map(Identifier::to_string).unwrap_or_default(); // clap asks for one
    let how = PrivateCa { client: args.client, days: args.days };
    let info = certify(session, &name, &names, how).await?;

    let facts = human::certificate(&info, SystemTime::now());
    let root = root_file(session);
    let root = printable(&root.to_string_lossy());
    Ok(Report {
        document: json::issuance(&info, None, true, 0, begun.elapsed()),
        text: format!("issued {facts}  {:<12} {root}\n", "trusted by"),
        ..Report::default()
    })
}

/// Has the store's CA certify a new key for `names`, and stores both as `name`.
pub(in crate::commands) async fn certify(
    session: &Session,
    name: &str,
    names: &[Identifier],
    how: PrivateCa,
) -> Result<CertificateInfo, Failure> {
    let authority = Authority::open(&session.store).await?;
    let _lease = session.store.lease_certificate(name, session.time_left()).await?;
    let now = SystemTime::now();
    let leaf = authority.issue(&request(names, how), now)?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::internal(format!("the CA made a certificate that cannot be read: {error}"))
    };
    let chain =
        CertificateChain::parse(leaf.chain_pem.as_bytes()).map_err(|error| unreadable(&error))?;

    let mut meta = CertificateMeta::new(name);
    meta.identifiers = names.to_vec();
    meta.issued_at = Some(now);
    meta.not_before = Some(leaf.not_before);
    meta.not_after = Some(leaf.not_after);
    meta.serial = Some(chain.leaf().serial_hex());
    meta.sha256 = Some(chain.leaf().sha256_hex());
    meta.issuer = chain.leaf().issuer_common_name().map(str::to_owned);
    meta.settings = Settings { private_ca: Some(how), ..Settings::default() }.to_value();
    let stored = StoredCertificate::new(meta, chain.leaf_pem(), chain.pem(), leaf.key_pem);
    session.store.save_certificate(&stored).await?;
    stored_certificate(&connect::offline(session)?, name).await
}

fn request(names: &[Identifier], how: PrivateCa) -> LeafRequest {
    let lifetime = Duration::from_secs(u64::from(how.days) * 24 * 3600);
    let request = LeafRequest::with_new_key(KeyType::EcdsaP256, names.to_vec()).valid_for(lifetime);
    if !how.client {
        return request;
    }
    // Servers mostly know their clients by the common name.
    let common_name = names.first().map(Identifier::value);
    let request = request.usage(Usage::Client);
    match common_name.filter(|name| name.len() <= LONGEST_COMMON_NAME) {
        Some(name) => request.common_name(name),
        None => request,
    }
}
