//! The server that runs while proofs stand.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use acme_challenges::http01::Standalone;
use acme_challenges::{Solver, SolverError, SolverErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::{dns_proof, get, path, proof, request};

/// Long enough that only a fault reaches it.
const LONG: Duration = Duration::from_secs(20);
/// Long enough for something that is ready to show itself.
const SHORT: Duration = Duration::from_millis(150);

fn on_any_port() -> Standalone {
    Standalone::new().address("127.0.0.1:0".parse().unwrap())
}

/// A solver on a free port, its proof `a` standing, and where it listens.
async fn standing() -> (Standalone, SocketAddr) {
    let solver = on_any_port();
    solver.provision(&[proof("a")]).await.unwrap();
    let address = solver.local_address().unwrap();
    (solver, address)
}

/// Polls `call` once, so that it is under way when it is dropped.
fn begin_and_drop(call: impl Future<Output = Result<(), SolverError>>) {
    let polled = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

fn is_free(address: SocketAddr) -> bool {
    std::net::TcpListener::bind(address).is_ok()
}

#[tokio::test]
async fn a_proof_is_served_and_then_the_port_is_free() {
    let (solver, address) = standing().await;
    let reply = get(address, &path("a")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "a.thumbprint"));
    assert!(reply.headers.contains("content-type: application/octet-stream"), "{reply:?}");
    assert!(reply.headers.contains("content-length: 12"), "{reply:?}");
    assert!(reply.headers.contains("connection: close"), "{reply:?}");

    solver.cleanup(&[proof("a")]).await.unwrap();
    assert!(is_free(address));
    assert_eq!(solver.local_address(), None);
}

#[tokio::test]
async fn requests_are_answered_as_they_deserve() {
    let (solver, address) = standing().await;
    let cases = [
        ("HEAD", path("a"), 200),
        ("GET", format!("http://example.com{}", path("a")), 200),
        ("GET", path("unknown"), 404),
        ("GET", path("a.b"), 400),
        ("GET", path(""), 400),
        ("GET", path("../../../etc/passwd"), 400),
        ("GET", path("%2e%2e/a"), 400),
        ("GET", path(&"a".repeat(5000)), 400),
        ("GET", "/".into(), 404),
        ("GET", format!("/x/..{}", path("a")), 404),
        ("GET", format!("/{}", "x/".repeat(2000)), 404),
        ("GET", path(&"a".repeat(9000)), 431),
        ("POST", path("a"), 405),
        ("DELETE", path("a"), 405),
        ("POST", "/".into(), 405),
        ("OPTIONS", "*".into(), 405),
    ];
    for (method, target, status) in cases {
        let reply = request(address, method, &target).await;
        assert_eq!(reply.status, status, "{method} {target:.80}");
        assert_eq!(reply.body.contains("thumbprint"), status == 200 && method == "GET");
    }
    solver.cleanup(&[proof("a")]).await.unwrap();
}

#[tokio::test]
async fn the_server_does_not_mind_how_it_is_called() {
    let (_solver, address) = standing().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {} HTTP/1.0\r\n\r\n", path("a"));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("\r\n\r\na.thumbprint"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_orders_share_one_server() {
    let solver = Arc::new(on_any_port());
    solver.provision(&[proof("first")]).await.unwrap();
    let address = solver.local_address().unwrap();

    let orders = (0..50).map(|n| {
        let solver = solver.clone();
        tokio::spawn(async move {
            let proofs = [proof(&format!("{n}-a")), proof(&format!("{n}-b"))];
            solver.provision(&proofs).await.unwrap();
            assert_eq!(solver.local_address(), Some(address));
            assert_eq!(get(address, &path(&format!("{n}-b"))).await.status, 200);
            solver.cleanup(&proofs).await.unwrap();
            assert_eq!(get(address, &path(&format!("{n}-b"))).await.status, 404);
        })
    });
    for order in orders.collect::<Vec<_>>() {
        order.await.unwrap();
    }
    assert!(!is_free(address));
    solver.cleanup(&[proof("first")]).await.unwrap();
    assert!(is_free(address));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_come_and_go_always_find_a_server() {
    let (solver, address) = standing().await;
    solver.cleanup(&[proof("a")]).await.unwrap();
    let solver = Arc::new(Standalone::new().address(address));

    let orders = (0..8).map(|n| {
        let solver = solver.clone();
        tokio::spawn(async move {
            for round in 0..10 {
                let token = format!("{n}-{round}");
                solver.provision(&[proof(&token)]).await.unwrap();
                assert_eq!(get(address, &path(&token)).await.status, 200);
                solver.cleanup(&[proof(&token)]).await.unwrap();
            }
        })
    });
    for order in orders.collect::<Vec<_>>() {
        timeout(LONG, order).await.unwrap().unwrap();
    }
    assert!(is_free(address));
}

#[tokio::test]
async fn a_busy_port_is_waited_for() {
    let (first, address) = standing().await;
    let second = Standalone::new().address(address);
    let proofs = [proof("b")];
    let mut waiting = second.provision(&proofs);
    assert!(timeout(SHORT, &mut waiting).await.is_err(), "two servers on one port");

    first.cleanup(&[proof("a")]).await.unwrap();
    timeout(LONG, waiting).await.unwrap().unwrap();
    assert_eq!(get(address, &path("b")).await.body, "b.thumbprint");
    second.cleanup(&proofs).await.unwrap();
}

#[tokio::test]
async fn a_port_that_stays_busy_is_named_in_the_error() {
    let (first, address) = standing().await;
    let second = Standalone::new().address(address).port_wait(Duration::from_millis(120));
    let begin = Instant::now();
    let error = second.provision(&[proof("b")]).await.unwrap_err();
    assert!(begin.elapsed() >= Duration::from_millis(120));

    assert_eq!(error.identifier.to_string(), "example.com");
    let SolverErrorKind::Bind { address: named, source, .. } = &error.kind else {
        panic!("{error}")
    };
    assert_eq!((*named, source.kind()), (address, ErrorKind::AddrInUse));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("another program"), "{text}");
    assert!(error.source().is_some());

    second.cleanup(&[proof("b")]).await.unwrap();
    assert_eq!(get(address, &path("a")).await.status, 200, "the other server was harmed");
    first.cleanup(&[proof("a")]).await.unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused_at_once() {
    let solver = Standalone::new().address("192.0.2.1:0".parse().unwrap());
    let error = timeout(LONG, solver.provision(&[proof("a")])).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("this machine does not have that address"), "{error}");
}

#[tokio::test]
async fn a_dropped_provision_leaves_nothing_after_cleanup() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = holder.local_addr().unwrap();
    let solver = Standalone::new().address(address);
    assert!(timeout(SHORT, solver.provision(&[proof("a")])).await.is_err());
    solver.cleanup(&[proof("a")]).await.unwrap();

    drop(holder);
    solver.provision(&[proof("b")]).await.unwrap();
    assert_eq!(get(address, &path("a")).await.status, 404);
    solver.cleanup(&[proof("b")]).await.unwrap();
    assert!(is_free(address));
}

