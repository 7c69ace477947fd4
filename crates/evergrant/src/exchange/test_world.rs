//! The world of this folder's tests: a vault of its own, and exchanges that break off.

use fs_err as fs;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use zoho_oauth::{
    AccountsDomain, ClientId, ClientSecret, CustomHosts, GrantToken, Reply, ReplyEnd, Scopes,
};

use super::{
    Exchange, Purpose, Recovered,
    journal::{self, Outcome},
    prepare::{self, Prepared},
    recover,
};
use crate::{
    clock::Clock,
    vault::{
        Folders, UnlockedVault,
        escrow::{self, ExchangeId},
        master_key::KeySource,
    },
};

/// The grant token of every exchange here.
const GRANT: &str = "1000.11111111111111111111111111111111.22222222222222222222222222222222";

/// What Zoho replies to it.
pub(super) fn granted() -> Reply {
    let body = br#"{"access_token":"1000.a.b","refresh_token":"1000.c.d","expires_in":3600}"#;
    Reply {
        status: 200,
        content_type: Some("application/json".into()),
        location: None,
        date: None,
        body: body.to_vec().into(),
        end: ReplyEnd::Complete,
    }
}

pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) vault: UnlockedVault,
    pub(super) rng: StdRng,
    _home: TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let under = |name| home.path().join(name);
        let folders = Folders {
            config: under("config"),
            data: under("data"),
            runtime: under("runtime"),
            temporary: under("temporary"),
        };
        let (clock, mut rng) = (Clock::system(), StdRng::seed_from_u64(1));
        let sources = [KeySource::File(folders.master_key())];
        let vault = UnlockedVault::open_or_make(&folders, &sources, &clock, &mut rng).await;
        Self {
            clock,
            vault: vault.unwrap(),
            rng,
            _home: home,
        }
    }

    pub(super) fn exchange(&self) -> Exchange {
        let domain = AccountsDomain::parse("https://accounts.zoho.eu", CustomHosts::Refused);
        Exchange {
            purpose: Purpose::Keep {
                name: "acme".parse().unwrap(),
                replace: false,
            },
            accounts_domain: domain.unwrap(),
            client_id: "1000.ABC".parse::<ClientId>().unwrap(),
            client_secret: ClientSecret::new("secret"),
            grant_token: GrantToken::new(GRANT),
            grant_expires_at: None,
            redirect_uri: None,
            code_verifier: None,
            api_domain: None,
            requested_scopes: Scopes::default(),
            required_scopes: Scopes::default(),
            caller_id: None,
        }
    }

    /// Begins an exchange; it breaks off when what is returned is dropped.
    pub(super) async fn prepare(&mut self) -> Prepared {
        let exchange = self.exchange();
        let prepared = prepare::prepare(&self.vault, &exchange, &mut self.rng).await;
        prepared.unwrap()
    }

    /// Ends an exchange as one ends that was killed when Zoho's reply had come.
    pub(super) async fn break_off_replied(&mut self) -> ExchangeId {
        let Prepared { id, escrow, .. } = self.prepare().await;
        let (vault, reply) = (&self.vault, granted());
        let sealed =
            escrow::seal_reply(&vault.keyring, vault.vault.id(), id, &reply, &mut self.rng);
        escrow.mark_sending(1).unwrap();
        escrow.keep_reply(1, &sealed).unwrap();
        id
    }

    pub(super) async fn recover(&mut self) -> Vec<Recovered> {
        recover(&self.vault, &mut self.rng).await.unwrap()
    }

    pub(super) async fn outcome(&self, id: ExchangeId) -> Outcome {
        let found = journal::find(&self.vault.vault, id).await;
        found.unwrap().unwrap().outcome
    }

    pub(super) fn remove_escrow(&self) {
        fs::remove_dir_all(self.vault.vault.folders().escrow()).unwrap();
    }
}
