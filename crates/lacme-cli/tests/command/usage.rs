use crate::support::{Lacme, Server, response};

/// A server that no misuse may reach.
fn untouched() -> Server {
    Server::answering(response("200 OK", "application/json", "{}"))
}

#[test]
fn what_cannot_work_is_refused_before_any_network() {
    let (lacme, server) = (Lacme::new(), untouched());
    let url = server.url();
    let eab = "--eab-kid k --eab-hmac-key";
    for (line, word) in [
        ("issue *.a.example".to_owned(), "wildcard"),
        ("issue a.example *.b.example".to_owned(), "*.b.example"),
        ("issue a.example --challenge dns-01".to_owned(), "http-01"),
        ("issue a.example --challenge nonsense".to_owned(), "http-01"),
        ("issue a..example".to_owned(), "empty label"),
        ("issue a.example --key-type rsa".to_owned(), "rsa-2048"),
        ("issue a.example --account-key-type rsa".to_owned(), "ed25519"),
        ("issue a.example --http-addr nowhere".to_owned(), "ADDRESS:PORT"),
        ("issue a.example --not-after yesterday".to_owned(), "RFC 3339"),
        ("issue a.example --eab-kid k".to_owned(), "--eab-hmac-key"),
        ("issue a.example --eab-hmac-key k".to_owned(), "--eab-kid"),
        (format!("issue a.example {eab} $"), "base64url"),
        ("issue a.example --client-cert c".to_owned(), "--client-key"),
        ("issue a.example --client-cert c --client-key k".to_owned(), "--client-cert: cannot read"),
        ("issue a.example --ca-bundle missing.pem".to_owned(), "missing.pem"),
        ("issue --csr missing.pem".to_owned(), "missing.pem"),
        ("issue".to_owned(), "NAME"),
        ("issue a.example --cert-name=".to_owned(), "empty"),
        ("account create --account=".to_owned(), "empty"),
        ("revoke".to_owned(), "NAME"),
        ("revoke a.example --reason 7".to_owned(), "keyCompromise"),
        ("revoke --key k".to_owned(), "--cert"),
        ("revoke --cert missing.pem".to_owned(), "missing.pem"),
        ("revoke a.example --key k".to_owned(), "--key"),
        ("ari --cert missing.pem".to_owned(), "missing.pem"),
        ("account update".to_owned(), "--contact"),
        ("account deactivate".to_owned(), "--yes"),
    ] {
        let line = format!("{line} --json --allow-insecure --directory {url}");
        let message = lacme.run(&line).failed(2, "usage");
        assert!(message.contains(word), "{line}: {message}");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn an_http_directory_needs_a_word_of_its_own() {
    let (lacme, server) = (Lacme::new(), untouched());
    let line = format!("issue a.example --json --directory {}", server.url());
    assert!(lacme.run(&line).failed(2, "usage").contains("--allow-insecure"));
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_ca_that_is_gone_is_refused_with_its_reason() {
    let message = Lacme::new().run("issue a.example --directory buypass --json").failed(2, "usage");
    assert!(message.contains("2025"), "{message}");
}

#[test]
fn staging_and_another_directory_exclude_each_other() {
    let line = "list --staging --directory google --json";
    Lacme::new().run(line).failed(2, "usage");
}

#[test]
fn a_misspelt_command_line_is_told_in_one_line_with_the_way_to_help() {
    let lacme = Lacme::new();
    for (line, help) in [
        ("", "lacme --help"),
        ("bogus", "lacme --help"),
        ("--bogus", "lacme --help"),
        ("account", "lacme account --help"),
        ("account bogus", "lacme account --help"),
        ("issue a.example --bogus", "lacme issue --help"),
        ("list --timeout soon", "lacme list --help"),
    ] {
        let message = lacme.run(&format!("--json {line}")).failed(2, "usage");
        assert!(message.ends_with(&format!("; see `{help}`")), "{line}: {message}");
    }
}

#[test]
fn hostile_words_on_the_command_line_reach_no_terminal() {
    let lacme = Lacme::new();
    let output = lacme.command("issue").arg("a\u{1b}[2J.example").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn a_request_that_asks_for_other_names_is_refused() {
    let (lacme, server) = (Lacme::new(), untouched());
    let csr = lacme.home().join("csr.pem");
    std::fs::write(&csr, include_str!("request.pem")).unwrap();
    let url = server.url();
    let options = format!("--csr csr.pem --json --allow-insecure --directory {url}");
    for line in [
        format!("issue other.example {options}"),
        format!("issue a.example {options}"),
        format!("issue a.example b.example {options} --key-type rsa-2048"),
    ] {
        lacme.run(&line).failed(2, "usage");
    }
    assert_eq!(server.requests(), 0);
    // In any order they are the request's own, and the server is asked.
    let ran = lacme.run(&format!("issue b.example a.example {options}"));
    assert_ne!(ran.status(), 2, "{}", ran.stderr());
    assert!(server.requests() > 0);
}
