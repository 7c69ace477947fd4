//! The world of the flow tests: a home, a simulator with a grant token in `self_client.json`, and looks at
//! what a run left in the simulator, the vault and the escrow.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    simulator::Simulator,
    world::{Outcome, World},
};

/// What a grant token is made for, where a test does not say otherwise.
pub(crate) const SCOPE: &str = "ZohoCRM.modules.ALL";

/// A home and a simulator.
pub(crate) struct Flow {
    pub(crate) world: World,
    pub(crate) simulator: Simulator,
    accounts_domain: Option<String>,
}

/// What a failed exchange must have said: exit code, `code`, `reason` and `grant`.
pub(crate) struct Failure<'a>(
    pub(crate) i32,
    pub(crate) &'a str,
    pub(crate) &'a str,
    pub(crate) &'a str,
);

/// What a failed exchange must have left: requests at the simulator, the exchange's state in the vault, and
/// records in escrow.
pub(crate) struct Left<'a>(pub(crate) usize, pub(crate) &'a str, pub(crate) usize);

impl Flow {
    /// Makes one without faults and without waits between attempts; a grant token is ready.
    pub(crate) fn new() -> Self {
        Self::with_simulator("")
    }

    /// Makes one whose simulator speaks TLS.
    pub(crate) fn tls() -> Self {
        Self::with_simulator("--tls")
    }

    fn with_simulator(options: &str) -> Self {
        Self::in_world(World::new(), options)
    }

    /// Makes one in this home.
    pub(crate) fn in_world(world: World, options: &str) -> Self {
        let simulator = Simulator::start(&world, options);
        let flow = Self {
            world,
            simulator,
            accounts_domain: None,
        };
        flow.config("[http]\nretry_delay = 0\n").new_grant(SCOPE)
    }

    /// Writes `config.toml`.
    pub(crate) fn config(self, text: &str) -> Self {
        self.world.file("config.toml", text);
        self
    }

    /// Makes another grant token.
    pub(crate) fn new_grant(self, scope: &str) -> Self {
        self.grant(json!({ "scope": scope }));
        self
    }

    /// Makes a grant token as told, and puts it into `self_client.json`.
    pub(crate) fn grant(&self, wish: Value) -> Value {
        let grant = self.simulator.control("POST", "/grants", &wish);
        self.world.file("self_client.json", &grant.to_string());
        grant
    }

    /// Orders faults of the next exchanges.
    pub(crate) fn faults(self, plan: Value) -> Self {
        self.simulator
            .control("PUT", "/faults", &json!({ "plan": plan }));
        self
    }

    /// Orders one fault of the next exchange.
    pub(crate) fn fault(self, mut fault: Value) -> Self {
        fault["on"] = json!("exchange");
        self.faults(json!([fault]))
    }

    /// Orders a reply with this body and status to the next exchange.
    pub(crate) fn reply(self, status: u16, body: &str) -> Self {
        self.fault(json!({ "do": "body", "status": status, "body": body }))
    }

    /// Changes the simulator's manners.
    pub(crate) fn manners(self, manners: Value) -> Self {
        self.simulator.control("PATCH", "/manners", &manners);
        self
    }

    /// Changes the simulator's limits.
    pub(crate) fn limits(self, limits: Value) -> Self {
        self.simulator.control("PATCH", "/limits", &limits);
        self
    }

    /// Has exchanges go to another accounts domain than the simulator's.
    pub(crate) fn at(mut self, accounts_domain: &str) -> Self {
        self.accounts_domain = Some(accounts_domain.to_owned());
        self
    }

    /// Returns the accounts domain that exchanges go to.
    pub(crate) fn accounts_domain(&self) -> &str {
        match &self.accounts_domain {
            Some(domain) => domain,
            None => self.simulator.accounts_domain(),
        }
    }

    /// Returns the member of `self_client.json` as text.
    pub(crate) fn secret(&self, member: &str) -> String {
        let text = fs::read_to_string(self.world.path("self_client.json")).unwrap();
        let grant: Value = serde_json::from_str(&text).unwrap();
        grant[member].as_str().unwrap().to_owned()
    }

