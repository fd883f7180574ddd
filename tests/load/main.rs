//! Load on an ACME server, over real HTTPS and with real signatures. `cargo xtask bench` runs it.
//!
//! - `load serve ROOT.pem` is our server, as a process of its own whose memory can be measured. It
//!   prints the directory's URL, and ends when its standard input does. It takes challenges for
//!   valid without looking, as a Pebble with `PEBBLE_VA_ALWAYS_VALID` does.
//! - `load run DIRECTORY ROOT.pem ORDERS CLIENTS` places orders, each to the downloaded certificate,
//!   and prints one JSON document about it.

#![expect(clippy::print_stdout, reason = "a command")]

mod client;

use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lacme::{TransportConfig, Trust, Url};
use lacme_ca::{AcmeServer, LoopbackOptions};
use serde_json::json;
use tokio::task::JoinSet;

use client::LoadClient;

/// For one answer; a server that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", root] => serve(root).await,
        ["run", directory, root, orders, clients] => {
            run(directory, root, orders.parse()?, clients.parse()?).await
        }
        _ => Err("load serve ROOT.pem, or load run DIRECTORY ROOT.pem ORDERS CLIENTS".into()),
    }
}

async fn serve(root: &str) -> Outcome {
    let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await?;
    std::fs::write(root, &server.root_pem)?;
    println!("{}", server.directory_url);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    server.shutdown().await;
    Ok(())
}

async fn run(directory: &str, root: &str, orders: usize, clients: usize) -> Outcome {
    let directory = Url::parse(directory)?;
    let trust = Trust::only(std::fs::read(root)?);
    let way = TransportConfig::default().with_trust(trust).with_timeout(PATIENCE);

    // Each has a connection and an account of its own, made before the clock starts.
    let mut joining = JoinSet::new();
    for number in 0..clients {
        joining.spawn(LoadClient::join(number, directory.clone(), way.clone()));
    }
    let mut joined = Vec::new();
    while let Some(client) = joining.join_next().await {
        joined.push(client??);
    }

    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut working = JoinSet::new();
    for mut client in joined {
        let next = Arc::clone(&next);
        working.spawn(async move {
            let before = client.requests();
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= orders {
                    return Outcome::Ok((took, client.requests() - before));
                }
                let start = Instant::now();
                client.order(number).await?;
                took.push(start.elapsed());
            }
        });
    }
    let (mut took, mut requests) = (Vec::new(), 0);
    while let Some(worked) = working.join_next().await {
        let (times, sent) = worked??;
        took.extend(times);
        requests += sent;
    }
    let seconds = start.elapsed().as_secs_f64();
    took.sort_unstable();
    println!(
        "{}",
        json!({
            "orders": took.len(),
            "seconds": seconds,
            "requests": requests,
            "median_ms": percentile(&took, 50),
            "p99_ms": percentile(&took, 99),
        })
    );
    Ok(())
}

/// In milliseconds; 0 without any.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