#[tokio::test]
async fn a_dropped_cleanup_may_be_called_again() {
    let (solver, address) = standing().await;
    let proofs = [proof("a")];
    begin_and_drop(solver.cleanup(&proofs));
    solver.cleanup(&proofs).await.unwrap();
    assert!(is_free(address));
}

#[tokio::test]
async fn an_order_that_meets_a_stopping_server_gets_a_new_one() {
    let (solver, _) = standing().await;
    begin_and_drop(solver.cleanup(&[proof("a")]));
    solver.provision(&[proof("b")]).await.unwrap();
    let address = solver.local_address().unwrap();
    assert_eq!(get(address, &path("b")).await.status, 200);
    assert_eq!(get(address, &path("a")).await.status, 404);
}

#[tokio::test]
async fn cleanup_of_what_never_stood_is_fine() {
    let solver = on_any_port();
    solver.cleanup(&[proof("a"), dns_proof()]).await.unwrap();
    solver.cleanup(&[]).await.unwrap();
    solver.provision(&[]).await.unwrap();
    assert_eq!(solver.local_address(), None);
}

#[tokio::test]
async fn a_proof_of_another_type_starts_no_server() {
    let solver = on_any_port();
    solver.provision(&[proof("a"), dns_proof()]).await.unwrap_err();
    assert_eq!(solver.local_address(), None);
}

