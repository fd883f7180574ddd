use std::path::PathBuf;
use std::process::Command;

use harness::{Tool, namespace, skip};

use crate::webroot::Webroot;
use crate::world::{KID, MAC_KEY, World, client};

/// uacme trusts what the system trusts, and nothing else: it gets another view of this file.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

struct Uacme<'a> {
    program: PathBuf,
    world: &'a World,
}

impl Uacme<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = namespace::with_file(SYSTEM_ROOTS, &self.world.root());
        command.arg(&self.program).args(["--yes", "--acme-url", self.world.directory()]);
        command.arg("--confdir").arg(self.world.path("uacme")).args(arguments);
        command
    }

    /// Writes what a challenge asks for to the folder that is served.
    fn hook(&self) -> String {
        let folder = self.world.path("webroot").display().to_string();
        let lines = format!(
            r#"[ "$2" = http-01 ] || exit 1
case $1 in
begin) printf %s "$5" > "{folder}/$4" ;;
*) rm "{folder}/$4" ;;
esac"#
        );
        self.world.script("hook", &lines).to_str().unwrap().to_owned()
    }

    fn chain(&self, name: &str) -> PathBuf {
        self.world.path("uacme").join(name).join("cert.pem")
    }
}

/// The program, where it can be shown other roots.
fn uacme() -> Option<PathBuf> {
    let program = client(Tool::Uacme)?;
    if let Err(why) = namespace::available() {
        skip(&format!("uacme cannot be told what to trust: {why}"));
        return None;
    }
    Some(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn uacme_issues_twice_revokes_changes_its_key_and_closes_its_account() {
    let Some(program) = uacme() else {
        return;
    };
    let world = World::new().await;
    let uacme = Uacme { program, world: &world };
    let _web = Webroot::serve(&world.path("webroot"), world.http_port()).await;
    let hook = uacme.hook();
    world.run(&mut uacme.command(&["new", "admin@a.example"]));
    let issue = ["--force", "--hook", &hook, "issue", "a.example", "b.example"];
    world.run(&mut uacme.command(&issue));
    let first = world.certificate(&uacme.chain("a.example"), "b.example");

    world.run(&mut uacme.command(&["newkey"]));
    world.run(&mut uacme.command(&issue));
    let chain = uacme.chain("a.example");
    let second = world.certificate(&chain, "a.example");
    assert_ne!(first.serial(), second.serial());

    // It takes the certificate's folder away after that.
    world.run(&mut uacme.command(&["revoke", chain.to_str().unwrap()]));
    assert!(world.is_revoked(&second).await && !world.is_revoked(&first).await);

    world.run(&mut uacme.command(&["update", "other@a.example"]));
    world.run(&mut uacme.command(&["deactivate"]));
    let refused = world.fails(&mut uacme.command(&issue));
    assert!(refused.contains("deactivated") || refused.contains("uacme new"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uacme_binds_an_external_account_and_certifies_an_address() {
    let Some(program) = uacme() else {
        return;
    };
    let world = World::with_external_accounts().await;
    let uacme = Uacme { program, world: &world };
    let _web = Webroot::serve(&world.path("webroot"), world.http_port()).await;
    let hook = uacme.hook();
    world.run(&mut uacme.command(&["--type", "EC", "--eab", &format!("{KID}:{MAC_KEY}"), "new"]));
    world.run(&mut uacme.command(&["--type", "EC", "--hook", &hook, "issue", "127.0.0.1"]));
    world.certificate(&uacme.chain("127.0.0.1"), "127.0.0.1");
}
