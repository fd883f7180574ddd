//! lacme at other certificate authorities than the newest Pebble: one file a CA.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod caddy;
mod pebble_240;
