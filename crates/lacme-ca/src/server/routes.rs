//! Where each resource is.

use acme_proto::{ChallengeType, Resource, Url};

use super::id::Id;

/// A resource as its path names it. Whether the object exists is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    NewAuthz,
    RevokeCert,
    KeyChange,
    Account(Id),
    /// An account's orders, those after `after`.
    Orders {
        account: Id,
        after: Option<Id>,
    },
    Order(Id),
    Finalize(Id),
    Authorization(Id),
    Challenge(Id, ChallengeType),
    /// The chain with this number; 0 is the default one.
    Certificate(Id, usize),
    RenewalInfo(String),
}

impl Route {
    /// Reads a path with its query, below the server's base path.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let mut parts = path.strip_prefix('/')?.split('/');
        let (name, first, second) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() || (query.is_some() && name != "orders") {
            return None;
        }
        let id = || first?.parse().ok();
        Some(match (name, first, second) {
            ("directory", None, _) => Self::Directory,
            ("new-nonce", None, _) => Self::NewNonce,
            ("new-account", None, _) => Self::NewAccount,
            ("new-order", None, _) => Self::NewOrder,
            ("new-authz", None, _) => Self::NewAuthz,
            ("revoke-cert", None, _) => Self::RevokeCert,
            ("key-change", None, _) => Self::KeyChange,
            ("account", _, None) => Self::Account(id()?),
            ("orders", _, None) => Self::Orders {
                account: id()?,
                after: match query {
                    Some(query) => Some(query.strip_prefix("after=")?.parse().ok()?),
                    None => None,
                },
            },
            ("order", _, None) => Self::Order(id()?),
            ("finalize", _, None) => Self::Finalize(id()?),
            ("authorization", _, None) => Self::Authorization(id()?),
            ("challenge", _, Some(kind)) => Self::Challenge(id()?, kind.into()),
            ("certificate", _, None) => Self::Certificate(id()?, 0),
            ("certificate", _, Some(number)) => Self::Certificate(id()?, number.parse().ok()?),
            ("renewal-info", Some(certificate), None) => Self::RenewalInfo(certificate.to_owned()),
            _ => return None,
        })
    }

    /// The kind of resource, for messages, metrics and fault scripts.
    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::Directory => Resource::Directory,
            Self::NewNonce => Resource::NewNonce,
            Self::NewAccount => Resource::NewAccount,
            Self::NewOrder => Resource::NewOrder,
            Self::NewAuthz => Resource::NewAuthz,
            Self::RevokeCert => Resource::RevokeCert,
            Self::KeyChange => Resource::KeyChange,
            Self::Account(_) => Resource::Account,
            Self::Orders { .. } => Resource::Orders,
            Self::Order(_) => Resource::Order,
            Self::Finalize(_) => Resource::Finalize,
            Self::Authorization(_) => Resource::Authorization,
            Self::Challenge(..) => Resource::Challenge,
            Self::Certificate(..) => Resource::Certificate,
            Self::RenewalInfo(_) => Resource::RenewalInfo,
        }
    }

    /// The methods it answers. §6.3: everything is read by POST-as-GET; directory and newNonce by
    /// GET as well, and so is renewalInfo (RFC 9773 §4.1).
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Directory | Self::NewNonce | Self::RenewalInfo(_) => "GET, HEAD, POST",
            _ => "POST",
        }
    }
}

/// The server's own URLs.
#[derive(Clone, Debug)]
pub(super) struct Urls {
    base: String,
    /// The path of the base, without a slash at its end.
    path: String,
}

impl Urls {
    pub(super) fn new(base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/');
        let host = base.split_once("://").map_or(base, |(_, rest)| rest);
        let path = host.find('/').map_or("", |at| &host[at..]);
        Self { base: base.to_owned(), path: path.to_owned() }
    }

    /// The route of a request's path, and the URL by which we know it.
    pub(super) fn route(&self, path: &str) -> Option<(Route, String)> {
        let below = path.strip_prefix(&self.path)?;
        Some((Route::parse(below)?, format!("{}{below}", self.base)))
    }

    /// Reads the account out of a `kid`.
    pub(super) fn account_of(&self, kid: &str) -> Option<Id> {
        match Route::parse(kid.strip_prefix(&self.base)?)? {
            Route::Account(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn named(&self, name: &str) -> Url {
        self.url(format_args!("{name}"))
    }

    pub(super) fn account(&self, id: Id) -> Url {
        self.url(format_args!("account/{id}"))
    }

    pub(super) fn orders(&self, account: Id) -> Url {
        self.url(format_args!("orders/{account}"))
    }

    pub(super) fn orders_after(&self, account: Id, last: Id) -> Url {
        self.url(format_args!("orders/{account}?after={last}"))
    }

    pub(super) fn order(&self, id: Id) -> Url {
        self.url(format_args!("order/{id}"))
    }

    pub(super) fn finalize(&self, id: Id) -> Url {
        self.url(format_args!("finalize/{id}"))
    }

    pub(super) fn authorization(&self, id: Id) -> Url {
        self.url(format_args!("authorization/{id}"))
    }

    pub(super) fn challenge(&self, authorization: Id, kind: &ChallengeType) -> Url {
        self.url(format_args!("challenge/{authorization}/{}", kind.as_str()))
    }

    pub(super) fn certificate(&self, id: Id, chain: usize) -> Url {
        match chain {
            0 => self.url(format_args!("certificate/{id}")),
            n => self.url(format_args!("certificate/{id}/{n}")),
        }
    }

    fn url(&self, path: std::fmt::Arguments<'_>) -> Url {
        Url::parse(format!("{}/{path}", self.base))
            .expect("the base is a URL with room for a path, and our paths are plain ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(base: &str) -> Urls {
        Urls::new(&Url::parse(base).unwrap())
    }

    #[test]
    fn every_url_leads_back_to_its_route() {
        let id = Id::new([7; 10]);
        for base in ["https://ca.example", "https://ca.example:14000/acme/"] {
            let urls = urls(base);
            for (url, route) in [
                (urls.named("directory"), Route::Directory),
                (urls.named("new-nonce"), Route::NewNonce),
                (urls.account(id), Route::Account(id)),
                (urls.orders(id), Route::Orders { account: id, after: None }),
                (urls.orders_after(id, id), Route::Orders { account: id, after: Some(id) }),
                (urls.order(id), Route::Order(id)),
                (urls.finalize(id), Route::Finalize(id)),
                (urls.authorization(id), Route::Authorization(id)),
                (urls.certificate(id, 0), Route::Certificate(id, 0)),
                (urls.certificate(id, 2), Route::Certificate(id, 2)),
                (
                    urls.challenge(id, &ChallengeType::DnsPersist01),
                    Route::Challenge(id, ChallengeType::DnsPersist01),
                ),
            ] {
                let uri: http::Uri = url.as_str().parse().unwrap();
                let found = urls.route(uri.path_and_query().unwrap().as_str());
                assert_eq!(found, Some((route, url.to_string())));
            }
            assert_eq!(urls.account_of(urls.account(id).as_str()), Some(id));
            assert_eq!(urls.account_of(urls.order(id).as_str()), None);
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "/nothing",
            "/directory/x",
            "/directory?x",
            "/order/../account",
            "/account/1",
            "/orders/07070707070707070707?before=07070707070707070707",
            "/challenge/07070707070707070707",
            "/certificate/07070707070707070707/x",
            "/certificate/07070707070707070707/1/2",
        ] {
            assert_eq!(urls("https://ca.example").route(path), None, "{path}");
        }
        assert_eq!(urls("https://ca.example/acme").route("/directory"), None);
    }
}
