use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{ConfigError, Proxy, Route};
use crate::{ProxyProblem, TransportError};

/// The longest answer to a CONNECT that is read, in bytes.
const MAX_ANSWER: usize = 8 * 1024;

/// What an environment's proxy is never asked for.
const THIS_MACHINE: &str = ",localhost,127.0.0.0/8,::1";

/// Decides which way a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<Matcher>);

/// The proxy on the way to one server.
pub(crate) struct Upstream {
    pub(crate) uri: Uri,
    /// For the `Proxy-Authorization` header; marked as sensitive.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Proxies {
    /// Reads the environment through `variable` where `proxy` asks for it.
    pub(crate) fn new(
        proxy: &Proxy,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut matcher = Matcher::builder();
        let mut except = proxy.except.clone();
        match &proxy.route {
            Route::Straight => {}
            Route::Url(url) => {
                check(url, "the configuration")?;
                matcher = matcher.all(url.as_str());
            }
            Route::Environment => {
                let first = |names: &[&str]| {
                    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
                    names.iter().find_map(|name| Some((name.to_string(), set(name)?)))
                };
                if let Some((name, url)) =
                    first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
                {
                    check(&url, &name)?;
                    matcher = matcher.https(url);
                }
                // A CGI server passes the request header `Proxy` as HTTP_PROXY.
                let is_cgi = variable("REQUEST_METHOD").is_some();
                let upper = if is_cgi { "http_proxy" } else { "HTTP_PROXY" };
                if let Some((name, url)) = first(&[upper, "http_proxy", "ALL_PROXY", "all_proxy"]) {
                    check(&url, &name)?;
                    matcher = matcher.http(url);
                }
                if let Some((_, hosts)) = first(&["NO_PROXY", "no_proxy"]) {
                    except = except + "," + &hosts;
                }
                except += THIS_MACHINE;
            }
        }
        Ok(Self(Arc::new(matcher.no(except).build())))
    }

    /// The proxy to ask for `target`, or none to go straight.
    pub(crate) fn upstream(&self, target: &Uri) -> Option<Upstream> {
        let found = self.0.intercept(target)?;
        Some(Upstream { uri: found.uri().clone(), authorization: found.basic_auth().cloned() })
    }
}

impl Upstream {
    pub(crate) fn error(&self, problem: ProxyProblem) -> TransportError {
        let proxy = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        TransportError::Proxy { proxy, problem }
    }

    /// Turns a connection to the proxy into one to `target` (RFC 9110 §9.3.6).
    pub(crate) async fn tunnel(
        &self,
        tcp: &mut TcpStream,
        target: &Uri,
    ) -> Result<(), TransportError> {
        let answer = self
            .connect(tcp, target)
            .await
            .map_err(|error| self.error(ProxyProblem::Unreachable { source: Arc::new(error) }))?;
        match answer {
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.error(ProxyProblem::AuthenticationRequired)),
            Some(status) => Err(self.error(ProxyProblem::Refused { status })),
            None => Err(self.error(ProxyProblem::NoProxy)),
        }
    }

    /// Sends the CONNECT; returns the answer's status, if it is an HTTP answer.
    async fn connect(&self, tcp: &mut TcpStream, target: &Uri) -> std::io::Result<Option<u16>> {
        let host = target.host().unwrap_or_default();
        let port = target.port_u16().unwrap_or(443);
        let mut request =
            format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        tcp.write_all(&request).await?;

        let mut answer = Vec::new();
        let mut chunk = [0; 1024];
        // In TLS the client speaks first: nothing of the server can follow the empty line yet.
        while !answer.ends_with(b"\r\n\r\n") {
            let count = tcp.read(&mut chunk).await?;
            if count == 0 || answer.len() + count > MAX_ANSWER {
                return Ok(None);
            }
            answer.extend_from_slice(&chunk[..count]);
        }
        Ok(status(&answer))
    }
}

/// The code in a status line `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let (version, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let code = rest.split(' ').next()?;
    let is_http = version.starts_with("HTTP/1.") && code.len() == 3;
    code.parse().ok().filter(|code| is_http && *code >= 100)
}

