//! ACME clients that others wrote, at our server: one file a client, a server of its own for each
//! test. Every certificate is really validated, by http-01 on a port of the test's or by dns-01, and
//! its chain is checked against the server's root.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certbot;
mod dehydrated;
mod instant_acme;
mod lego;
mod uacme;
mod webroot;
mod world;
