//! The JSON objects of RFC 8555 and RFC 9773, whichever the input is.
#![no_main]

use acme_proto::{Account, Authorization, Challenge, Directory, Order, Problem, RenewalInfo};
use lacme_fuzz::{is_shown_safely, round_trip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    round_trip::<Directory>(json);
    round_trip::<Account>(json);
    round_trip::<Order>(json);
    round_trip::<Challenge>(json);
    if let Some(authorization) = round_trip::<Authorization>(json) {
        is_shown_safely(&authorization.identifier);
    }
    if let Some(problem) = round_trip::<Problem>(json) {
        is_shown_safely(&problem);
    }
    if let Some(info) = round_trip::<RenewalInfo>(json) {
        let window = info.suggested_window;
        for random in [0, u64::MAX] {
            let moment = window.select(random);
            assert!(window.start <= moment && moment < window.end);
        }
    }
});
