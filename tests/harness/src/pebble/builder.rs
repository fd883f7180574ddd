use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Pebble;
use crate::http::Client;
use crate::local_ca::{self, Identity};
use crate::process::{Process, tail};
use crate::tools::{self, Tool};
use crate::{Dns, Error, Ports};

/// Pebble's own settings; none of them may come from the environment of the test.
const VARIABLES: [&str; 8] = [
    "PEBBLE_WFE_NONCEREJECT",
    "PEBBLE_AUTHZREUSE",
    "PEBBLE_WFE_ORDERS_PER_PAGE",
    "PEBBLE_VA_NOSLEEP",
    "PEBBLE_VA_SLEEPTIME",
    "PEBBLE_VA_ALWAYS_VALID",
    "PEBBLE_ALTERNATE_ROOTS",
    "PEBBLE_CHAIN_LENGTH",
];

/// Old versions make RSA keys when they start; a busy machine takes its time for that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Another process can take a reserved port in the moment before Pebble binds it.
const ATTEMPTS: usize = 3;

/// Settings for a [`Pebble`] to be started.
///
/// By default it is strict, validates without sleeping, signs with ECDSA, requires no
/// external account, and refuses 5 % of all nonces and reuses half of all authorizations, as
/// Pebble does by itself.
#[derive(Clone, Debug)]
pub struct PebbleBuilder {
    tool: Tool,
    strict: bool,
    nonce_reject: Option<u8>,
    authz_reuse: Option<u8>,
    sleep: Option<u32>,
    always_valid: bool,
    alternate_roots: u8,
    chain_length: u8,
    orders_per_page: Option<u32>,
    external_accounts: Vec<(String, String)>,
    external_account_required: bool,
    profiles: Vec<Profile>,
    validity: Option<Duration>,
    retry_after: Option<(u32, u32)>,
    blocked: Vec<String>,
    caa_identities: Vec<String>,
    key_algorithm: &'static str,
    http_port: Option<u16>,
    tls_port: Option<u16>,
}

/// A certificate profile that the directory lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name that a client asks for.
    pub name: String,
    /// The text in the directory's `meta.profiles`.
    pub description: String,
    /// How long its certificates are valid.
    pub validity: Duration,
}

impl Default for PebbleBuilder {
    fn default() -> Self {
        Self {
            tool: Tool::Pebble,
            strict: true,
            nonce_reject: None,
            authz_reuse: None,
            sleep: None,
            always_valid: false,
            alternate_roots: 0,
            chain_length: 1,
            orders_per_page: None,
            external_accounts: Vec::new(),
            external_account_required: false,
            profiles: Vec::new(),
            validity: None,
            retry_after: None,
            blocked: Vec::new(),
            caa_identities: Vec::new(),
            key_algorithm: "ecdsa",
            http_port: None,
            tls_port: None,
        }
    }
}

impl PebbleBuilder {
    /// Takes version 2.4.0 instead of the newest: [`Tool::Pebble240`].
    #[must_use]
    pub fn version_240(mut self) -> Self {
        self.tool = Tool::Pebble240;
        self
    }

    /// Whether Pebble refuses what a future version may refuse. Default: it does.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// How many of 100 good nonces are refused with `badNonce`. Default: 5.
    #[must_use]
    pub fn nonce_reject(mut self, percent: u8) -> Self {
        self.nonce_reject = Some(percent);
        self
    }

    /// How many of 100 valid authorizations a new order reuses. Default: 50. With 100 an order for
    /// names that were validated before is `ready` at once.
    #[must_use]
    pub fn authz_reuse(mut self, percent: u8) -> Self {
        self.authz_reuse = Some(percent);
        self
    }

    /// Lets each validation wait a random time of up to `seconds`. Default: no waiting at all.
    ///
    /// Pebble sleeps whole seconds below the bound, so 1 means none as well.
    #[must_use]
    pub fn validation_sleep(mut self, seconds: u32) -> Self {
        self.sleep = Some(seconds);
        self
    }

    /// Takes every challenge for valid, without looking. Default: off.
    #[must_use]
    pub fn always_valid(mut self, on: bool) -> Self {
        self.always_valid = on;
        self
    }