#[tokio::test]
async fn a_slow_client_is_dropped_and_blocks_nobody() {
    let solver = on_any_port().connection_time(Duration::from_millis(300));
    solver.provision(&[proof("a")]).await.unwrap();
    let address = solver.local_address().unwrap();

    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /.well-known/acme-chal").await.unwrap();
    assert_eq!(get(address, &path("a")).await.status, 200);
    let mut rest = Vec::new();
    let dropped = timeout(LONG, slow.read_to_end(&mut rest)).await;
    assert!(dropped.is_ok() && rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn two_hundred_idle_connections_block_no_answer() {
    for limit in [256, 8] {
        let solver = on_any_port().max_connections(limit);
        solver.provision(&[proof("a")]).await.unwrap();
        let address = solver.local_address().unwrap();

        let mut idle = Vec::new();
        for _ in 0..200 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let reply = timeout(Duration::from_secs(5), get(address, &path("a"))).await.unwrap();
        assert_eq!(reply.status, 200);
        timeout(LONG, solver.cleanup(&[proof("a")])).await.unwrap().unwrap();
        assert!(is_free(address));
    }
}

#[tokio::test]
async fn one_connection_too_many_closes_the_oldest() {
    let solver = on_any_port().max_connections(2);
    solver.provision(&[proof("a")]).await.unwrap();
    let address = solver.local_address().unwrap();

    let mut oldest = TcpStream::connect(address).await.unwrap();
    let mut newer = TcpStream::connect(address).await.unwrap();
    assert_eq!(get(address, &path("a")).await.status, 200);
    assert_eq!(timeout(LONG, oldest.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
    assert!(timeout(SHORT, newer.read(&mut [0])).await.is_err(), "the newer one was closed too");
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let (_solver, address) = standing().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let endless = async {
        while stream.write_all(b"X-Filler: 0123456789012345678901234567890\r\n").await.is_ok() {}
    };
    timeout(LONG, endless).await.unwrap();
    assert_eq!(get(address, &path("a")).await.status, 200);
}

#[tokio::test]
async fn ipv4_reaches_the_ipv6_wildcard() {
    let solver = Standalone::new().address("[::]:0".parse().unwrap());
    solver.provision(&[proof("a")]).await.unwrap();
    let address = solver.local_address().unwrap();
    let ipv4 = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    assert_eq!(get(ipv4, &path("a")).await.status, 200);
    if is_free((Ipv6Addr::LOCALHOST, 0).into()) {
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
        assert_eq!(get(ipv6, &path("a")).await.status, 200);
    }
    solver.cleanup(&[proof("a")]).await.unwrap();
    assert!(is_free(ipv4));
}

#[tokio::test]
async fn a_restart_gets_the_port_at_once() {
    let (solver, address) = standing().await;
    assert_eq!(get(address, &path("a")).await.status, 200);
    solver.cleanup(&[proof("a")]).await.unwrap();

    let next = Standalone::new().address(address).port_wait(Duration::ZERO);
    next.provision(&[proof("b")]).await.unwrap();
    next.cleanup(&[proof("b")]).await.unwrap();
}

#[tokio::test]
async fn dropping_the_solver_frees_the_port() {
    let (solver, address) = standing().await;
    drop(solver);
    let next = Standalone::new().address(address);
    timeout(LONG, next.provision(&[proof("b")])).await.unwrap().unwrap();
}

#[test]
fn a_server_whose_runtime_is_gone_is_started_anew() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let solver = on_any_port();
    runtime().block_on(solver.provision(&[proof("a")])).unwrap();
    assert_eq!(solver.local_address(), None);
    runtime().block_on(async {
        solver.provision(&[proof("b")]).await.unwrap();
        let address = solver.local_address().unwrap();
        assert_eq!(get(address, &path("a")).await.status, 200);
        solver.cleanup(&[proof("b")]).await.unwrap();
        solver.cleanup(&[proof("a")]).await.unwrap();
        assert!(is_free(address));
    });
}
