use std::path::PathBuf;
use std::process::Command;

use harness::Tool;

use crate::webroot::Webroot;
use crate::world::{KID, MAC_KEY, World, client};

struct Dehydrated<'a> {
    program: PathBuf,
    world: &'a World,
}

impl<'a> Dehydrated<'a> {
    fn new(program: PathBuf, world: &'a World, more: &str) -> Self {
        let folder = world.path("dehydrated").display().to_string();
        let config = format!(
            "CA={}\nBASEDIR={folder}\nWELLKNOWN={}\nCURL_OPTS='--cacert {}'\n\
             CONTACT_EMAIL=admin@a.example\n{more}\n",
            world.directory(),
            world.path("webroot").display(),
            world.root().display(),
        );
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(world.path("config"), config).unwrap();
        Self { program, world }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.arg(&self.program).args(arguments).arg("--config").arg(self.world.path("config"));
        command
    }

    fn chain(&self, name: &str) -> PathBuf {
        self.world.path("dehydrated/certs").join(name).join("fullchain.pem")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dehydrated_issues_twice_revokes_and_closes_its_account() {
    let Some(program) = client(Tool::Dehydrated) else {
        return;
    };
    let world = World::new().await;
    let dehydrated =
        Dehydrated::new(program, &world, "CHALLENGETYPE=http-01\nKEY_ALGO=rsa\nKEYSIZE=2048");
    let _web = Webroot::serve(&world.path("webroot"), world.http_port()).await;
    world.run(&mut dehydrated.command(&["--register", "--accept-terms"]));
    let issue = ["--cron", "--force", "--domain", "a.example b.example"];
    world.run(&mut dehydrated.command(&issue));
    let first = world.certificate(&dehydrated.chain("a.example"), "b.example");
    world.run(&mut dehydrated.command(&issue));
    let second = world.certificate(&dehydrated.chain("a.example"), "a.example");
    assert_ne!(first.serial(), second.serial());

    let certificate = dehydrated.chain("a.example").with_file_name("cert.pem");
    world.run(&mut dehydrated.command(&["--revoke", certificate.to_str().unwrap()]));
    assert!(world.is_revoked(&second).await && !world.is_revoked(&first).await);

    world.run(&mut dehydrated.command(&["--account"]));
    world.run(&mut dehydrated.command(&["--deactivate"]));
    world.fails(&mut dehydrated.command(&issue));
}

#[tokio::test(flavor = "multi_thread")]
async fn dehydrated_issues_by_dns01_with_a_bound_account() {
    let Some(program) = client(Tool::Dehydrated) else {
        return;
    };
    let world = World::with_external_accounts().await;
    let management = world.dns.management_url();
    let hook = world.script(
        "hook",
        &format!(
            r#"name=_acme-challenge.$2.
case $1 in
deploy_challenge) curl -sSf -d "{{\"host\": \"$name\", \"value\": \"$4\"}}" {management}/set-txt ;;
clean_challenge) curl -sSf -d "{{\"host\": \"$name\"}}" {management}/clear-txt ;;
esac"#
        ),
    );
    let config = format!(
        "CHALLENGETYPE=dns-01\nHOOK={}\nEAB_KID={KID}\nEAB_HMAC_KEY={MAC_KEY}",
        hook.display()
    );
    let dehydrated = Dehydrated::new(program, &world, &config);
    world.run(&mut dehydrated.command(&["--register", "--accept-terms"]));
    let wildcard = ["--cron", "--domain", "*.a.example", "--alias", "wild"];
    world.run(&mut dehydrated.command(&wildcard));
    world.certificate(&dehydrated.chain("wild"), "any.a.example");
}
