//! The stage of the demo: a simulator, a throw-away home, and this program in it.

use std::{path::Path, thread::JoinHandle};

use bytes::Bytes;
use evergrant::{
    Broker,
    broker::{Limits, Token, Wanted},
    clock::{Clock, Timestamp},
    connection::ConnectionName,
    vault::{UnlockedVault, master_key::KeySource},
};
use serde::Deserialize;
use tokio::sync::oneshot;
use zoho_oauth::{
    AccountsDomain, App, ClientId, ClientSecret, CustomHosts, GrantToken, Reply, TokenReply,
    Transport, TransportConfig, read_token_reply, request,
};

use super::{broken, program::Program};
use crate::cli::{Context, broker::explain, error::CliError, vault};

/// A grant token as the simulator's console hands it out: a `self_client.json`.
#[derive(Deserialize)]
pub(super) struct Grant {
    pub(super) scope: Vec<String>,
    pub(super) expiry_time: i64,
    pub(super) code: String,
}

/// All that the demo needs; gone when it is dropped.
pub(super) struct Stage {
    /// The program's name as it was called.
    pub(super) program: String,
    pub(super) accounts_domain: String,
    pub(super) control: String,
    client_id: String,
    client_secret: ClientSecret,
    folder: tempfile::TempDir,
    /// This program, to be run in the throw-away home.
    pub(super) evergrant: Program,
    // Dropped first in `Drop`: the simulator ends, then its thread.
    shutdown: Option<oneshot::Sender<()>>,
    simulator: Option<JoinHandle<()>>,
}

impl Stage {
    /// Starts the simulator in a thread of its own and makes the home.
    pub(super) fn set(context: &Context<'_>) -> Result<Self, CliError> {
        let folder = tempfile::Builder::new().prefix("evergrant-demo-").tempdir();
        let folder = folder.map_err(|error| {
            CliError::config("no_temporary_folder", "cannot make a folder for the demo")
                .cause(error)
                .next("set TMPDIR to a folder that you can write")
        })?;
        let (shutdown, stopped) = oneshot::channel();
        let (tell, ready) = std::sync::mpsc::channel();
        let simulator = std::thread::spawn(move || simulate(&tell, stopped));
        let ready = ready
            .recv()
            .map_err(|error| broken("the simulator ended at once").cause(error))?;
        let ready: zoho_sim::Ready =
            ready.map_err(|error| broken("the simulator does not start").cause(error))?;
        let data_center = ready
            .data_centers
            .get("us")
            .ok_or_else(|| broken("the simulator has no data center"))?;
        Ok(Self {
            program: context.program(),
            accounts_domain: data_center.accounts_domain.clone(),
            control: ready.control.clone(),
            client_id: ready.client_id.clone(),
            client_secret: ClientSecret::new(&ready.client_secret),
            evergrant: Program::new(context.environment, folder.path()),
            folder,
            shutdown: Some(shutdown),
            simulator: Some(simulator),
        })
    }

    /// Returns the folder of the throw-away vault.
    pub(super) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the present moment.
    pub(super) fn now(&self) -> Timestamp {
        Clock::system().now()
    }

    /// Makes a grant token and puts it into `self_client.json`.
    pub(super) async fn new_grant(&self) -> Result<Grant, CliError> {
        let body = r#"{"scope":"ZohoCRM.modules.ALL","minutes":3}"#;
        let request = http::Request::post(format!("{}/grants", self.control))
            .header("content-type", "application/json")
            .body(Bytes::from_static(body.as_bytes()));
        let request = request.map_err(|error| broken(error.to_string()))?;
        let reply = exchange_http(&self.control, request).await?;
        let path = self.folder.path().join("self_client.json");
        fs_err::write(path, &*reply.body)
            .map_err(|error| broken("cannot write self_client.json").cause(error))?;
        serde_json::from_slice(&reply.body)
            .map_err(|error| broken("the simulator made no grant").cause(error))
    }

    /// Returns the arguments of an exchange under this name.
    pub(super) fn exchange_arguments(&self, name: &str) -> Vec<String> {
        let words = [
            "exchange",
            name,
            "--self-client",
            "self_client.json",
            "--accounts-domain",
        ];
        words
            .into_iter()
            .map(str::to_owned)
            .chain([self.accounts_domain.clone()])
            .collect()
    }

    /// Exchanges a grant without our vault, as any other program would, and returns the refusal.
    pub(super) async fn exchange_elsewhere(&self, grant: &GrantToken) -> Result<String, CliError> {
        let accounts_domain = AccountsDomain::parse(&self.accounts_domain, CustomHosts::Refused);
        let accounts_domain = accounts_domain.map_err(|error| broken(error.to_string()))?;
        let client_id: ClientId = self
            .client_id
            .parse()
            .map_err(|_| broken("the simulator has no client"))?;
        let app = App {
            client_id: &client_id,
            client_secret: &self.client_secret,
        };
        let request = request::exchange(&accounts_domain, app, grant, None, None);
        let reply = exchange_http(&self.accounts_domain, request).await?;
        match read_token_reply(&reply) {
            TokenReply::Refused(refusal) => Ok(refusal.word.to_string()),
            _ => Err(broken("the simulator took a grant token twice")),
        }
    }

    /// Asks the broker for the access token of a connection, which the exchange has just put into the vault.
    pub(super) async fn token(&self, name: &str) -> Result<Token, CliError> {
        let folders = self.evergrant.folders();
        let key = KeySource::File(folders.master_key());
        let vault =
            UnlockedVault::open_or_make(&folders, &[key], &Clock::system(), &mut vault::rng())
                .await;
        let vault = vault.map_err(|error| vault::explain(&error))?;
        let name: ConnectionName = name
            .parse()
            .map_err(|_| broken("the demo's connection has no name"))?;
        let transport = TransportConfig::default();
        let broker = Broker::new(vault, transport, Limits::default(), vault::rng());
        match broker.token(&name, &Wanted::default()).await {
            Ok(token) => Ok(token),
            Err(error) => Err(explain(&error, &name, &broker).await),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(simulator) = self.simulator.take() {
            // A simulator that panicked has nothing to clear away.
            simulator.join().ok();
        }
    }
}

/// Sends one request over a connection of its own.
pub(super) async fn exchange_http(
    origin: &str,
    request: http::Request<Bytes>,
) -> Result<Reply, CliError> {
    let connection = Transport::new(TransportConfig::default())
        .connect(origin)
        .await;
    let connection =
        connection.map_err(|error| broken("the simulator is not reached").cause(error))?;
    connection
        .send(request)
        .await
        .map_err(|error| broken("the simulator does not answer").cause(error))
}

type Told = Result<zoho_sim::Ready, zoho_sim::StartError>;

fn simulate(tell: &std::sync::mpsc::Sender<Told>, stopped: oneshot::Receiver<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        match zoho_sim::Simulator::start(zoho_sim::Config::default()).await {
            Ok(simulator) => {
                tell.send(Ok(simulator.ready().clone())).ok();
                // The sender is dropped to stop it: either way there is nothing in the channel.
                simulator
                    .run_until(async { stopped.await.unwrap_or(()) })
                    .await;
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
}