    /// How many other chains each certificate has, as `alternate` links. Default: none.
    #[must_use]
    pub fn alternate_roots(mut self, count: u8) -> Self {
        self.alternate_roots = count;
        self
    }

    /// How many intermediates a chain has. Default: 1, which is also the least.
    #[must_use]
    pub fn chain_length(mut self, intermediates: u8) -> Self {
        self.chain_length = intermediates.max(1);
        self
    }

    /// How many orders one page of an account's list has. Default: Pebble's own, 3.
    #[must_use]
    pub fn orders_per_page(mut self, count: u32) -> Self {
        self.orders_per_page = Some(count);
        self
    }

    /// Makes an external account known: key identifier, and MAC key in base64url.
    ///
    /// Without [`Self::require_external_account`] a client may use it, or not.
    #[must_use]
    pub fn external_account(mut self, kid: &str, mac_key: &str) -> Self {
        self.external_accounts.push((kid.to_owned(), mac_key.to_owned()));
        self
    }

    /// Whether a new account needs an external one. Default: no.
    #[must_use]
    pub fn require_external_account(mut self, required: bool) -> Self {
        self.external_account_required = required;
        self
    }

    /// Adds a profile. Default: one named `default`, valid for 90 days. The first call replaces it.
    #[must_use]
    pub fn profile(mut self, name: &str, description: &str, validity: Duration) -> Self {
        self.profiles.push(Profile {
            name: name.to_owned(),
            description: description.to_owned(),
            validity,
        });
        self
    }

    /// How long certificates are valid where no profile says. Default: 90 days. Whole seconds.
    #[must_use]
    pub fn validity(mut self, validity: Duration) -> Self {
        self.validity = Some(validity);
        self
    }

    /// Sends Retry-After with pending authorizations and processing orders, as seconds or as a date
    /// by chance. Default: neither.
    #[must_use]
    pub fn retry_after(mut self, authorization_seconds: u32, order_seconds: u32) -> Self {
        self.retry_after = Some((authorization_seconds, order_seconds));
        self
    }

    /// Refuses orders for a name and all names below it, with `rejectedIdentifier`. Default: none.
    #[must_use]
    pub fn block_domain(mut self, name: &str) -> Self {
        self.blocked.push(name.to_owned());
        self
    }

    /// Adds a name to the directory's `caaIdentities`, from which dns-persist-01 takes its issuers.
    /// Default: `pebble.letsencrypt.org`. The first call replaces it.
    #[must_use]
    pub fn caa_identity(mut self, name: &str) -> Self {
        self.caa_identities.push(name.to_owned());
        self
    }

    /// Signs with RSA keys. Default: ECDSA, which starts faster (Pebble 2.4.0 knows RSA only).
    #[must_use]
    pub fn rsa(mut self) -> Self {
        self.key_algorithm = "rsa";
        self
    }

