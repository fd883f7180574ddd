use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Call, Request, Resource, json as body};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported, location};
use crate::link::link;
use crate::objects::{Account, Directory, OrdersPage, Url, null_is_empty};

/// Creates an account, or finds the one that a key already has (RFC 8555 §7.3, §7.3.1).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NewAccount {
    /// URLs by which the CA can reach the holder, such as `mailto:admin@example.com`.
    pub contact: Vec<String>,
    /// Whether the holder agrees to the terms of service. True only if they said so.
    pub terms_of_service_agreed: bool,
    /// Find, never create: without an account the server answers `accountDoesNotExist`.
    pub only_return_existing: bool,
    /// From [`external_account_binding`](crate::external_account_binding) (§7.3.4).
    pub external_account_binding: Option<Value>,
}

impl NewAccount {
    /// For a holder who agrees to the CA's terms of service and can be reached there.
    pub fn agreeing_to_terms(contact: impl Into<Vec<String>>) -> Self {
        Self { contact: contact.into(), terms_of_service_agreed: true, ..Self::default() }
    }

    /// Only finds the account of a key.
    pub fn existing() -> Self {
        Self { only_return_existing: true, ..Self::default() }
    }
}

/// An account and the URL that names it in every later request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountLocation {
    /// The account's URL, the `kid` of its requests.
    pub url: Url,
    /// The account, as far as the server described it.
    pub account: Account,
    /// Whether it was created just now (201) rather than found (200).
    pub created: bool,
}

impl Request for NewAccount {
    type Response = AccountLocation;

    fn call(&self, directory: &Directory) -> Result<Call, Unsupported> {
        let mut payload = Map::new();
        if self.only_return_existing {
            payload.insert("onlyReturnExisting".to_owned(), true.into());
        } else {
            if !self.contact.is_empty() {
                payload.insert("contact".to_owned(), json!(self.contact));
            }
            if self.terms_of_service_agreed {
                payload.insert("termsOfServiceAgreed".to_owned(), true.into());
            }
            if let Some(binding) = &self.external_account_binding {
                payload.insert("externalAccountBinding".to_owned(), binding.clone());
            }
        }
        Ok(Call::post(Resource::NewAccount, &directory.new_account, payload.into()).signed_by_key())
    }

    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<AccountLocation, ParseError> {
        // §7.3.1 promises the Location of an existing account, but no body.
        let account = match response.body().is_empty() {
            true => Account::default(),
            false => body(response)?,
        };
        Ok(AccountLocation {
            url: location(response.headers(), &call.url)?,
            account,
            created: response.status() == StatusCode::CREATED,
        })
    }
}

/// Reads an account: a POST-as-GET of its URL (RFC 8555 §7.3).
#[derive(Clone, Debug)]
pub struct GetAccount {
    /// The account's URL.
    pub url: Url,
}

/// Changes an account's contacts, or agrees to new terms (RFC 8555 §7.3.2, §7.3.3).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpdateAccount {
    /// The account's URL.
    pub url: Url,
    /// The new contacts; an empty list removes all, `None` leaves them.
    pub contact: Option<Vec<String>>,
    /// Agrees to the current terms of service.
    pub terms_of_service_agreed: bool,
}

impl UpdateAccount {
    /// Replaces the contacts.
    pub fn contact(url: Url, contact: Vec<String>) -> Self {
        Self { url, contact: Some(contact), terms_of_service_agreed: false }
    }

    /// Agrees to the current terms.
    pub fn agree_to_terms(url: Url) -> Self {
        Self { url, contact: None, terms_of_service_agreed: true }
    }
}

/// Gives an account up, for good (RFC 8555 §7.3.6).
#[derive(Clone, Debug)]
pub struct DeactivateAccount {
    /// The account's URL.
    pub url: Url,
}

impl Request for GetAccount {
    type Response = Account;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Account, &self.url))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Account, ParseError> {
        body(response)
    }
}

impl Request for UpdateAccount {
    type Response = Account;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        let mut payload = Map::new();
        if let Some(contact) = &self.contact {
            payload.insert("contact".to_owned(), json!(contact));
        }
        if self.terms_of_service_agreed {
            payload.insert("termsOfServiceAgreed".to_owned(), true.into());
        }
        Ok(Call::post(Resource::Account, &self.url, payload.into()))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Account, ParseError> {
        body(response)
    }
}

impl Request for DeactivateAccount {
    type Response = Account;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post(Resource::Account, &self.url, json!({ "status": "deactivated" })))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Account, ParseError> {
        body(response)
    }
}

/// Moves an account to another key (RFC 8555 §7.3.5). Made by
/// [`KeyChangeDraft::finish`](crate::KeyChangeDraft::finish).
///
/// Some servers answer 200 and change nothing where the new key already has an account: look the
/// account up by the new key afterwards.
#[derive(Clone, Debug)]
pub struct KeyChange {
    url: Url,
    inner: Value,
}

impl KeyChange {
    pub(crate) fn from_inner(url: Url, inner: Value) -> Self {
        Self { url, inner }
    }
}

impl Request for KeyChange {
    type Response = ();
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post(Resource::KeyChange, &self.url, self.inner.clone()))
    }
    fn parse(&self, _: &Call, _: &HttpResponse) -> Result<(), ParseError> {
        Ok(())
    }
}

/// Lists an account's orders, a page at a time (RFC 8555 §7.1.2.1).
#[derive(Clone, Debug)]
pub struct ListOrders {
    /// The account's `orders` URL, or the last page's `next`.
    pub url: Url,
}

impl Request for ListOrders {
    type Response = OrdersPage;

    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Orders, &self.url))
    }

    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<OrdersPage, ParseError> {
        #[derive(serde::Deserialize)]
        struct Orders {
            #[serde(default, deserialize_with = "null_is_empty")]
            orders: Vec<Url>,
        }
        let Orders { orders } = body(response)?;
        // A page that names itself as its successor would never end.
        let next = link(response.headers(), "next", &call.url).filter(|next| *next != self.url);
        Ok(OrdersPage { orders, next })
    }
}
