//! Certificates that are not those that were ordered.

use lacme::ErrorKind::Protocol;
use lacme::proto::Resource;
use lacme_ca::testing::{CertificateFault, Fault};

use crate::stage::End::{Fails, Issued};
use crate::stage::Next::Anew;
use crate::stage::{Case, always, play};

pub(crate) fn cases() -> Vec<Case> {
    use CertificateFault::{Expired, ForeignBlock, OtherKey, OtherNames, Reversed, WithoutLeaf};
    let case = |fault, end| always(Resource::Certificate, Fault::Certificate(fault), end);
    let wrong = [OtherKey, OtherNames, ForeignBlock, Reversed, WithoutLeaf];
    let mut all = wrong.map(|fault| case(fault, Fails(Protocol, Anew))).to_vec();
    // A CA's clock is not ours: it is stored, and due at once.
    all.push(case(Expired, Issued));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_is_not_stored() {
    play(cases()).await;
}
