//! Which addresses a name has, and which of them is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use acme_proto::{ChallengeType, Problem};
use hickory_resolver::proto::op::ResponseCode;
use lacme_ca::{AddressPreference, NetworkValidatorBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::dns::Dns;
use crate::support::{KEY_AUTHORIZATION, judge, local, told, validation};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const NAME: &str = "looked-up.example";

/// A server on 127.0.0.1 alone.
async fn server() -> u16 {
    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let answer = format!("HTTP/1.0 200 OK\r\n\r\n{KEY_AUTHORIZATION}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

async fn judge_with(builder: NetworkValidatorBuilder) -> Result<(), Problem> {
    let validator = builder.http_port(server().await);
    judge(validator, &validation(ChallengeType::Http01, NAME)).await
}

#[tokio::test]
async fn a_name_is_looked_up_at_the_given_resolver() {
    let dns = Dns::start().await;
    dns.address(NAME, V4);
    assert_eq!(judge_with(local().resolver(dns.address)).await, Ok(()));
}

#[tokio::test]
async fn an_alias_leads_to_the_address() {
    let dns = Dns::start().await;
    dns.cname(NAME, "host.example");
    dns.address("host.example", V4);
    assert_eq!(judge_with(local().resolver(dns.address)).await, Ok(()));
}

#[tokio::test]
async fn where_the_preferred_family_does_not_answer_the_other_is_tried() {
    let dns = Dns::start().await;
    dns.address(NAME, V6);
    dns.address(NAME, V4);
    let with = |preference| local().resolver(dns.address).addresses(preference);
    assert_eq!(judge_with(with(AddressPreference::Ipv6First)).await, Ok(()));
    assert_eq!(judge_with(with(AddressPreference::Ipv4First)).await, Ok(()));
    assert_eq!(judge_with(with(AddressPreference::Ipv4Only)).await, Ok(()));
    let (kind, detail) = told(judge_with(with(AddressPreference::Ipv6Only)).await);
    assert_eq!(kind, "connection");
    assert!(detail.contains("[::1]") && !detail.contains("127.0.0.1"), "{detail}");
}

#[tokio::test]
async fn a_name_without_addresses_is_a_dns_problem() {
    let dns = Dns::start().await;
    let judge = async || told(judge_with(local().resolver(dns.address)).await);
    let (kind, detail) = judge().await;
    assert_eq!(kind, "dns");
    assert!(detail.contains("NXDOMAIN"), "{detail}");
    dns.txt(NAME, "no address");
    let (kind, detail) = judge().await;
    assert_eq!(kind, "dns");
    assert!(detail.contains("no address"), "{detail}");
    dns.fails_for(NAME, ResponseCode::Refused);
    let (kind, detail) = judge().await;
    assert_eq!(kind, "dns");
    assert!(detail.contains("Refused"), "{detail}");
}

#[tokio::test]
async fn a_given_address_goes_before_dns() {
    let dns = Dns::start().await;
    dns.address(NAME, [192, 0, 2, 1].into());
    let validator = local().resolver(dns.address).address("Looked-Up.Example.", V4);
    assert_eq!(judge_with(validator).await, Ok(()));
}

#[tokio::test]
async fn a_second_resolver_helps_when_the_first_is_gone() {
    let dns = Dns::start().await;
    dns.address(NAME, V4);
    let gone = TcpListener::bind((V4, 0)).await.unwrap().local_addr().unwrap();
    let validator = local().resolver(gone).resolver(dns.address);
    assert_eq!(judge_with(validator).await, Ok(()));
}
