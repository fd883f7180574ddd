//! Several readers, writers and processes at one folder.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{certificate, content};
use crate::{Store, StoreError};

const STORE: &str = "ACME_STORE_TEST_FOLDER";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_always_see_one_version_while_it_changes_200_times() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Store::open(folder.path()).unwrap();
    writer.save_certificate(&certificate("a.example", "0")).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));

    let readers = (0..3).map(|_| {
        let (store, done) = (Store::open(folder.path()).unwrap(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let found = content(&store, "a.example").await.unwrap().expect("it never vanishes");
                let number: u32 = found.parse().unwrap();
                assert!(number >= last, "back from {last} to {number}");
                last = number;
                assert_eq!(store.certificates().await.unwrap().len(), 1);
            }
            last
        })
    });
    let readers: Vec<_> = readers.collect();
    let plain = {
        let (root, done) = (folder.path().to_owned(), Arc::clone(&done));
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                for (file, word) in [("cert.pem", "cert "), ("key.pem", "key ")] {
                    let text = std::fs::read_to_string(root.join("certs/a.example").join(file));
                    let text = text.expect("the file is always there");
                    assert!(text.starts_with(word) && text.ends_with('\n'), "{text:?}");
                }
            }
        })
    };
    for number in 1..=200 {
        writer.save_certificate(&certificate("a.example", &number.to_string())).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    plain.join().unwrap();
    for reader in readers {
        assert!(reader.await.unwrap() > 0, "a reader saw no change");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_one_folder_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let writers = (0..8).map(|number: u32| {
        let store = Store::open(folder.path()).unwrap();
        tokio::spawn(async move {
            for round in 0..5 {
                let mine = certificate("shared.example", &format!("{number}.{round}"));
                store.save_certificate(&mine).await.unwrap();
                let name = format!("n{number}.example");
                store.save_certificate(&certificate(&name, &round.to_string())).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.certificates().await.unwrap().len(), 9);
    assert!(content(&store, "shared.example").await.unwrap().unwrap().ends_with(".4"));
}

#[tokio::test]
async fn a_lease_ends_with_the_process_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let lease = async |wait| store.lease_certificate("a.example", wait).await;
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::tests::processes::hold_a_lease", "--ignored", "--nocapture"])
        .env(STORE, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("it is held")), "the holder has failed");

    let refused = lease(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let begun = Instant::now();
    lease(Duration::from_secs(30)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// The other process of the test above.
#[tokio::test]
#[ignore = "run by a_lease_ends_with_the_process_that_holds_it"]
async fn hold_a_lease() {
    let Some(folder) = std::env::var_os(STORE) else {
        return;
    };
    let store = Store::open(folder).unwrap();
    let _lease = store.lease_certificate("a.example", Duration::ZERO).await.unwrap();
    println!("it is held");
    std::io::stdout().flush().unwrap();
    // Until the other side kills this process, or is gone itself.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
