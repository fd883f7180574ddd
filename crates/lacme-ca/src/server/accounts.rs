//! newAccount, account, and an account's orders (RFC 8555 §7.3, §7.1.2).

use acme_crypto::AwsLc;
use acme_proto::{AccountStatus, AuthorizationStatus, Jwk, OrderStatus, ProblemType};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::core::AcmeServer;
use super::id::Id;
use super::jws::Payload;
use super::problem::Refusal;
use super::records::Account;

impl AcmeServer {
    /// §7.3.
    pub(super) fn new_account(
        &mut self,
        key: Jwk,
        payload: Map<String, Value>,
        url: &str,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        // §7.3.1: whoever has the key has the account; the rest of the payload does not matter.
        if let Some(id) = self.state.account_by_key(&key.thumbprint(&AwsLc)) {
            self.check_usable(id)?;
            let account = &self.state.accounts()[&id];
            let object = self.account_object(id, account);
            return Ok(Answer::ok(object).with_location(&self.urls.account(id)));
        }
        if flag(&payload, "onlyReturnExisting")? {
            let detail = "this key has no account";
            return Err(Refusal::bad_request(ProblemType::AccountDoesNotExist, detail));
        }
        let contact = self.contacts(&payload)?.unwrap_or_default();
        let agreed = self.agreement(&payload)?;
        if let (None, Some(terms)) = (&agreed, &self.config.terms) {
            let detail = "an account agrees to the terms of service (termsOfServiceAgreed)";
            return Err(Refusal::terms(terms, detail));
        }
        let external = self.external_account(&payload, &key, url)?;
        self.admit_account(now)?;
        let id = self.draw_id();
        let account =
            Account { key, status: AccountStatus::Valid, contact, agreed, external, created: now };
        let object = self.account_object(id, &account);
        self.state.insert_account(id, account);
        Ok(Answer::created(object, &self.urls.account(id)))
    }

    /// §7.3.2 update, §7.3.3 new terms, §7.3.6 deactivation, or a read.
    pub(super) fn account(
        &mut self,
        id: Id,
        sender: Id,
        payload: Payload,
    ) -> Result<Answer, Refusal> {
        if id != sender {
            return Err(Refusal::forbidden("this is another account's"));
        }
        if let Payload::Object(payload) = payload {
            match payload.get("status").map(Value::as_str) {
                None => self.update_account(id, &payload)?,
                // What the account is anyway; clients send the whole object back.
                Some(Some("valid")) => self.update_account(id, &payload)?,
                Some(Some("deactivated")) => self.deactivate_account(id),
                Some(_) => {
                    let detail = "the only state that an account can be set to is deactivated";
                    return Err(Refusal::malformed(detail));
                }
            }
        }
        let account = &self.state.accounts()[&id];
        Ok(Answer::ok(self.account_object(id, account)))
    }

    /// §7.1.2.1: a page of the account's orders, with a link to the next one.
    pub(super) fn orders(
        &self,
        id: Id,
        after: Option<Id>,
        sender: Id,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        if id != sender {
            return Err(Refusal::forbidden("this is another account's"));
        }
        let after = match after {
            Some(after) => {
                let order = self.state.orders().get(&after);
                let order = order.filter(|order| order.account == id);
                let order = order.ok_or_else(|| Refusal::not_found("page of orders"))?;
                Some((order.created, after))
            }
            None => None,
        };
        let orders = self.state.orders_of(id, after);
        // "The server [...] SHOULD NOT include orders that are invalid".
        let mut worth_listing = orders
            .filter(|(_, order)| self.state.order_status(order, now) != OrderStatus::Invalid)
            .map(|(id, _)| id);
        let page: Vec<Id> = worth_listing.by_ref().take(self.config.orders_per_page).collect();
        let urls: Vec<_> = page.iter().map(|id| self.urls.order(*id)).collect();
        let answer = Answer::ok(json!({ "orders": urls }));
        Ok(match (worth_listing.next(), page.last()) {
            (Some(_), Some(last)) => answer.with_link(&self.urls.orders_after(id, *last), "next"),
            _ => answer,
        })
    }