    /// The port that http-01 is validated on. Default: a reserved one.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = Some(port);
        self
    }

    /// The port that tls-alpn-01 is validated on. Default: a reserved one.
    #[must_use]
    pub fn tls_port(mut self, port: u16) -> Self {
        self.tls_port = Some(port);
        self
    }

    /// Starts Pebble and its DNS server, and waits until both answer.
    ///
    /// # Panics
    ///
    /// When that cannot be done; [`Self::try_start`] returns the reason instead.
    #[must_use]
    pub fn start(self) -> Pebble {
        self.try_start().unwrap_or_else(|error| panic!("no Pebble for this test: {error}"))
    }

    /// Starts Pebble and its DNS server, and waits until both answer.
    ///
    /// # Errors
    ///
    /// When the programs cannot be had, or do not come up within a minute.
    pub fn try_start(&self) -> Result<Pebble, Error> {
        let mut attempt = 1;
        loop {
            match self.start_once() {
                Err(Error::NotUp { why, .. })
                    if attempt < ATTEMPTS && why.contains("address already in use") => {}
                outcome => return outcome,
            }
            attempt += 1;
        }
    }

    fn start_once(&self) -> Result<Pebble, Error> {
        let program = tools::find(self.tool)?;
        let folder = tempfile::Builder::new().prefix("pebble-").tempdir();
        let folder = folder.map_err(Error::io("create a folder for Pebble"))?;
        let ports = Ports::reserve()?;
        let [acme, management, http, tls, dns, dns_management, ..] = ports.all();
        let http_port = self.http_port.unwrap_or(http);
        let tls_port = self.tls_port.unwrap_or(tls);

        let identity = local_ca::make()?;
        let config = self.config([acme, management, http_port, tls_port], folder.path());
        write_files(folder.path(), &identity, &config)?;
        let acme = Client::trusting(&identity.root, acme)?;
        let management = acme.at(management);

        let dns = Dns::start(folder.path(), dns, dns_management)?;
        let mut command = Command::new(program.path());
        command.arg("-config").arg(folder.path().join("config.json"));
        command.args(["-dnsserver", &dns.address().to_string()]);
        command.args(self.strict.then_some("-strict"));
        self.environment(&mut command);
        let process = Process::start(&command, folder.path().join("pebble.log"))?;

        let pebble = Pebble {
            process: Mutex::new(process),
            dns,
            program,
            acme,
            management,
            http_port,
            tls_port,
            ca_bundle: folder.path().join("ca.pem"),
            _folder: folder,
            _ports: ports,
        };
        wait_until_up(&pebble)?;
        Ok(pebble)
    }

    fn config(&self, [acme, management, http, tls]: [u16; 4], folder: &Path) -> Value {
        let validity = self.validity.unwrap_or(Duration::from_secs(90 * 24 * 3600));
        let mut profiles: Map<String, Value> = self
            .profiles
            .iter()
            .map(|profile| (profile.name.clone(), describe(&profile.description, profile.validity)))
            .collect();
        if profiles.is_empty() {
            profiles.insert("default".to_owned(), describe("The default profile", validity));
        }
        let keys: Map<String, Value> = self
            .external_accounts
            .iter()
            .map(|(kid, key)| (kid.clone(), key.as_str().into()))
            .collect();
        let mut pebble = json!({
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("cert.pem"),
            "privateKey": folder.join("key.pem"),
            "httpPort": http,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.external_account_required,
            "externalAccountMACKeys": keys,
            "caaIdentities": self.caa_identities,
            "domainBlocklist": self.blocked,
            "keyAlgorithm": self.key_algorithm,
            "profiles": profiles,
            // What versions without profiles look at.
            "certificateValidityPeriod": validity.as_secs(),
        });
        if let Some((authz, order)) = self.retry_after {
            pebble["retryAfter"] = json!({"authz": authz, "order": order});
        }
        json!({ "pebble": pebble })
    }

    fn environment(&self, command: &mut Command) {
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        let mut set = |variable: &str, value: Option<u32>| {
            if let Some(value) = value {
                command.env(variable, value.to_string());
            }
        };
        set("PEBBLE_WFE_NONCEREJECT", self.nonce_reject.map(u32::from));
        set("PEBBLE_AUTHZREUSE", self.authz_reuse.map(u32::from));
        set("PEBBLE_WFE_ORDERS_PER_PAGE", self.orders_per_page);
        set("PEBBLE_VA_NOSLEEP", self.sleep.is_none().then_some(1));
        set("PEBBLE_VA_SLEEPTIME", self.sleep);
        set("PEBBLE_VA_ALWAYS_VALID", self.always_valid.then_some(1));
        set("PEBBLE_ALTERNATE_ROOTS", Some(self.alternate_roots.into()));
        set("PEBBLE_CHAIN_LENGTH", Some(self.chain_length.into()));
    }
}

fn describe(description: &str, validity: Duration) -> Value {
    json!({"description": description, "validityPeriod": validity.as_secs()})
}

fn write_files(folder: &Path, identity: &Identity, config: &Value) -> Result<(), Error> {
    let config = config.to_string();
    let files = [
        ("ca.pem", &identity.root),
        ("cert.pem", &identity.certificate),
        ("key.pem", &identity.key),
        ("config.json", &config),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io(format!("write {}", path.display())))?;
    }
    Ok(())
}

fn wait_until_up(pebble: &Pebble) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    while !pebble.is_answering() {
        if !pebble.process().is_running() || Instant::now() >= deadline {
            return Err(Error::NotUp { server: "pebble", why: tail(&pebble.log(), 10) });
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}
