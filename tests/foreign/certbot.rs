use std::path::PathBuf;
use std::process::Command;

use harness::Tool;

use crate::world::{KID, MAC_KEY, World, client};

struct Certbot<'a> {
    program: PathBuf,
    world: &'a World,
}

impl Certbot<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--non-interactive", "--server", self.world.directory()]);
        for folder in ["config", "work", "logs"] {
            command.arg(format!("--{folder}-dir")).arg(self.world.path(folder));
        }
        command.env("REQUESTS_CA_BUNDLE", self.world.root());
        command
    }

    fn certonly(&self, name: &str, more: &[&str]) -> Command {
        let mut command = self.command(&["certonly", "--standalone", "--agree-tos"]);
        let port = self.world.http_port().to_string();
        command.args(["--http-01-address", "127.0.0.1", "--http-01-port", &port]);
        command.args(["--email", "admin@a.example", "--no-eff-email", "--domain", name]).args(more);
        command
    }

    fn chain(&self, name: &str) -> PathBuf {
        self.world.path("config/live").join(name).join("fullchain.pem")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_issues_renews_revokes_and_closes_its_account() {
    let Some(program) = client(Tool::Certbot) else {
        return;
    };
    let world = World::new().await;
    let certbot = Certbot { program, world: &world };
    world.run(&mut certbot.certonly("a.example", &["--domain", "b.example"]));
    let first = world.certificate(&certbot.chain("a.example"), "a.example");
    world.certificate(&certbot.chain("a.example"), "b.example");

    let renew = ["renew", "--force-renewal", "--no-random-sleep-on-renew"];
    world.run(&mut certbot.command(&renew));
    let second = world.certificate(&certbot.chain("a.example"), "a.example");
    assert_ne!(first.serial(), second.serial());

    let mut revoke = certbot.command(&["revoke", "--no-delete-after-revoke"]);
    world.run(revoke.args(["--reason", "superseded", "--cert-name", "a.example"]));
    assert!(world.is_revoked(&second).await && !world.is_revoked(&first).await);

    world.run(&mut certbot.command(&["unregister"]));
    let refused = world.fails(&mut certbot.command(&["show_account"]));
    assert!(refused.contains("Could not find an existing account"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_revokes_with_the_certificates_key_and_asks_for_renewal_information() {
    let Some(program) = client(Tool::Certbot) else {
        return;
    };
    let world = World::new().await;
    let certbot = Certbot { program, world: &world };
    world.run(&mut certbot.certonly("a.example", &["--key-type", "rsa"]));
    let certificate = world.certificate(&certbot.chain("a.example"), "a.example");
    // Its window has not come, so nothing is renewed.
    world.run(&mut certbot.command(&["renew", "--no-random-sleep-on-renew"]));
    let same = world.certificate(&certbot.chain("a.example"), "a.example");
    assert_eq!(certificate.serial(), same.serial());

    let folder = world.path("config/live/a.example");
    let mut revoke = certbot.command(&["revoke", "--no-delete-after-revoke"]);
    revoke.arg("--cert-path").arg(folder.join("cert.pem"));
    world.run(revoke.arg("--key-path").arg(folder.join("privkey.pem")));
    assert!(world.is_revoked(&certificate).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_binds_an_external_account() {
    let Some(program) = client(Tool::Certbot) else {
        return;
    };
    let world = World::with_external_accounts().await;
    let certbot = Certbot { program, world: &world };
    world.fails(&mut certbot.certonly("a.example", &[]));
    let bound = ["--eab-kid", KID, "--eab-hmac-key", MAC_KEY];
    world.run(&mut certbot.certonly("a.example", &bound));
    world.certificate(&certbot.chain("a.example"), "a.example");
}
