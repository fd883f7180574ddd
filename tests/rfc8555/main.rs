//! What RFC 8555 and the RFCs around it demand, a test a demand.
//!
//! The server is asked with requests made by hand, right and wrong ones; our client is watched
//! while it works. A test's name is the demand in our words, its comment says where the RFC makes
//! it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ours;
mod world;

mod section_11;
mod section_6_1;
mod section_6_2;
mod section_6_3;
mod section_6_4;
mod section_6_5;
mod section_6_6;
mod section_6_7;
mod section_7_1;
mod section_7_2;
mod section_7_3;
mod section_7_3_4;
mod section_7_3_5;
mod section_7_4;
mod section_7_5;
mod section_7_6;
mod section_8;
mod section_9_1;

mod rfc8737;
mod rfc8738;
mod rfc9773;
