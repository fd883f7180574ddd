//! Between client and server: delays, losses, duplicates, and answers that are none.

use std::time::Duration;

use acme_proto::{Delivery as Sureness, HttpRequest, HttpResponse};
use http::header::{CONTENT_TYPE, RETRY_AFTER};

use crate::fault::Fault;
use crate::world::{Happening, Slot, World};

/// What a client gets for a request.
pub(crate) type Received = Result<HttpResponse, Lost>;

/// No answer.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) reason: &'static str,
    pub(crate) sureness: Sureness,
    /// Whether an answer came and was no usable HTTP.
    pub(crate) is_broken: bool,
}

/// A request on its way to the server.
pub(crate) struct Delivery {
    pub(crate) request: HttpRequest,
    pub(crate) fate: Option<Fault>,
    pub(crate) answer_to: Slot<Received>,
}

/// A client gives up after so long.
const TIMEOUT: Duration = Duration::from_secs(30);

impl World {
    /// Sends a request off; the slot is filled with what comes back.
    pub(crate) fn send(&mut self, client: usize, request: HttpRequest) -> Slot<Received> {
        self.tally.requests += 1;
        let fate = self.fate();
        let answer_to = Slot::new(client);
        self.tell(|| {
            let fate = fate.map(|fault| format!("   [{fault}]")).unwrap_or_default();
            format!("client {client} > {} {}{fate}", request.method(), request.uri().path())
        });
        let delay = self.delay(fate);
        let send = |fate| Delivery { request: request.clone(), fate, answer_to: answer_to.clone() };
        match fate {
            Some(Fault::NoConnection) => {
                let lost = lost("the connection was refused", Sureness::NotSent);
                self.schedule(delay, Happening::Returns(answer_to.clone(), Err(lost)));
            }
            Some(Fault::LostBefore) => self.time_out(&answer_to),
            Some(Fault::Late) => {
                self.time_out(&answer_to);
                let later = TIMEOUT + self.dice.seconds(1..=60);
                self.schedule(later, Happening::Arrives(send(None)));
            }
            Some(Fault::Twice) => {
                let again = self.dice.millis(0..=400);
                self.schedule(delay, Happening::Arrives(send(None)));
                self.schedule(again, Happening::Arrives(send(fate)));
            }
            fate => self.schedule(delay, Happening::Arrives(send(fate))),
        }
        answer_to
    }

    /// What befalls the next request.
    fn fate(&mut self) -> Option<Fault> {
        let (number, fault) = self.scenario.sure_fault;
        if self.tally.requests == number {
            self.count(fault);
            return Some(fault);
        }
        Fault::OF_REQUESTS.into_iter().find(|fault| self.meets(*fault))
    }

    fn delay(&mut self, fate: Option<Fault>) -> Duration {
        match fate {
            Some(Fault::Slow) => self.dice.millis(500..=20_000),
            _ => self.dice.millis(1..=60),
        }
    }

    fn time_out(&mut self, answer_to: &Slot<Received>) {
        let lost = lost("no answer in time", Sureness::Unknown);
        self.schedule(TIMEOUT, Happening::Returns(answer_to.clone(), Err(lost)));
    }

