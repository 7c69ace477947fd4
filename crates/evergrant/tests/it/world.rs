//! The test world: a vault with one connection, `acme`, a simulator, and a clock that both follow.

use std::time::Duration;

use evergrant::{
    Broker,
    broker::{BrokerError, Limits, Token, Wanted},
    clock::Clock,
    connection::{self, Connection, ConnectionName},
    exchange::{self, Exchange, Purpose, Retries},
    vault::{Folders, UnlockedVault, master_key::KeySource},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use zoho_oauth::{
    AccountsDomain, ClientSecret, CustomHosts, GrantToken, Scopes, Transport, TransportConfig,
};
use zoho_sim::{Config, Simulator};

pub(crate) struct World {
    home: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) simulator: Simulator,
    pub(crate) limits: Limits,
}

pub(crate) fn acme() -> ConnectionName {
    "acme".parse().unwrap()
}

/// A token that lives for so many seconds at least.
pub(crate) fn min_valid(seconds: u64) -> Wanted {
    Wanted {
        min_valid: Some(Duration::from_secs(seconds)),
        ..Wanted::default()
    }
}

/// One that did not exist before, for a person.
pub(crate) fn new_token() -> Wanted {
    Wanted {
        new: true,
        reserve: true,
        ..Wanted::default()
    }
}

impl World {
    /// Makes a world in which `acme` was just exchanged.
    pub(crate) async fn new() -> Self {
        let config = Config {
            seed: Some(7),
            ..Config::default()
        };
        let world = Self {
            home: tempfile::tempdir().unwrap(),
            clock: Clock::system(),
            simulator: Simulator::start(config).await.unwrap(),
            limits: Limits::default(),
        };
        world.exchange().await;
        world
    }

    /// Makes a world in which the token of `acme` is over.
    pub(crate) async fn expired() -> Self {
        let world = Self::new().await;
        world.pass(3600).await;
        world
    }

    async fn exchange(&self) {
        let grant = self
            .control("POST", "/grants", json!({ "scope": "ZohoCRM.modules.ALL" }))
            .await;
        let text = |name: &str| grant[name].as_str().unwrap().to_owned();
        let exchange = Exchange {
            purpose: Purpose::Keep {
                name: acme(),
                replace: false,
            },
            accounts_domain: AccountsDomain::parse(&self.accounts_domain(), CustomHosts::Allowed)
                .unwrap(),
            client_id: text("client_id").parse().unwrap(),
            client_secret: ClientSecret::new(text("client_secret")),
            grant_token: GrantToken::new(text("code")),
            grant_expires_at: None,
            redirect_uri: None,
            code_verifier: None,
            api_domain: None,
            requested_scopes: Scopes::default(),
            required_scopes: Scopes::default(),
            caller_id: None,
        };
        let vault = self.vault().await;
        let transport = Transport::new(TransportConfig::default());
        let retries = Retries {
            limit: 0,
            first_delay: Duration::ZERO,
        };
        let mut rng = StdRng::seed_from_u64(1);
        let exchanged =
            exchange::exchange(&vault, &transport, &exchange, retries, &mut rng, &|_| {}).await;
        exchanged.unwrap().finish(&vault).await.unwrap();
    }

    pub(crate) fn accounts_domain(&self) -> String {
        self.simulator.ready().data_centers["us"]
            .accounts_domain
            .clone()
    }

    /// Returns the folders: one home for all, but for the last resort.
    pub(crate) fn folders(&self) -> Folders {
        let home = self.home.path();
        Folders {
            config: home.to_owned(),
            data: home.to_owned(),
            runtime: home.to_owned(),
            temporary: home.join("temporary"),
        }
    }

    /// Opens the vault, as another process would.
    pub(crate) async fn vault(&self) -> UnlockedVault {
        let (folders, mut rng) = (self.folders(), StdRng::seed_from_u64(2));
        let sources = [KeySource::File(folders.master_key())];
        UnlockedVault::open_or_make(&folders, &sources, &self.clock, &mut rng)
            .await
            .unwrap()
    }

    /// Makes a broker with a vault of its own, as another process would.
    pub(crate) async fn broker(&self) -> Broker {
        self.broker_with(TransportConfig::default()).await
    }

    pub(crate) async fn broker_with(&self, transport: TransportConfig) -> Broker {
        let rng = StdRng::seed_from_u64(3);
        Broker::new(self.vault().await, transport, self.limits, rng)
    }

    /// Asks a new broker for a token.
    pub(crate) async fn token(&self, wanted: &Wanted) -> Result<Token, BrokerError> {
        self.broker().await.token(&acme(), wanted).await
    }

    /// Lets time pass, here and at the simulator.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.control("POST", "/clock", json!({ "advance_seconds": seconds }))
            .await;
    }

    /// Orders what becomes of the next refreshes.
    pub(crate) async fn fault(&self, fault: Value) {
        let mut fault = fault;
        fault["on"] = json!("refresh");
        self.control("PUT", "/faults", json!({ "plan": [fault] }))
            .await;
    }

    /// Counts the refreshes that the simulator saw.
    pub(crate) async fn refreshes(&self) -> usize {
        let requests = self.control("GET", "/requests", Value::Null).await;
        let requests = requests.as_array().unwrap().iter();
        requests
            .filter(|request| request["grant_type"] == "refresh_token")
            .count()
    }

    pub(crate) async fn connection(&self) -> Connection {
        let vault = self.vault().await;
        connection::find(vault.vault(), &acme())
            .await
            .unwrap()
            .unwrap()
    }

    /// Counts the rows of a table that fulfil a condition.
    pub(crate) async fn count(&self, rows: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {rows}"));
        let query = sqlx::query_scalar(query);
        query.fetch_one(&mut self.database().await).await.unwrap()
    }

    /// Changes the vault behind everybody's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let query = sqlx::query(sqlx::AssertSqlSafe(sql));
        query.execute(&mut self.database().await).await.unwrap();
    }

    /// Opens the database itself.
    pub(crate) async fn database(&self) -> sqlx::SqliteConnection {
        let url = format!("sqlite://{}", self.folders().vault().display());
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
            .await
            .unwrap()
    }

    /// Speaks to the simulator's control port.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let host = self
            .simulator
            .ready()
            .control
            .strip_prefix("http://")
            .unwrap()
            .to_owned();
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 20"), "{reply}");
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
    }
}
