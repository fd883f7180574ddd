//! A client that does what ACME asks for and nothing else: no store, no journal, no checks, so that
//! as little as possible of what is measured is the client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lacme::crypto::{CsrOptions, certificate_signing_request};
use lacme::proto::{
    AnswerChallenge, Call, CallError, ChallengeType, Credentials, Directory, Exchange,
    FinalizeOrder, GetAuthorization, GetCertificate, GetDirectory, GetOrder, HttpResponse,
    NewAccount, NewOrder, NoncePool, Order, OrderStatus, Reply, Request, RetryLimits, Step,
};
use lacme::transport::HttpsTransport;
use lacme::{Identifier, KeyType, PrivateKey, Signer as _, Transport as _, TransportConfig, Url};

use crate::Outcome;

/// For a call, retries included, and for an order to get on.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between the first two looks at an order that is not ready; each pause is longer by half.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct LoadClient {
    number: usize,
    way: HttpsTransport,
    directory: Option<Directory>,
    key: PrivateKey,
    certificate_key: PrivateKey,
    credentials: Option<Arc<Credentials>>,
    nonces: NoncePool,
    requests: u64,
}

impl LoadClient {
    /// A client with a new account.
    pub(crate) async fn join(number: usize, url: Url, way: TransportConfig) -> Outcome<Self> {
        let mut client = Self {
            number,
            way: HttpsTransport::new(way)?,
            directory: None,
            key: PrivateKey::generate(KeyType::EcdsaP256)?,
            certificate_key: PrivateKey::generate(KeyType::EcdsaP256)?,
            credentials: None,
            nonces: NoncePool::new(),
            requests: 0,
        };
        let request = GetDirectory { url };
        let call = request.to_call();
        let directory = request.read(&call, client.call(&call).await)?;
        let credentials = Credentials::of(&directory, &client.key);
        client.directory = Some(directory);
        client.credentials = Some(Arc::new(credentials.clone()));
        let account = client.request(&NewAccount::agreeing_to_terms([])).await?;
        client.credentials = Some(Arc::new(credentials.with_account(account.url)));
        Ok(client)
    }

    /// Requests sent so far, those for nonces included.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// One order for one name that nobody ordered before, to its certificate.
    pub(crate) async fn order(&mut self, number: usize) -> Outcome {
        let name = Identifier::parse(&format!("n{number}.c{}.example", self.number))?;
        let placed = self.request(&NewOrder::new([name.clone()])).await?;
        let url = placed.url;
        for authorization in placed.object.authorizations {
            let authorization = self.request(&GetAuthorization { url: authorization }).await?;
            let mut challenges = authorization.challenges.into_iter();
            let challenge = challenges.find(|challenge| challenge.kind == ChallengeType::Http01);
            let challenge = challenge.ok_or("http-01 is not offered")?;
            self.request(&AnswerChallenge { url: challenge.url }).await?;
        }
        let ready = self.wait(&url, OrderStatus::Ready).await?;
        let csr =
            certificate_signing_request(&self.certificate_key, &[name], &CsrOptions::default())?;
        let mut order = self.request(&FinalizeOrder { url: ready.finalize, csr }).await?;
        if order.status != OrderStatus::Valid {
            order = self.wait(&url, OrderStatus::Valid).await?;
        }
        let certificate = order.certificate.ok_or("a valid order has a certificate")?;
        self.request(&GetCertificate { url: certificate }).await?;
        Ok(())
    }

    async fn wait(&mut self, url: &Url, wanted: OrderStatus) -> Outcome<Order> {
        let start = std::time::Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let order = self.request(&GetOrder { url: url.clone() }).await?;
            if order.status == wanted {
                return Ok(order);
            }
            if order.status == OrderStatus::Invalid || start.elapsed() > PATIENCE {
                return Err(format!("{url} is {:?}", order.status).into());
            }
            tokio::time::sleep(pause).await;
            pause = pause * 3 / 2;
        }
    }

    async fn request<R: Request>(&mut self, request: &R) -> Outcome<R::Response> {
        let directory = self.directory.as_ref().ok_or("the directory is read first")?;
        let call = request.call(directory)?;
        let response = self.call(&call).await;
        Ok(request.read(&call, response)?)
    }

    async fn call(&mut self, call: &Call) -> Result<HttpResponse, CallError> {
        let limits = RetryLimits::until(SystemTime::now() + PATIENCE);
        let credentials = self.credentials.clone();
        let mut exchange = Exchange::new(call.clone(), credentials, limits, 0, &mut self.nonces)?;
        loop {
            let reply = match exchange.step() {
                Step::Send(request) => {
                    self.requests += 1;
                    match self.way.send(request.clone()).await {
                        Ok(response) => Reply::Response(response),
                        Err(error) => Reply::Unreachable {
                            reason: error.to_string(),
                            delivery: error.delivery(),
                            temporary: error.is_transient(),
                        },
                    }
                }
                Step::Sign(message) => self.key.sign(message).await.into(),
                Step::WaitUntil(until) => {
                    let pause = until.duration_since(SystemTime::now()).unwrap_or_default();
                    tokio::time::sleep(pause).await;
                    Reply::Woken
                }
                Step::Done(_) => return exchange.into_result(),
            };
            exchange.reply(reply, SystemTime::now(), &mut self.nonces)?;
        }
    }
}
