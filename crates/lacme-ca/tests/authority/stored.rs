//! An authority in a store.

use acme_store::{Key, Parts, Store};
use lacme_ca::{Authority, AuthorityError, AuthorityOptions};

use crate::support::{is_trusted, now, request};

#[tokio::test]
async fn an_authority_comes_back_with_its_keys_and_options() {
    let folder = tempfile::tempdir().unwrap();
    for count in 0..=2 {
        let store = Store::open(folder.path().join(count.to_string())).unwrap();
        let options = AuthorityOptions::new()
            .name("Example Internal CA")
            .intermediates(count)
            .alternate_root(true);
        let made = Authority::init(&store, options, now()).await.unwrap();
        let opened = Authority::open(&store).await.unwrap();
        assert_eq!(opened.root_pem(), made.root_pem());
        assert_eq!(opened.intermediate_pem(), made.intermediate_pem());
        assert_eq!(opened.alternate_root_pem(), made.alternate_root_pem());
        let leaf = opened.issue(&request(&["a.example"]), now()).unwrap();
        assert!(is_trusted(&made.root_pem(), &leaf.chain_pem, "a.example", now()));
        let other = made.alternate_root_pem().unwrap();
        assert!(is_trusted(&other, &leaf.alternates[0], "a.example", now()));
    }
}

#[tokio::test]
async fn the_root_is_a_file_that_people_can_hand_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let authority = Authority::init(&store, AuthorityOptions::new(), now()).await.unwrap();
    let root = std::fs::read_to_string(folder.path().join("ca/root.pem")).unwrap();
    assert_eq!(root, authority.root_pem());
    let intermediate = std::fs::read_to_string(folder.path().join("ca/intermediate.pem")).unwrap();
    assert_eq!(intermediate, authority.intermediate_pem());
}

#[tokio::test]
async fn of_many_who_make_an_authority_at_once_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let inits = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { Authority::init(&store, AuthorityOptions::new(), now()).await })
    });
    let mut roots = Vec::new();
    for init in inits.collect::<Vec<_>>() {
        match init.await.unwrap() {
            Ok(authority) => roots.push(authority.root_pem()),
            Err(error) => assert!(matches!(error, AuthorityError::Exists), "{error}"),
        }
    }
    assert_eq!(roots, [Authority::open(&store).await.unwrap().root_pem()]);
}

#[tokio::test]
async fn an_empty_store_says_how_to_get_an_authority() {
    let error = Authority::open(&Store::memory()).await.unwrap_err();
    assert!(matches!(error, AuthorityError::Absent));
    assert!(error.to_string().contains("lacme ca init"));
}

#[tokio::test]
async fn a_damaged_authority_is_not_opened() {
    let parts = |options: AuthorityOptions| async {
        let store = Store::memory();
        Authority::init(&store, options, now()).await.unwrap();
        store.authority().await.unwrap().unwrap()
    };
    let ours = parts(AuthorityOptions::new().intermediates(2)).await;
    let other = parts(AuthorityOptions::new().intermediates(2)).await;
    let opened = |parts: Parts| async {
        let store = Store::memory();
        store.create_authority(parts).await.unwrap();
        Authority::open(&store).await.map(drop)
    };
    assert!(opened(ours.clone()).await.is_ok());
    for name in ours.keys() {
        let mut lacking = ours.clone();
        lacking.remove(name);
        assert!(opened(lacking).await.is_err(), "without {name}");
        let mut broken = ours.clone();
        broken.insert(name.clone(), "junk".into());
        assert!(opened(broken).await.is_err(), "{name} is junk");
        if name != "authority.json" {
            let mut mixed = ours.clone();
            mixed.insert(name.clone(), other[name].clone());
            assert!(opened(mixed).await.is_err(), "{name} is another's");
        }
    }
}

#[tokio::test]
async fn debug_shows_no_key() {
    let store = Store::memory();
    let authority = Authority::init(&store, AuthorityOptions::new(), now()).await.unwrap();
    let leaf = authority.issue(&request(&["a.example"]), now()).unwrap();
    for shown in [format!("{authority:?}"), format!("{leaf:?}")] {
        assert!(!shown.contains("PRIVATE") && !shown.contains("pkcs8"), "{shown}");
    }
    assert_eq!(Key::authority().to_string(), "ca");
}
