use super::*;
use acme_proto::{
    AccountStatus, DeactivateAccount, GetAccount, ListOrders, NewAccount, UpdateAccount,
};

fn new_account() -> NewAccount {
    let mut request = NewAccount::default();
    request.contact = vec!["mailto:admin@example.com".into()];
    request.terms_of_service_agreed = true;
    request
}

#[test]
fn section_7_3_a_new_account_is_signed_by_its_key() {
    let call = call(&new_account());
    assert_eq!(call.key, KeyRef::Key);
    let expected = json!({
        "contact": ["mailto:admin@example.com"], "termsOfServiceAgreed": true
    });
    assert_eq!(*payload(&call), expected);
    assert_eq!(*payload(&super::call(&NewAccount::default())), json!({}), "nothing unasked for");
}

#[test]
fn section_7_3_1_to_find_an_account_nothing_else_is_said() {
    let mut request = new_account();
    request.only_return_existing = true;
    assert_eq!(*payload(&call(&request)), json!({ "onlyReturnExisting": true }));
}

#[test]
fn the_location_is_the_account_and_the_status_tells_whether_it_is_new() {
    for (status, created) in [(201, true), (200, false)] {
        let body = json!({ "status": "valid", "contact": null, "orders": "" });
        let answer = reply(status, body).with("location", "/account/7");
        let found = read(&new_account(), &answer);
        assert_eq!(found.url.as_str(), "https://ca.example/account/7");
        assert_eq!(found.created, created);
        assert_eq!((found.account.contact.len(), found.account.orders), (0, None));
    }
}

#[test]
fn an_existing_account_may_come_without_a_body_but_not_without_its_location() {
    let empty = HttpResponse::new(Vec::new());
    assert!(new_account().parse(&call(&new_account()), &empty).is_err());
    let found = read(&new_account(), &empty.with("location", "/account/7"));
    assert_eq!(found.account.status, AccountStatus::Valid);
}

#[test]
fn section_7_3_2_contacts_are_changed_or_removed() {
    let change = UpdateAccount::contact(account(), vec![]);
    assert_eq!(*payload(&call(&change)), json!({ "contact": [] }));
    let agree = UpdateAccount::agree_to_terms(account());
    assert_eq!(*payload(&call(&agree)), json!({ "termsOfServiceAgreed": true }));
    assert_eq!(call(&agree).url, account());
    assert_eq!(call(&agree).key, KeyRef::Account);
}

#[test]
fn section_7_3_6_deactivation() {
    let request = DeactivateAccount { url: account() };
    assert_eq!(*payload(&call(&request)), json!({ "status": "deactivated" }));
    let answer = reply(200, json!({ "status": "deactivated" }));
    assert_eq!(read(&request, &answer).status, AccountStatus::Deactivated);
}

#[test]
fn an_account_is_read_by_post_as_get() {
    let request = GetAccount { url: account() };
    assert_eq!(call(&request).payload, Payload::PostAsGet);
    assert_eq!(read(&request, &reply(200, json!({}))).status, AccountStatus::Valid);
}

#[test]
fn section_7_1_2_1_orders_come_in_pages_and_a_page_is_not_its_own_successor() {
    let request = ListOrders { url: url("https://ca.example/orders/1") };
    let page = |link: &str| {
        let body = json!({ "orders": ["https://ca.example/order/1"] });
        read(&request, &reply(200, body).with("link", link))
    };
    let next = page(r#"<https://ca.example/dir>;rel="index", </orders/1?cursor=2>;rel="next""#);
    assert_eq!(next.orders.len(), 1);
    assert_eq!(next.next.unwrap().as_str(), "https://ca.example/orders/1?cursor=2");
    assert_eq!(page(r#"</orders/1>;rel="next""#).next, None);
    assert_eq!(read(&request, &reply(200, json!({ "orders": null }))).orders, []);
}
