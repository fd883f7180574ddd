use std::net::TcpListener;

use crate::support::{Lacme, Server, response};

fn issue_at(url: &str) -> String {
    format!("issue a.example --json --agree-tos --allow-insecure --timeout 20 --directory {url}")
}

#[test]
fn nothing_that_listens_is_a_matter_of_network() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = Lacme::new().run(&issue_at(&format!("https://{free}/dir")));
    let message = ran.failed(5, "network");
    assert!(message.contains(&free.to_string()), "{message}");
}

#[test]
fn a_server_without_a_directory_there_is_a_matter_of_network() {
    for body in ["not here", ""] {
        let server = Server::answering(response("404 Not Found", "text/plain", body));
        let message = Lacme::new().run(&issue_at(&server.url())).failed(5, "network");
        assert!(message.contains("no ACME directory"), "{message}");
    }
}

#[test]
fn a_page_instead_of_a_directory_breaks_the_protocol() {
    let page = "<html><body>Welcome to nginx!</body></html>";
    for content_type in ["text/html", "application/json"] {
        let server = Server::answering(response("200 OK", content_type, page));
        Lacme::new().run(&issue_at(&server.url())).failed(5, "protocol");
    }
}

#[test]
fn a_truncated_directory_breaks_the_protocol() {
    let whole = response("200 OK", "application/json", r#"{"newNonce":"http://x/n"}"#);
    let server = Server::answering(&whole.as_bytes()[..whole.len() - 5]);
    Lacme::new().run(&issue_at(&server.url())).failed(5, "protocol");
}

#[test]
fn a_redirect_is_not_followed() {
    let target = Server::answering(response("200 OK", "application/json", "{}"));
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        target.url()
    );
    let server = Server::answering(redirect);
    let ran = Lacme::new().run(&issue_at(&server.url()));
    assert_eq!(ran.status(), 5, "{}", ran.stdout());
    assert_eq!(target.requests(), 0);
}

#[test]
fn a_refusal_carries_the_whole_problem_document() {
    let body =
        r#"{"type":"urn:ietf:params:acme:error:unauthorized","detail":"\u001b[2Jno","x":[1]}"#;
    let server = Server::answering(response("403 Forbidden", "application/problem+json", body));
    let ran = Lacme::new().run(&issue_at(&server.url()));
    ran.failed(3, "ca");
    let problem = &ran.json()["error"]["problem"];
    assert_eq!(problem["type"], "urn:ietf:params:acme:error:unauthorized");
    assert_eq!((&problem["detail"], &problem["x"][0]), (&"\u{1b}[2Jno".into(), &1.into()));
    assert!(!ran.stderr().contains('\u{1b}'), "{}", ran.stderr());
}

#[test]
fn a_silent_server_is_given_up_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/dir", silent.local_addr().unwrap());
    let line = format!("issue a.example --json --allow-insecure --timeout 1 --directory {url}");
    Lacme::new().run(&line).failed(5, "network");
}

#[cfg(unix)]
#[test]
fn an_interruption_is_told_and_has_a_status_of_its_own() {
    use std::process::{Command, Stdio};

    for signal in ["-INT", "-TERM"] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/dir", silent.local_addr().unwrap());
        let lacme = Lacme::new();
        let mut command = lacme.command(&issue_at(&url));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _connection = silent.accept().unwrap(); // now it is at work
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let ran = crate::support::Ran(child.wait_with_output().unwrap());
        ran.failed(130, "interrupted");
    }
}
