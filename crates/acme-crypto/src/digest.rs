use acme_proto::Digest;
use aws_lc_rs::digest;

/// The digests of aws-lc-rs, for the parts of `acme-proto` that ask for one.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl Digest for AwsLc {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        let digest = digest::digest(&digest::SHA256, data);
        digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }
}