    /// Prepares an exchange of what is in `self_client.json`.
    pub(crate) fn command(&self, name: &str, options: &str) -> Command {
        let domain = self.accounts_domain();
        let line = format!(
            "exchange {name} --json --self-client self_client.json --accounts-domain {domain} {options}"
        );
        self.world.command(line.split_whitespace())
    }

    /// Exchanges what is in `self_client.json` under the name `acme`.
    pub(crate) fn exchange(&self, options: &str) -> Outcome {
        Outcome::of(&mut self.command("acme", options))
    }

    /// Exchanges, which must succeed; returns the answer.
    pub(crate) fn kept(&self, options: &str) -> Value {
        let outcome = self.exchange(options);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        outcome.answer()
    }

    /// Exchanges a new grant token, which must succeed.
    pub(crate) fn kept_again(&self, options: &str) -> Value {
        self.grant(json!({ "scope": SCOPE }));
        self.kept(options)
    }

    /// Returns the exchanges that the simulator saw.
    pub(crate) fn exchanges(&self) -> usize {
        let requests = self.simulator.requests();
        let exchanges = requests
            .iter()
            .filter(|one| one["grant_type"] == "authorization_code");
        exchanges.count()
    }

    /// Asks the vault with SQL; columns are separated by `|`, rows by line ends.
    pub(crate) fn rows(&self, sql: &str) -> String {
        let vault = self.world.path("vault.db");
        let output = Command::new("sqlite3").arg(vault).arg(sql).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Returns the files in escrow.
    pub(crate) fn escrow(&self) -> usize {
        fs::read_dir(self.world.path("escrow")).map_or(0, Iterator::count)
    }

    /// Asserts that `recover` brings the one reply in escrow to the vault, under this name, and sends nothing.
    pub(crate) fn recovers(&self, name: &str) {
        let (sent, records) = (self.exchanges(), self.escrow());
        let recovered = self.world.run("recover --json").answer();
        let said = (&recovered[0]["connection"], &recovered[0]["outcome"]);
        assert_eq!(said, (&json!(name), &json!("kept")));
        assert_eq!(self.world.run("recover --json").answer(), json!([]));
        assert_eq!((records, self.escrow()), (1, 0));
        assert_eq!(self.exchanges(), sent);
    }

    /// Asserts what a failed exchange left; never a connection or part of one.
    pub(crate) fn left(&self, Left(requests, state, records): Left<'_>) {
        assert_eq!(self.exchanges(), requests, "requests");
        let states = self.rows("SELECT state FROM exchanges");
        assert_eq!(states, state, "the exchange's state");
        assert_eq!(self.escrow(), records, "records in escrow");
        for table in ["connections", "apps", "app_secrets", "refreshes", "audit"] {
            let count = self.rows(&format!("SELECT count(*) FROM {table}"));
            assert_eq!(count, "0", "{table}");
        }
    }

    /// Asserts that nothing was sent, and nothing begun.
    pub(crate) fn left_alone(&self) {
        assert_eq!(self.simulator.requests(), Vec::<Value>::new());
        assert_eq!(self.escrow(), 0, "records in escrow");
        if self.world.path("vault.db").exists() {
            assert_eq!(self.rows("SELECT count(*) FROM exchanges"), "0");
        }
    }
}

impl Outcome {
    /// Returns the one JSON value on standard output.
    pub(crate) fn answer(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Returns the message of the last warning with this code; none if there is none.
    pub(crate) fn warning(&self, code: &str) -> Option<String> {
        self.warnings(code).pop()
    }

    /// Asserts how the run failed, and returns its error object.
    pub(crate) fn failed(&self, Failure(exit_code, code, reason, grant): Failure<'_>) -> Value {
        let error = self.error();
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.exit_code, exit_code, "{self:?}");
        assert_eq!(error["exit_code"], exit_code, "{error}");
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["reason"], reason, "{error}");
        assert_eq!(error["grant"], grant, "{error}");
        let next = error["next"].as_array().unwrap();
        assert!(!next.is_empty(), "{error}");
        error
    }
}
