//! The world of this folder's tests: a vault of its own, and exchanges that break off.

use fs_err as fs;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use zoho_oauth::{AccountsDomain, ClientId, ClientSecret, CustomHosts, GrantToken, Scopes};

use super::{
    Exchange, Purpose, Recovered,
    journal::{self, Outcome},
    prepare::{self, Prepared},
    recover,
};
use crate::{
    clock::Clock,
    vault::{Folders, UnlockedVault, escrow::ExchangeId, master_key::KeySource},
};

/// The grant token of every exchange here.
const GRANT: &str = "1000.11111111111111111111111111111111.22222222222222222222222222222222";

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
        }
    }

    /// Begins an exchange; it breaks off when what is returned is dropped.
    pub(super) async fn prepare(&mut self) -> Prepared {
        let exchange = self.exchange();
        let prepared = prepare::prepare(&self.vault, &exchange, &mut self.rng).await;
        prepared.unwrap()
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
