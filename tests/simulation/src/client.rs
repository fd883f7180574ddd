//! A client's process: it registers, fulfils its wishes, and may die at any point. The next one
//! goes on with what is on the disk.

use std::time::Duration;

use acme_proto::{
    Action, CallError, ChallengeType, Directory, Event, GetDirectory, Issuance, IssuanceError,
    Issued, NewAccount, NewOrder, OrderStatus, Plan, Request, Resource, Url,
};
use futures_util::future::join_all;

use crate::call::Process;
use crate::crypto::{Sha256, key, signing_request};
use crate::fault::Fault;
use crate::proofs::key_of_proof;
use crate::server::BASE;

/// One try takes no longer than this.
const TIMEOUT: Duration = Duration::from_secs(300);

impl Process {
    /// Runs until every wish is fulfilled.
    pub(crate) async fn run(&self) {
        let wishes = self.disk(|disk| disk.wishes.len());
        while !self.has_registered().await {
            let pause = self.with(|world| world.dice.seconds(5..=60));
            self.sleep(pause).await;
        }
        join_all((0..wishes).map(|number| self.fulfil(number))).await;
    }

    /// Whether directory and account are known; tries to find out.
    async fn has_registered(&self) -> bool {
        let (directory, account) = self.disk(|disk| (disk.directory.clone(), disk.account.clone()));
        let directory = match directory {
            Some(directory) => directory,
            None => {
                let url = Url::parse(format!("{BASE}/directory")).expect("a constant");
                let request = GetDirectory { url };
                let call = request.to_call();
                let result = self.call(&call, None, self.now() + TIMEOUT).await;
                match request.read(&call, result) {
                    Ok(directory) => directory,
                    Err(error) => return self.gave_up(&error),
                }
            }
        };
        if account.is_none() {
            let request = NewAccount::agreeing_to_terms([]);
            let call = request.call(&directory).expect("every CA has it");
            let credentials = self.credentials(&directory.new_nonce, None);
            let result = self.call(&call, Some(credentials), self.now() + TIMEOUT).await;
            match request.read(&call, result) {
                Ok(located) => {
                    self.write().await;
                    self.disk(|disk| disk.account = Some(located.url));
                }
                Err(error) => return self.gave_up(&error),
            }
        }
        self.disk(|disk| disk.directory = Some(directory));
        true
    }

    fn gave_up(&self, error: &CallError) -> bool {
        self.tell(|| format!("cannot register: {error}"));
        false
    }

    /// Writing takes a moment, in which one may die.
    async fn write(&self) {
        self.sleep(Duration::from_millis(1)).await;
    }

    async fn fulfil(&self, number: usize) {
        loop {
            if self.disk(|disk| disk.wishes[number].certificate.is_some()) {
                return self.tell(|| format!("holds the certificate of wish {number}"));
            }
            self.with(|world| world.tally.tries += 1);
            let tried = self.try_to_fulfil(number).await;
            if let Err(error) = tried {
                self.tell(|| format!("gives wish {number} up for now: {error}"));
                let pause = self.with(|world| world.dice.seconds(1..=120));
                self.sleep(pause).await;
            }
        }
    }

    async fn try_to_fulfil(&self, number: usize) -> Result<(), IssuanceError> {
        let mut issuance = self.begin(number).await;
        let result = self.drive(number, &mut issuance).await;
        match &result {
            Ok(issued) => {
                let certificate = (issued.pem.clone(), issued.order.clone());
                self.write().await;
                self.with(|world| world.watch_certificate((self.client, number), issued));
                self.disk(|disk| disk.wishes[number].certificate = Some(certificate));
                self.close_journal(number).await;
            }
            Err(error) if !error.is_resumable() => self.close_journal(number).await,
            Err(_) => {}
        }
        result.map(drop)
    }

    /// The issuance of an earlier process, else a new one.
    async fn begin(&self, number: usize) -> Issuance {
        if let Some(journal) = self.disk(|disk| disk.wishes[number].journal.clone()) {
            self.tell(|| format!("takes wish {number} up again"));
            let mut issuance: Issuance = serde_json::from_str(&journal).expect("its own writing");
            let resumed = issuance.handle(Event::Resume, self.now(), &Sha256);
            resumed.expect("everything can be resumed");
            return issuance;
        }
        self.tell(|| format!("begins with wish {number}"));
        let wish = &self.with(|world| world.scenario.clients[self.client][number].clone());
        let (patience, challenge, seed) = self.with(|world| {
            let scenario = &world.scenario;
            (scenario.patience, scenario.challenge.clone(), world.dice.next())
        });
        let challenges: Vec<ChallengeType> = wish.iter().map(|_| challenge.clone()).collect();
        let csr = signing_request(wish, seed | 1 << 32);
        let thumbprint = key(self.client as u64).thumbprint(&Sha256);
        let (directory, account) = self.registered();
        let order = NewOrder::new(wish.as_slice());
        let mut plan = Plan::new(directory, account, thumbprint, order, challenges, csr);
        plan.patience = patience;
        plan.seed = seed;
        Issuance::new(plan)
    }

    fn registered(&self) -> (Directory, Url) {
        self.disk(|disk| disk.directory.clone().zip(disk.account.clone())).expect("it registered")
    }

