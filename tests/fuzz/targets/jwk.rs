//! Public keys as JSON Web Keys, which a client names to a server.
#![no_main]

use acme_crypto::{AwsLc, VerifyError, verify};
use acme_proto::Jwk;
use lacme_fuzz::{is_shown_safely, round_trip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    let Some(key) = round_trip::<Jwk>(json) else { return };
    let thumbprint = key.thumbprint(&AwsLc);
    assert_eq!(thumbprint.as_str().len(), 43, "the base64url of 32 bytes");
    // Zeros in every width are nobody's signature.
    for width in [0, 64, 96, 132, 256] {
        match verify(&key, key.algorithm(), b"message", &vec![0; width]) {
            Ok(()) => panic!("zeros are taken for a signature"),
            Err(VerifyError::WrongSignature) => {}
            Err(error) => is_shown_safely(&error),
        }
    }
});