/// Whether hyper-util's matcher, which ignores what it does not understand, will take `url` as an
/// HTTP proxy. The problem never quotes the URL: it may hold a password.
fn check(url: &str, origin: &str) -> Result<(), ConfigError> {
    let bad = |problem: &str| {
        Err(ConfigError::Proxy { origin: origin.to_owned(), problem: problem.to_owned() })
    };
    let Ok(uri) = url.parse::<Uri>() else {
        return bad("not a URL; special characters in user and password are percent-encoded");
    };
    match uri.scheme() {
        None => {}
        Some(scheme) if *scheme == Scheme::HTTP => {}
        Some(_) => return bad("only http:// proxies are supported"),
    }
    if uri.host().is_none_or(str::is_empty) {
        return bad("no host");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Proxies, ConfigError> {
        let find =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        Proxies::new(&Proxy::from_environment(), find)
    }

    fn way(proxies: &Proxies, target: &str) -> Option<String> {
        let upstream = proxies.upstream(&target.parse().unwrap())?;
        Some(upstream.uri.authority().unwrap().to_string())
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_serves_both() {
        let proxies =
            environment(&[("HTTPS_PROXY", "http://secure:1"), ("all_proxy", "any:2")]).unwrap();
        assert_eq!(way(&proxies, "https://ca.example/").as_deref(), Some("secure:1"));
        assert_eq!(way(&proxies, "http://ca.example/").as_deref(), Some("any:2"));
        assert_eq!(way(&environment(&[]).unwrap(), "https://ca.example/"), None);
    }

    #[test]
    fn the_upper_case_variable_wins_and_an_empty_one_counts_as_unset() {
        let both = [("HTTPS_PROXY", "http://upper"), ("https_proxy", "http://lower")];
        assert_eq!(way(&environment(&both).unwrap(), "https://a/").as_deref(), Some("upper"));
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "http://lower")];
        assert_eq!(way(&environment(&empty).unwrap(), "https://a/").as_deref(), Some("lower"));
    }

    #[test]
    fn a_cgi_request_cannot_set_the_proxy() {
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://attacker")];
        assert_eq!(way(&environment(&cgi).unwrap(), "http://ca.example/"), None);
    }

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_networks() {
        let list = ".corp.example, ca.example,10.0.0.0/8, fd00::1";
        let proxies = environment(&[("ALL_PROXY", "http://p:1"), ("no_proxy", list)]).unwrap();
        for straight in [
            "https://ca.example/",
            "https://acme.ca.example:8443/",
            "https://a.CORP.example/",
            "https://10.9.8.7/",
            "https://[fd00::1]:14000/dir",
            "http://localhost:4000/",
            "https://127.0.0.1:14000/dir",
            "https://[::1]/",
        ] {
            assert_eq!(way(&proxies, straight), None, "{straight}");
        }
        for proxied in ["https://notca.example/", "https://example/", "https://11.0.0.1/"] {
            assert_eq!(way(&proxies, proxied).as_deref(), Some("p:1"), "{proxied}");
        }
        let nothing = environment(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(way(&nothing, "https://ca.example/"), None);
    }

    #[test]
    fn a_configured_proxy_ignores_the_environment_and_serves_this_machine() {
        let proxy = Proxy::url("http://p:1").except("ca.example");
        let proxies = Proxies::new(&proxy, |_| Some("http://other".into())).unwrap();
        assert_eq!(way(&proxies, "https://localhost/").as_deref(), Some("p:1"));
        assert_eq!(way(&proxies, "https://ca.example/"), None);
        let none = Proxies::new(&Proxy::none(), |_| Some("http://other".into())).unwrap();
        assert_eq!(way(&none, "https://localhost/"), None);
    }

    #[test]
    fn an_unusable_proxy_url_names_its_variable_and_hides_its_password() {
        for url in ["socks5://u:secret@p:1", "https://u:secret@p", "http://u:sec ret@p", "http://"]
        {
            let error = environment(&[("ALL_PROXY", url)]).unwrap_err().to_string();
            assert!(error.contains("ALL_PROXY") && error.contains("http://host:port"), "{error}");
            assert!(!error.contains("sec"), "{error}");
        }
    }

    #[test]
    fn credentials_become_a_sensitive_header_and_leave_the_address() {
        let proxies = Proxies::new(&Proxy::url("http://ann:p%40ss@p:1"), |_| None).unwrap();
        let upstream = proxies.upstream(&"https://a/".parse().unwrap()).unwrap();
        let authorization = upstream.authorization.unwrap();
        assert_eq!(authorization, "Basic YW5uOnBAc3M=");
        assert!(authorization.is_sensitive());
        assert!(!format!("{proxies:?}{}", upstream.uri).contains("ss"));
    }

    #[test]
    fn only_an_http_status_line_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n\r\n"), Some(407));
        for bad in
            ["", "HTTP/2 200 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 +20 \r\n", "SSH-2.0 200 x"]
        {
            assert_eq!(status(bad.as_bytes()), None, "{bad}");
        }
    }
}
