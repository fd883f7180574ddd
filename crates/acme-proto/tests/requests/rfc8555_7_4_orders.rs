use super::*;
use acme_proto::{CertificateId, FinalizeOrder, GetOrder, NewOrder, OrderStatus, ParseError};
use std::time::Duration;

fn get_order() -> GetOrder {
    GetOrder { url: url("https://ca.example/order/1") }
}

#[test]
fn a_plain_order_carries_its_identifiers_alone() {
    let order = NewOrder::new([dns("*.A.example."), dns("2001:DB8::1")]);
    let expected = json!({ "identifiers": [
        { "type": "dns", "value": "*.a.example" }, { "type": "ip", "value": "2001:db8::1" }
    ] });
    assert_eq!(*payload(&call(&order)), expected);
}

#[test]
fn times_are_rfc_3339_in_whole_seconds_and_the_rest_stands_where_it_is_asked_for() {
    let mut order = NewOrder::new([dns("a.example")]);
    order.not_before = Some(at(0));
    order.not_after = Some(at(60) + Duration::from_nanos(987_654_321));
    order.profile = Some("shortlived".into());
    order.replaces = Some(CertificateId::new(b"aki", b"serial"));
    let call = call(&order);
    assert_eq!(payload(&call)["notBefore"], "2027-01-15T08:00:00Z");
    assert_eq!(payload(&call)["notAfter"], "2027-01-15T08:01:00Z");
    assert_eq!(payload(&call)["profile"], "shortlived");
    assert_eq!(payload(&call)["replaces"], "YWtp.c2VyaWFs");
}

#[test]
fn rfc9773_section_5_replaces_only_where_the_ca_has_renewal_info() {
    let mut order = NewOrder::new([dns("a.example")]);
    order.replaces = Some(CertificateId::new(b"aki", b"serial"));
    let mut bare = directory();
    bare.renewal_info = None;
    let call = order.call(&bare).unwrap();
    assert_eq!(payload(&call).get("replaces"), None);
}

#[test]
fn an_order_is_found_by_its_location() {
    let body = json!({ "status": "pending", "finalize": "https://ca.example/f" });
    let request = NewOrder::new([dns("a.example")]);
    let located = read(&request, &reply(201, body.clone()).with("location", "/order/9"));
    assert_eq!(located.url.as_str(), "https://ca.example/order/9");
    let missing = request.parse(&call(&request), &reply(201, body));
    assert_eq!(missing, Err(ParseError::MissingHeader("Location".into())));
}

#[test]
fn zero_times_and_nulls_of_go_servers_mean_none() {
    let order = read(
        &get_order(),
        &reply(
            200,
            json!({
                "status": "processing", "finalize": "https://ca.example/f",
                "expires": "0001-01-01T00:00:00Z", "notBefore": "", "notAfter": null,
                "identifiers": null, "authorizations": null, "certificate": "", "replaces": null
            }),
        ),
    );
    assert_eq!((order.expires, order.not_before, order.not_after), (None, None, None));
    assert_eq!((order.identifiers.len(), order.authorizations.len()), (0, 0));
    assert_eq!(order.certificate, None);
}

#[test]
fn times_are_read_with_fractions_and_offsets() {
    let order = |expires: &str| {
        let body = json!({
            "status": "valid", "finalize": "https://ca.example/f", "expires": expires
        });
        get_order().parse(&call(&get_order()), &reply(200, body))
    };
    assert_eq!(order("2027-01-15T09:00:00+01:00").unwrap().expires, Some(at(0)));
    assert_eq!(
        order("2027-01-15T08:00:00.5Z").unwrap().expires,
        Some(at(0) + Duration::from_millis(500))
    );
    assert!(order("tomorrow").is_err());
}

#[test]
fn finalize_hands_in_the_csr_as_base64url() {
    let request = FinalizeOrder { url: url("https://ca.example/f"), csr: vec![0xfb, 0xff] };
    assert_eq!(*payload(&call(&request)), json!({ "csr": "-_8" }));
}

#[test]
fn a_state_that_nobody_knows_is_still_an_order() {
    let body = json!({ "status": "frozen", "finalize": "https://ca.example/f" });
    assert_eq!(read(&get_order(), &reply(200, body)).status, OrderStatus::Unknown);
}

#[test]
fn a_page_with_status_200_is_no_order() {
    let mut page = reply(200, json!("<html>"));
    page.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    let error = get_order().parse(&call(&get_order()), &page).unwrap_err();
    assert!(matches!(error, ParseError::ContentType { .. }), "{error}");
}