    async fn keep_journal(&self, number: usize, issuance: &Issuance) {
        let journal = serde_json::to_string(issuance).expect("an issuance is JSON");
        self.write().await;
        self.disk(|disk| disk.wishes[number].journal = Some(journal));
        if let Some(id) = issuance.order_url().and_then(|url| url.as_str().rsplit('/').next()) {
            self.with(|world| world.watch.journals(id));
        }
    }

    async fn close_journal(&self, number: usize) {
        self.write().await;
        self.disk(|disk| disk.wishes[number].journal = None);
    }

    /// The one loop, as any driver of the core has it.
    async fn drive(&self, number: usize, issuance: &mut Issuance) -> Result<Issued, IssuanceError> {
        let (directory, account) = self.registered();
        let credentials = self.credentials(&directory.new_nonce, Some(account));
        let deadline = self.now() + TIMEOUT;
        let called_off = self.with(|world| {
            let soon = world.dice.millis(0..=8_000);
            if world.meets(Fault::CalledOff) { world.now + soon } else { deadline }
        });
        let mut orders = 0;
        loop {
            if issuance.is_worth_keeping() {
                self.keep_journal(number, issuance).await;
            }
            self.look_at(number, issuance);
            let event = match issuance.action() {
                Action::Done(result) => return result.clone(),
                Action::Calls(calls) => {
                    orders += u32::from(calls[0].resource == Resource::NewOrder);
                    assert!(orders <= 3, "{orders} tries to order");
                    let answers = join_all(
                        calls
                            .iter()
                            .map(|call| self.call(call, Some(credentials.clone()), deadline)),
                    );
                    self.bounded(called_off, answers).await.map(Event::Answered)
                }
                Action::Provision(_) => {
                    let provisioned = self.bounded(called_off, self.provision(number, issuance));
                    provisioned.await.map(Event::Provisioned)
                }
                Action::WaitUntil(until) => {
                    let woken = self.bounded(called_off, self.sleep_until(until)).await;
                    woken.map(|()| Event::Woken)
                }
                Action::Cleanup(_) => {
                    self.clean_up(number, issuance).await;
                    Some(Event::CleanedUp)
                }
            };
            let event = event.unwrap_or(Event::Cancel);
            let fits = issuance.handle(event, self.now(), &Sha256);
            fits.expect("the event answers the action");
        }
    }

    async fn provision(&self, number: usize, issuance: &Issuance) -> Result<(), String> {
        for proof in issuance.standing() {
            let takes = self.with(|world| world.dice.millis(0..=300));
            self.sleep(takes).await;
            if self.with(|world| world.meets(Fault::NoProof)) {
                return Err("a fault".to_owned());
            }
            self.with(|world| {
                world.watch.provisions((self.client, number), proof);
                world.proofs.insert(key_of_proof(proof), self.client);
            });
        }
        Ok(())
    }

    async fn clean_up(&self, number: usize, issuance: &Issuance) {
        use OrderStatus::{Processing, Ready, Valid};
        let status = issuance.order().map(|order| order.status);
        let is_proven = matches!(status, Some(Ready | Processing | Valid));
        if !is_proven {
            self.with(|world| world.watch.disturbs((self.client, number)));
        }
        for proof in issuance.standing() {
            self.write().await;
            self.with(|world| world.proofs.remove(&key_of_proof(proof)));
        }
    }

    /// What must hold in every state; the state is noted.
    fn look_at(&self, number: usize, issuance: &Issuance) {
        let (action, calls) = match issuance.action() {
            Action::Calls(calls) => (calls[0].resource.as_str(), calls),
            Action::Provision(_) => ("provision", [].as_slice()),
            Action::WaitUntil(_) => ("wait", [].as_slice()),
            Action::Cleanup(_) => ("cleanup", [].as_slice()),
            Action::Done(Ok(_)) => ("done", [].as_slice()),
            Action::Done(Err(_)) => ("failed", [].as_slice()),
        };
        if calls.first().is_some_and(|call| call.resource == Resource::NewOrder) {
            self.with(|world| world.watch_order((self.client, number)));
        }
        let status = issuance.order().map(|order| order.status);
        let standing = issuance.standing();
        if calls.first().is_some_and(|call| call.resource == Resource::Challenge) {
            let stands = |proof| self.with(|w| w.proofs.contains_key(&key_of_proof(proof)));
            assert!(standing.iter().all(stands), "wish {number}: answered without a proof");
        }
        if let Action::Done(_) = issuance.action() {
            assert_eq!(standing.len(), 0, "wish {number}: ends with proofs standing");
        }
        let names = issuance.plan().order.identifiers.len();
        assert!(calls.len() <= 3 * names, "wish {number}: {} calls at once", calls.len());
        self.with(|world| {
            let state = format!(
                "{action} {:?} {status:?} proofs {} names {names}",
                issuance.phase(),
                standing.len()
            );
            world.tally.states.insert(state);
        });
        self.tell(|| {
            let several =
                if calls.len() > 1 { format!(" x{}", calls.len()) } else { String::new() };
            format!("wish {number}: {action}{several}")
        });
    }
}
