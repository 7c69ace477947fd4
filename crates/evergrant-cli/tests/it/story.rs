//! The story of an exchange that breaks off: how it begins, and how it must end.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

use evergrant::vault::{
    master_key::{self, KeySource},
    seal::{Label, Place},
};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    simulator::Simulator,
    wire::Wire,
    world::{Outcome, World},
};

/// The connection that every exchange here is for.
pub(crate) const NAME: &str = "acme";

/// How an exchange that broke off may end. There is no fourth way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The refresh token that was given out is in the vault.
    Kept,
    /// The request had begun, and the next command said that nobody knows what became of the grant.
    Unknown,
    /// No request had arrived, and nobody said that there is a token.
    NotSent,
}

/// A simulator at the end of a tapped wire, and a home whose vault is in use already.
pub(crate) struct Story {
    pub(crate) wire: Wire,
    pub(crate) simulator: Simulator,
    used: World,
}

impl Story {
    pub(crate) fn new() -> Self {
        let used = World::new();
        let simulator = Simulator::start(&used, "");
        let many = 1_000_000;
        let limits = json!({"grant_tokens": many, "exchanges": many, "refresh_tokens": many});
        simulator.control("PATCH", "/limits", &limits);
        let wire = Wire::to(simulator.accounts_domain());
        let story = Self {
            wire,
            simulator,
            used,
        };
        let outcome = story.exchange_as("first", &story.used, &story.grant());
        assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
        story.wire.take();
        story
    }

    /// Makes a home whose vault is in use already.
    pub(crate) fn used_home(&self) -> World {
        let home = World::new();
        home.copy(&self.used);
        home
    }

    /// Puts a vault that is in use already into an empty home.
    pub(crate) fn furnish(&self, home: &World) {
        home.copy(&self.used);
    }

    /// Makes a grant token.
    pub(crate) fn grant(&self) -> Value {
        self.simulator.grant("ZohoCRM.modules.ALL")
    }

    /// Prepares an exchange; it waits for its grant token on standard input.
    pub(crate) fn command(&self, name: &str, home: &World, grant: &Value) -> Command {
        let secret = home.file("secret", grant["client_secret"].as_str().unwrap());
        let mut words = vec!["exchange", name, "--json", "--grant-token-stdin"];
        let url = self.wire.url();
        words.extend(["--accounts-domain", &url]);
        words.extend(["--client-id", grant["client_id"].as_str().unwrap()]);
        words.extend(["--client-secret-file", secret.to_str().unwrap()]);
        let mut command = home.command(words);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs an exchange to its end.
    pub(crate) fn exchange(&self, home: &World, grant: &Value) -> Outcome {
        self.exchange_as(NAME, home, grant)
    }

    fn exchange_as(&self, name: &str, home: &World, grant: &Value) -> Outcome {
        let child = begin(&mut self.command(name, home, grant), grant);
        child.wait_with_output().unwrap().into()
    }
}

/// Starts a prepared exchange and gives it its grant token.
pub(crate) fn begin(command: &mut Command, grant: &Value) -> Child {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let code = grant["code"].as_str().unwrap();
    stdin.write_all(code.as_bytes()).unwrap();
    child
}

/// Goes on where an exchange broke off, in new processes, and tells how it ended. `given` is the
/// refresh token that the simulator gave out; `run` runs the program.
pub(crate) fn end(home: &World, given: Option<&str>, run: &dyn Fn(&str) -> Outcome) -> End {
    let list = fine(run("connections list --json"));
    let said = list.warnings("escrow").join("\n");
    let recovered = fine(run("recover --json"));
    let recovered: Value = serde_json::from_str(&recovered.stdout).unwrap();
    let outcomes: Vec<_> = recovered.as_array().unwrap().iter().map(outcome).collect();
    let (shown, kept) = (names(&list), refresh_token(home, NAME));
    let unknown = outcomes == ["unknown"] && said.contains("unknown");
    match (&kept, given) {
        (Some(kept), Some(given)) => {
            assert_eq!(kept, given, "another token than was given out");
            let told = shown.contains(&NAME.to_owned()) || said.contains("reply lies in escrow");
            assert!(told, "kept, but `connections list` said: {said}");
            End::Kept
        }
        (None, Some(_)) if unknown => End::Unknown,
        (None, None) if outcomes.is_empty() || outcomes == ["discarded"] || unknown => End::NotSent,
        _ => panic!(
            "a third outcome: given {given:?}, kept {kept:?}, recover {outcomes:?}, list {shown:?} {said}"
        ),
    }
}

fn fine(outcome: Outcome) -> Outcome {
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
    outcome
}

fn outcome(record: &Value) -> &str {
    record["outcome"].as_str().unwrap()
}

/// Returns the names that `connections list --json` shows.
pub(crate) fn names(list: &Outcome) -> Vec<String> {
    let shown: Value = serde_json::from_str(&list.stdout).unwrap();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    shown.as_array().unwrap().iter().map(name).collect()
}

/// Reads a refresh token from the vault's file, by the published format and without the program.
pub(crate) fn refresh_token(home: &World, name: &str) -> Option<String> {
    let vault = home.path("vault.db");
    if !vault.exists() {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let row = runtime.unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(vault);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let sql = "SELECT v.id, c.id, a.accounts_domain, a.client_id, coalesce(c.api_domain, ''),
                     c.refresh_token_sealed
                   FROM vault v, connections c JOIN apps a ON a.id = c.app_id
                   WHERE c.name = $1 AND c.removed_at IS NULL";
        type Row = (String, String, String, String, String, Vec<u8>);
        let query = sqlx::query_as::<_, Row>(sql).bind(name);
        query.fetch_optional(&mut connection).await.unwrap()
    });
    let (vault_id, id, accounts_domain, client_id, api_domain, sealed) = row?;
    let clear = [&accounts_domain, &client_id, &api_domain].map(String::as_str);
    let parts = [&vault_id, "connections", "refresh_token_sealed", &id];
    let parts = parts.into_iter().chain(clear).map(str::as_bytes);
    let keyring = master_key::read(&[KeySource::File(home.path("master.key"))]).unwrap();
    let opened = keyring.open(&Place::new(Label::Vault, parts), &sealed);
    Some(String::from_utf8(opened.unwrap().to_vec()).unwrap())
}
