//! A small certificate authority that remembers what was done to it.

use std::collections::HashMap;
use std::time::SystemTime;

use acme_proto::{Call, CallError, HttpResponse, Identifier, Payload, Resource};
use serde_json::{Value, json};

use super::{With as _, refused, reply};

pub(crate) type Outcome = Result<HttpResponse, CallError>;
type Hook = Box<dyn FnMut(&mut Ca, &Call, usize) -> Option<Outcome>>;

pub(crate) const PEM: &str = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

#[derive(Default)]
pub(crate) struct Ca {
    pub(crate) orders: Vec<PlacedOrder>,
    /// Authorizations of new orders are valid from the start.
    pub(crate) reuses_authorizations: bool,
    /// How many looks at an order it takes until the next step is done.
    pub(crate) looks: u32,
    /// Certificates that were downloaded.
    pub(crate) downloads: u32,
    counts: HashMap<Resource, usize>,
    hook: Option<Hook>,
}

pub(crate) struct PlacedOrder {
    pub(crate) status: &'static str,
    pub(crate) authorizations: Vec<Authz>,
    pub(crate) expires: Option<SystemTime>,
    /// The CA knows nothing of it any more.
    pub(crate) is_gone: bool,
    pub(crate) finalizations: u32,
    looks_left: u32,
}

#[derive(Clone)]
pub(crate) struct Authz {
    pub(crate) name: Identifier,
    pub(crate) status: &'static str,
    /// The state of the challenge that was answered, and how often that was accepted.
    pub(crate) challenge: &'static str,
    pub(crate) answers: u32,
}

impl Ca {
    /// Looks at every call before the CA does. It gets the call and how many of its resource came
    /// before; what it returns is the answer, and the CA never sees the call.
    pub(crate) fn hook(
        &mut self,
        hook: impl FnMut(&mut Ca, &Call, usize) -> Option<Outcome> + 'static,
    ) {
        self.hook = Some(Box::new(hook));
    }

    pub(crate) fn count(&self, resource: Resource) -> usize {
        self.counts.get(&resource).copied().unwrap_or_default()
    }

    pub(crate) fn answer(&mut self, call: &Call) -> Outcome {
        let before = self.count(call.resource);
        self.counts.insert(call.resource, before + 1);
        let mut hook = self.hook.take();
        let answer = hook.as_mut().and_then(|hook| hook(self, call, before));
        self.hook = hook;
        answer.unwrap_or_else(|| self.usual(call))
    }

    /// What a well-behaved CA answers.
    pub(crate) fn usual(&mut self, call: &Call) -> Outcome {
        if call.resource == Resource::NewOrder {
            return self.place(call);
        }
        let path: Vec<&str> = call.url.as_str().split('/').skip(4).collect();
        let path: Vec<usize> = path.iter().map(|part| part.parse().unwrap()).collect();
        if self.orders[path[0]].is_gone {
            return Err(refused(call.resource, 404, "malformed"));
        }
        match call.resource {
            Resource::Order => Ok(self.look(path[0])),
            Resource::Authorization => Ok(self.authorization(path[0], path[1])),
            Resource::Challenge => self.challenge(path[0], path[1]),
            Resource::Finalize => self.finalize(path[0]),
            Resource::Certificate => self.certificate(path[0]),
            other => panic!("an issuance does not ask for {other}"),
        }
    }

    /// The order as it stands, unchanged by being looked at.
    pub(crate) fn order(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let base = "https://ca.example";
        let authorizations = 0..order.authorizations.len();
        let authorizations: Vec<_> =
            authorizations.map(|at| format!("{base}/authz/{number}/{at}")).collect();
        let names: Vec<_> = order.authorizations.iter().map(|a| &a.name).collect();
        let mut json = json!({
            "status": order.status,
            "identifiers": names,
            "authorizations": authorizations,
            "finalize": format!("{base}/finalize/{number}"),
        });
        if order.status == "valid" {
            json["certificate"] = format!("{base}/cert/{number}").into();
        }
        if let Some(expires) = order.expires {
            let time = rfc3339(expires);
            json["expires"] = time.into();
        }
        json
    }