    /// A request has come to the server's door.
    pub(crate) fn arrive(&mut self, delivery: Delivery) {
        let Delivery { request, fate, answer_to } = delivery;
        if !self.server.is_up() {
            let answer = Err(lost("the connection was refused", Sureness::NotSent));
            return self.send_back(answer_to, answer, None);
        }
        let answer = match fate {
            Some(Fault::GatewayBefore) => Ok(gateway()),
            Some(Fault::Trouble) => Ok(problem(500, "serverInternal")),
            Some(fault @ (Fault::Busy | Fault::RateLimited)) => Ok(self.not_now(fault)),
            Some(Fault::BadNonce) if self.bad_nonces == 0 => {
                self.bad_nonces = self.dice.between(1..=25);
                self.answer(&request)
            }
            Some(Fault::ServerDies) => self.die_over(&request),
            _ => self.answer(&request),
        };
        let answer = match (fate, answer) {
            (Some(Fault::LostAfter), _) => Err(lost("the connection was reset", Sureness::Unknown)),
            (Some(Fault::GatewayAfter), _) => Ok(gateway()),
            (Some(Fault::Truncated), _) => {
                let lost = lost("the answer ends early", Sureness::Unknown);
                Err(Lost { is_broken: true, ..lost })
            }
            (Some(Fault::Garbled), Ok(answer)) => Ok(self.garble(answer)),
            (Some(Fault::NoNonce | Fault::StaleNonce | Fault::RepeatedNonce), Ok(answer)) => {
                Ok(self.spoil_nonce(fate, answer))
            }
            (_, answer) => answer,
        };
        self.send_back(answer_to, answer, fate);
    }

    fn send_back(&mut self, slot: Slot<Received>, answer: Received, fate: Option<Fault>) {
        let delay = self.delay(fate);
        self.schedule(delay, Happening::Returns(slot, answer));
    }

    /// The server's own answer, unless a burst of `badNonce` is going on.
    fn answer(&mut self, request: &HttpRequest) -> Received {
        if self.bad_nonces > 0 && request.method() == http::Method::POST && !self.is_calm() {
            self.bad_nonces -= 1;
            let mut answer = problem(400, "badNonce");
            self.server.add_nonce(&mut answer, self.now);
            return Ok(answer);
        }
        self.serve(request).ok_or(lost("the connection was reset", Sureness::Unknown))
    }

    fn not_now(&mut self, fault: Fault) -> HttpResponse {
        let mut answer = match fault {
            Fault::RateLimited => problem(429, "rateLimited"),
            _ => {
                let mut page = gateway();
                *page.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                page
            }
        };
        let wait = self.dice.seconds(0..=90);
        let value = match self.dice.between(0..=3) {
            0 => return answer,
            1 => httpdate::fmt_http_date(self.now + wait),
            _ => wait.as_secs().to_string(),
        };
        answer.headers_mut().insert(RETRY_AFTER, value.parse().expect("digits or a date"));
        answer
    }

    fn garble(&mut self, answer: HttpResponse) -> HttpResponse {
        match self.dice.between(0..=2) {
            0 => {
                let mut page = gateway();
                *page.status_mut() = http::StatusCode::OK;
                page
            }
            1 => answer.map(|mut body| {
                body.truncate(body.len() / 2);
                body
            }),
            _ => answer.map(|_| Vec::new()),
        }
    }

    fn spoil_nonce(&mut self, fate: Option<Fault>, mut answer: HttpResponse) -> HttpResponse {
        let nonce = match fate {
            Some(Fault::StaleNonce) => Some(format!("stale{:x}", self.dice.next())),
            Some(Fault::RepeatedNonce) => self.watch.some_old_nonce(),
            _ => None,
        };
        answer.headers_mut().remove("replay-nonce");
        if let Some(nonce) = nonce {
            let nonce = nonce.parse().expect("letters and digits");
            answer.headers_mut().insert("replay-nonce", nonce);
        }
        answer
    }
}

fn lost(reason: &'static str, sureness: Sureness) -> Lost {
    Lost { reason, sureness, is_broken: false }
}

/// A page that no ACME server wrote.
fn gateway() -> HttpResponse {
    let page = http::Response::builder().status(502).header(CONTENT_TYPE, "text/html");
    page.body(b"<html>Bad Gateway</html>".to_vec()).expect("constants")
}

fn problem(status: u16, kind: &str) -> HttpResponse {
    let body = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"a fault"}}"#);
    let answer = http::Response::builder().status(status);
    let answer = answer.header(CONTENT_TYPE, "application/problem+json");
    answer.body(body.into_bytes()).expect("constants")
}