    /// §7.3.3: an account that agreed to other terms than today's has to agree again.
    pub(super) fn check_terms(&self, account: Id) -> Result<(), Refusal> {
        let agreed = self.state.accounts().get(&account).and_then(|a| a.agreed.as_ref());
        match &self.config.terms {
            Some(terms) if agreed != Some(terms) => {
                let detail = "the terms of service have changed: agree to them first";
                Err(Refusal::terms(terms, detail))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn account_object(&self, id: Id, account: &Account) -> Value {
        let mut object = json!({
            "status": account.status,
            "contact": account.contact,
            "orders": self.urls.orders(id),
        });
        if account.agreed.is_some() {
            object["termsOfServiceAgreed"] = true.into();
        }
        object
    }

    /// §7.3.2: "The server MUST ignore any updates to the "orders" field, [...] or any other
    /// fields it does not recognize."
    fn update_account(&mut self, id: Id, payload: &Map<String, Value>) -> Result<(), Refusal> {
        let contact = self.contacts(payload)?;
        let agreed = self.agreement(payload)?;
        if contact.is_none() && agreed.is_none() {
            return Ok(());
        }
        self.state.change_account(id, |account| {
            account.contact = contact.unwrap_or_else(|| std::mem::take(&mut account.contact));
            account.agreed = agreed.or(account.agreed.take());
        });
        Ok(())
    }

    /// §7.3.6: nothing of the account goes on.
    fn deactivate_account(&mut self, id: Id) {
        self.state.change_account(id, |account| account.status = AccountStatus::Deactivated);
        let open = self.state.authorizations().iter().filter(|(_, authorization)| {
            let status = authorization.status;
            let open = matches!(status, AuthorizationStatus::Pending | AuthorizationStatus::Valid);
            authorization.account == id && open
        });
        let open: Vec<Id> = open.map(|(id, _)| *id).collect();
        for id in open {
            self.state.change_authorization(id, |authorization| {
                authorization.status = AuthorizationStatus::Deactivated;
            });
        }
    }

    /// The terms that are agreed to by this payload.
    fn agreement(&self, payload: &Map<String, Value>) -> Result<Option<String>, Refusal> {
        let agrees = flag(payload, "termsOfServiceAgreed")?;
        Ok(self.config.terms.clone().filter(|_| agrees))
    }

    /// §7.3: mailto with one address and no header fields; other schemes are not supported.
    fn contacts(&self, payload: &Map<String, Value>) -> Result<Option<Vec<String>>, Refusal> {
        let contacts = match payload.get("contact") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(contacts)) => contacts,
            Some(_) => return Err(Refusal::malformed("contact is no list of URLs")),
        };
        let most = self.config.limits.contacts;
        if contacts.len() > most {
            let detail = format!("an account has at most {most} contacts");
            return Err(Refusal::bad_request(ProblemType::InvalidContact, detail));
        }
        let contacts = contacts.iter().map(contact).collect::<Result<_, _>>()?;
        Ok(Some(contacts))
    }
}

fn contact(value: &Value) -> Result<String, Refusal> {
    let invalid = |detail: &str| Refusal::bad_request(ProblemType::InvalidContact, detail);
    let Some(url) = value.as_str() else {
        return Err(Refusal::malformed("a contact is no text"));
    };
    let Some((scheme, address)) = url.split_once(':') else {
        return Err(invalid("a contact is a URL, such as mailto:admin@example.com"));
    };
    if !scheme.eq_ignore_ascii_case("mailto") {
        let detail = "only mailto contacts are supported";
        return Err(Refusal::bad_request(ProblemType::UnsupportedContact, detail));
    }
    let plain = |b: u8| b.is_ascii_graphic() && !b",;<>\"()[]\\".contains(&b);
    match address.rsplit_once('@') {
        // "clients MUST NOT use a mailto URL [...] that contains either "hfields" [...] or more
        // than one "addr-spec""
        _ if address.contains(['?', ',']) => {
            Err(invalid("a mailto contact has one address and nothing beside it"))
        }
        Some((local, domain))
            if address.len() <= 254
                && !local.is_empty()
                && address.bytes().all(plain)
                && acme_proto::DnsName::parse(domain).is_ok_and(|name| !name.is_wildcard()) =>
        {
            Ok(url.to_owned())
        }
        _ => Err(invalid("a mailto contact has an address as in admin@example.com")),
    }
}

/// A member that is true or false; absent and `null` are false.
pub(super) fn flag(payload: &Map<String, Value>, name: &str) -> Result<bool, Refusal> {
    match payload.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::malformed(format!("{name} is neither true nor false"))),
    }
}