    fn place(&mut self, call: &Call) -> Outcome {
        let Payload::Post(body) = &call.payload else { panic!("newOrder has a body") };
        let names: Vec<Identifier> = serde_json::from_value(body["identifiers"].clone()).unwrap();
        let (status, challenge) = match self.reuses_authorizations {
            true => ("valid", "valid"),
            false => ("pending", "pending"),
        };
        let authz = |name| Authz { name, status, challenge, answers: 0 };
        self.orders.push(PlacedOrder {
            status: if self.reuses_authorizations { "ready" } else { "pending" },
            authorizations: names.into_iter().map(authz).collect(),
            expires: None,
            is_gone: false,
            finalizations: 0,
            looks_left: self.looks,
        });
        let number = self.orders.len() - 1;
        let location = format!("https://ca.example/order/{number}");
        Ok(reply(201, self.order(number)).with("location", &location))
    }

    /// An order moves on by being looked at.
    fn look(&mut self, number: usize) -> HttpResponse {
        let looks = self.looks;
        let order = &mut self.orders[number];
        let is_working = match order.status {
            "pending" => order.authorizations.iter().all(|a| a.challenge != "pending"),
            "processing" => true,
            _ => false,
        };
        if is_working && order.looks_left > 0 {
            order.looks_left -= 1;
        } else if is_working {
            order.looks_left = looks;
            for authorization in &mut order.authorizations {
                authorization.status = "valid";
                authorization.challenge = "valid";
            }
            order.status = if order.status == "pending" { "ready" } else { "valid" };
        }
        reply(200, self.order(number))
    }

    fn authorization(&self, number: usize, at: usize) -> HttpResponse {
        let authz = &self.orders[number].authorizations[at];
        let challenge = |kind: &str, status: &str| {
            json!({
                "type": kind, "status": status, "token": format!("token-{number}-{at}"),
                "url": format!("https://ca.example/challenge/{number}/{at}"),
            })
        };
        reply(
            200,
            json!({
                "identifier": authz.name.without_wildcard(),
                "wildcard": authz.name.is_wildcard(),
                "status": authz.status,
                "challenges": [
                    { "type": "odd-99", "url": "https://ca.example/odd", "token": "not a token" },
                    { "type": "tokenless-01", "url": "https://ca.example/tokenless" },
                    challenge("http-01", authz.challenge),
                    challenge("dns-01", authz.challenge),
                ],
            }),
        )
    }

    fn challenge(&mut self, number: usize, at: usize) -> Outcome {
        let authz = &mut self.orders[number].authorizations[at];
        if authz.challenge != "pending" {
            return Err(refused(Resource::Challenge, 400, "malformed"));
        }
        authz.challenge = "processing";
        authz.answers += 1;
        Ok(reply(
            200,
            json!({
                "type": "http-01", "status": "processing", "token": format!("token-{number}-{at}"),
                "url": format!("https://ca.example/challenge/{number}/{at}"),
            }),
        ))
    }

    fn finalize(&mut self, number: usize) -> Outcome {
        if self.orders[number].status != "ready" {
            return Err(refused(Resource::Finalize, 403, "orderNotReady"));
        }
        self.orders[number].status = "processing";
        self.orders[number].finalizations += 1;
        Ok(reply(200, self.order(number)))
    }

    fn certificate(&mut self, number: usize) -> Outcome {
        self.downloads += 1;
        let mut response = http::Response::new(PEM.as_bytes().to_vec());
        let kind = "application/pem-certificate-chain".parse().unwrap();
        response.headers_mut().insert("content-type", kind);
        Ok(response.with("link", &format!("</cert/{number}/1>;rel=\"alternate\"")))
    }
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap().to_string()
}

/// An answer with its JSON changed.
pub(crate) fn edited(answer: Outcome, edit: impl FnOnce(&mut Value)) -> Outcome {
    let (parts, body) = answer?.into_parts();
    let mut json: Value = serde_json::from_slice(&body).unwrap();
    edit(&mut json);
    let body = json.to_string().into_bytes();
    Ok(HttpResponse::from_parts(parts, body))
}

/// The answer to a call was lost.
pub(crate) fn lost(resource: Resource) -> CallError {
    CallError::Unreachable {
        resource,
        reason: "the connection was reset".into(),
        delivery: acme_proto::Delivery::Unknown,
    }
}
