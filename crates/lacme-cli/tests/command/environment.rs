use crate::support::{Lacme, Ran, Server, response};

#[test]
fn json_can_be_asked_for_by_a_variable_for_misuses_too() {
    let lacme = Lacme::new();
    let run = |line, value| Ran(lacme.command(line).env("LACME_JSON", value).output().unwrap());
    for line in ["list --bogus", "", "list --staging --directory google"] {
        run(line, "1").failed(2, "usage");
    }
    assert_eq!(run("list", "true").json()["certificates"], serde_json::json!([]));
    assert_eq!(run("list --bogus", "0").stdout(), "");
    assert_eq!(run("list --bogus", "").stdout(), "");
}

#[test]
fn options_come_from_variables_and_secrets_from_files() {
    let lacme = Lacme::new();
    let server = Server::answering(response("404 Not Found", "text/plain", ""));
    std::fs::write(lacme.home().join("key"), "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0\n").unwrap();
    let mut command = lacme.command("issue a.example");
    command
        .env("LACME_JSON", "1")
        .env("LACME_DIRECTORY", server.url())
        .env("LACME_ALLOW_INSECURE", "yes")
        .env("LACME_EAB_KID", "kid")
        .env("LACME_EAB_HMAC_KEY_FILE", "key")
        .env("LACME_CONTACT", "");
    let message = Ran(command.output().unwrap()).failed(5, "network");
    assert!(message.contains(&server.url()), "{message}");

    command.env("LACME_EAB_HMAC_KEY_FILE", "missing");
    assert!(Ran(command.output().unwrap()).failed(2, "usage").contains("missing"));
    command.env_remove("LACME_EAB_HMAC_KEY_FILE");
    assert!(Ran(command.output().unwrap()).failed(2, "usage").contains("--eab-hmac-key"));
    command.env("LACME_EAB_HMAC_KEY", "top secret");
    let message = Ran(command.output().unwrap()).failed(2, "usage");
    assert!(!message.contains("top secret"), "{message}");
}
