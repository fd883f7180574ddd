use std::path::PathBuf;
use std::process::Command;

use harness::Tool;

use crate::world::{KID, MAC_KEY, World, client};

struct Lego<'a> {
    program: PathBuf,
    world: &'a World,
}

impl Lego<'_> {
    /// A command for these names; options of the challenge and the account stand before it.
    fn command(&self, names: &[&str], options: &[&str], command: &[&str]) -> Command {
        let mut lego = Command::new(&self.program);
        lego.args(["--server", self.world.directory(), "--email", "admin@a.example"]);
        lego.arg("--accept-tos").arg("--path").arg(self.world.path("lego"));
        lego.args(names.iter().flat_map(|name| ["--domains", name])).args(options).args(command);
        lego.env("LEGO_CA_CERTIFICATES", self.world.root());
        lego
    }

    fn chain(&self, name: &str) -> PathBuf {
        self.world.path("lego/certificates").join(format!("{name}.crt"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_issues_renews_and_revokes_by_http01() {
    let Some(program) = client(Tool::Lego) else {
        return;
    };
    let world = World::new().await;
    let lego = Lego { program, world: &world };
    let names = ["a.example", "b.example"];
    let port = format!("127.0.0.1:{}", world.http_port());
    let http = ["--http", "--http.port", &port];
    world.run(&mut lego.command(&names, &http, &["run"]));
    let first = world.certificate(&lego.chain("a.example"), "b.example");

    let renew = ["renew", "--days", "1000", "--no-random-sleep"];
    world.run(&mut lego.command(&names, &http, &renew));
    let second = world.certificate(&lego.chain("a.example"), "a.example");
    assert_ne!(first.serial(), second.serial());

    world.run(&mut lego.command(&["a.example"], &[], &["revoke", "--keep", "--reason", "4"]));
    assert!(world.is_revoked(&second).await && !world.is_revoked(&first).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_issues_a_wildcard_by_dns01() {
    let Some(program) = client(Tool::Lego) else {
        return;
    };
    let world = World::new().await;
    let lego = Lego { program, world: &world };
    let management = world.dns.management_url();
    let hook = world.script(
        "hook",
        &format!(
            r#"case $1 in
present) curl -sSf -d "{{\"host\": \"$2\", \"value\": \"$3\"}}" {management}/set-txt ;;
cleanup) curl -sSf -d "{{\"host\": \"$2\"}}" {management}/clear-txt ;;
esac"#
        ),
    );
    let resolver = world.dns.address().to_string();
    let dns = ["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", &resolver];
    let mut run = lego.command(&["*.a.example", "a.example"], &dns, &["run"]);
    run.env("EXEC_PATH", hook).env("EXEC_POLLING_INTERVAL", "1");
    // Between the two names: a minute, otherwise.
    world.run(run.env("EXEC_SEQUENCE_INTERVAL", "1"));
    let chain = lego.chain("_.a.example");
    world.certificate(&chain, "a.example");
    world.certificate(&chain, "any.a.example");
    assert!(world.dns.queries("_acme-challenge.a.example").unwrap().contains(&16));
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_issues_by_tls_alpn01() {
    let Some(program) = client(Tool::Lego) else {
        return;
    };
    let world = World::new().await;
    let lego = Lego { program, world: &world };
    let port = format!("127.0.0.1:{}", world.tls_port());
    world.run(&mut lego.command(&["a.example"], &["--tls", "--tls.port", &port], &["run"]));
    world.certificate(&lego.chain("a.example"), "a.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_binds_an_external_account() {
    let Some(program) = client(Tool::Lego) else {
        return;
    };
    let world = World::with_external_accounts().await;
    let lego = Lego { program, world: &world };
    let port = format!("127.0.0.1:{}", world.http_port());
    let http = ["--http", "--http.port", &port, "--key-type", "rsa2048"];
    let bound = [&http[..], &["--eab", "--kid", KID, "--hmac", MAC_KEY]].concat();
    world.run(&mut lego.command(&["a.example"], &bound, &["run"]));
    world.certificate(&lego.chain("a.example"), "a.example");
}
