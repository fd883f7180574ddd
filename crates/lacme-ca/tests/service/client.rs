//! The client's own machines over real HTTPS connections.

use std::sync::Arc;
use std::time::SystemTime;

use acme_crypto::{AwsLc, CsrOptions, KeyType, PrivateKey, certificate_signing_request};
use acme_proto::{
    Action, Call, CallError, ChallengeType, Credentials, Delivery, Directory, Event, Exchange,
    HttpRequest, HttpResponse, Identifier, Issuance, IssuanceError, Issued, NewAccount, NewOrder,
    NoncePool, Plan, Proof, Reply, Request as _, RetryLimits, Signer as _, Step, Url,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use lacme_ca::{Running, client_config};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Somebody who orders certificates over one connection.
pub(crate) struct Client {
    pub(crate) key: PrivateKey,
    pub(crate) account: Option<Url>,
    pub(crate) directory: Directory,
    tls: TlsConnector,
    authority: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    pool: NoncePool,
    /// How often a connection was cut.
    pub(crate) cut: usize,
}

impl Client {
    /// A client without an account.
    pub(crate) async fn new(server: &Running) -> Self {
        let tls = client_config(&server.root_pem, None).unwrap();
        let url = &server.directory_url;
        let none = url.clone();
        let mut client = Self {
            key: PrivateKey::generate(KeyType::EcdsaP256).unwrap(),
            account: None,
            directory: serde_json::from_value(serde_json::json!({
                "newNonce": none, "newAccount": none, "newOrder": none,
            }))
            .unwrap(),
            tls: TlsConnector::from(Arc::new(tls)),
            authority: url.authority().to_owned(),
            connection: None,
            pool: NoncePool::new(),
            cut: 0,
        };
        let response = client.get("/directory").await;
        client.directory = serde_json::from_slice(response.body()).unwrap();
        client
    }

    /// A client with an account.
    pub(crate) async fn with_account(server: &Running) -> Self {
        let mut client = Self::new(server).await;
        client.register().await.unwrap();
        client
    }

    pub(crate) async fn register(&mut self) -> Result<(), CallError> {
        let request = NewAccount::default();
        let call = request.call(&self.directory).unwrap();
        let response = self.call(&call).await?;
        self.account = Some(request.parse(&call, &response).unwrap().url);
        Ok(())
    }

    pub(crate) async fn get(&mut self, path: &str) -> HttpResponse {
        let url = format!("https://{}{path}", self.authority);
        self.send(&http::Request::get(url).body(Vec::new()).unwrap()).await.unwrap()
    }

    /// Sends one request, over the standing connection if there is one.
    pub(crate) async fn send(&mut self, request: &HttpRequest) -> Result<HttpResponse, String> {
        let result = self.try_send(request).await;
        if result.is_err() {
            self.connection = None;
            self.cut += 1;
        }
        result
    }

    async fn try_send(&mut self, request: &HttpRequest) -> Result<HttpResponse, String> {
        let say = |error: &dyn std::fmt::Display| error.to_string();
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => {
                let port = self.authority.rsplit(':').next().unwrap();
                let stream = TcpStream::connect(format!("127.0.0.1:{port}"));
                let stream = stream.await.map_err(|e| say(&e))?;
                stream.set_nodelay(true).unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                let stream = self.tls.connect(name, stream).await.map_err(|e| say(&e))?;
                let (sender, driver) =
                    http1::handshake(TokioIo::new(stream)).await.map_err(|e| say(&e))?;
                tokio::spawn(driver);
                sender
            }
        };
        let mut request = request.clone().map(|body| Full::new(Bytes::from(body)));
        let host = self.authority.parse().unwrap();
        request.headers_mut().insert("host", host);
        let path = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        *request.uri_mut() = path;
        connection.ready().await.map_err(|e| say(&e))?;
        let response = connection.send_request(request).await.map_err(|e| say(&e))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| say(&e))?.to_bytes().to_vec();
        self.connection = Some(connection);
        Ok(HttpResponse::from_parts(head, body))
    }

    pub(crate) async fn call(&mut self, call: &Call) -> Result<HttpResponse, CallError> {
        let credentials = Arc::new(Credentials::new(
            self.directory.new_nonce.clone(),
            self.key.jwk().clone(),
            self.key.algorithm(),
            self.account.clone(),
        ));
        let limits = RetryLimits::default();
        let mut pool = std::mem::take(&mut self.pool);
        let mut exchange =
            Exchange::new(call.clone(), Some(credentials), limits, 1, &mut pool).unwrap();
        loop {
            let reply = match exchange.step() {
                Step::Sign(message) => Reply::Signature(self.key.sign_now(message).unwrap()),
                Step::Send(request) => match self.send(request).await {
                    Ok(response) => Reply::Response(response),
                    Err(reason) => {
                        let delivery = Delivery::Unknown;
                        Reply::Unreachable { reason, delivery, temporary: true }
                    }
                },
                Step::WaitUntil(time) => {
                    let wait = time.duration_since(SystemTime::now()).unwrap_or_default();
                    tokio::time::sleep(wait).await;
                    Reply::Woken
                }
                Step::Done(_) => {
                    self.pool = pool;
                    return exchange.into_result();
                }
            };
            exchange.reply(reply, SystemTime::now(), &mut pool).unwrap();
        }
    }

    /// newOrder to certificate; `provision` sets proofs up.
    pub(crate) async fn issue_with(
        &mut self,
        names: &[&str],
        mut provision: impl FnMut(&[Proof]),
    ) -> Result<(Issued, PrivateKey), IssuanceError> {
        let names: Vec<_> = names.iter().map(|name| Identifier::parse(name).unwrap()).collect();
        let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
        let csr = certificate_signing_request(&key, &names, &CsrOptions::default()).unwrap();
        let plan = Plan::new(
            self.directory.clone(),
            self.account.clone().unwrap(),
            self.key.jwk().thumbprint(&AwsLc),
            NewOrder::new(names.clone()),
            vec![ChallengeType::Http01; names.len()],
            csr,
        );
        let mut issuance = Issuance::new(plan);
        loop {
            let event = match issuance.action() {
                Action::Calls(calls) => {
                    let mut answers = Vec::new();
                    for call in calls {
                        answers.push(self.call(call).await);
                    }
                    Event::Answered(answers)
                }
                Action::Provision(proofs) => {
                    provision(proofs);
                    Event::Provisioned(Ok(()))
                }
                Action::Cleanup(_) => Event::CleanedUp,
                Action::WaitUntil(time) => {
                    let wait = time.duration_since(SystemTime::now()).unwrap_or_default();
                    tokio::time::sleep(wait).await;
                    Event::Woken
                }
                Action::Done(result) => return result.clone().map(|issued| (issued, key)),
            };
            issuance.handle(event, SystemTime::now(), &AwsLc).unwrap();
        }
    }

    pub(crate) async fn issue(
        &mut self,
        names: &[&str],
    ) -> Result<(Issued, PrivateKey), IssuanceError> {
        self.issue_with(names, |_| ()).await
    }
}
