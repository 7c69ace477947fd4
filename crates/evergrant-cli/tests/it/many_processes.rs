//! One refresh: many processes start at once on a token that is over, and what befalls the one that refreshes.
//! `EVERGRANT_ROUNDS=100` makes as many rounds of it.

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::{flow::Flow, world::Outcome};

const PROCESSES: usize = 64;

/// A home with a connection that may be refreshed as often as the tests like.
struct Crowd {
    flow: Flow,
}

impl Crowd {
    fn new() -> Self {
        let flow = Flow::new().config("[limits]\nrefreshes = 100000\n");
        flow.kept("");
        flow.simulator.control(
            "PATCH",
            "/limits",
            &json!({ "refreshes": 100_000, "active_access_tokens": 100_000 }),
        );
        Self { flow }
    }

    /// Lets the token be over.
    fn expire(&self) {
        self.flow
            .rows("UPDATE refreshes SET expires_ms = 1, expires_uptime_ms = 1");
        self.flow.rows("UPDATE leases SET closed_until_ms = 0");
    }

    fn start(&self, environment: &[(&str, &str)]) -> Child {
        let mut command = self.flow.world.command(["token", "acme", "--json"]);
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn start_all(&self) -> Vec<Child> {
        (0..PROCESSES).map(|_| self.start(&[])).collect()
    }

    fn refreshes(&self) -> usize {
        let requests = self.flow.simulator.requests();
        let refresh = |request: &&serde_json::Value| request["grant_type"] == "refresh_token";
        requests.iter().filter(refresh).count()
    }

    fn fault(&self, fault: serde_json::Value) {
        let mut fault = fault;
        fault["on"] = json!("refresh");
        self.flow
            .simulator
            .control("PUT", "/faults", &json!({ "plan": [fault] }));
    }

    /// Waits until somebody refreshes, and returns its process id.
    fn holder(&self) -> u32 {
        let begin = Instant::now();
        loop {
            let owner = self
                .flow
                .rows("SELECT coalesce(max(owner), '') FROM leases");
            let requested = self
                .flow
                .rows("SELECT count(*) FROM refreshes WHERE outcome = 'open'");
            if let Some(process) = owner.split('/').nth(1)
                && requested == "1"
            {
                return process.parse().unwrap();
            }
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "nobody refreshes"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn ends(children: Vec<Child>) -> Vec<Outcome> {
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    outputs.map(Outcome::from).collect()
}

/// All that a crowd printed, each text once; all must have succeeded.
fn tokens(outcomes: &[Outcome]) -> BTreeSet<String> {
    let token = |outcome: &Outcome| {
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    outcomes.iter().map(token).collect()
}

fn signal(process: u32, name: &str) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn rounds() -> usize {
    #[expect(clippy::disallowed_methods, reason = "the tester says")]
    let rounds = std::env::var("EVERGRANT_ROUNDS");
    rounds.map_or(5, |rounds| rounds.parse().unwrap())
}

#[test]
fn of_sixty_four_one_refreshes_and_all_get_the_same() {
    let crowd = Crowd::new();
    let mut before = crowd.refreshes();
    for round in 0..rounds() {
        crowd.expire();
        let outcomes = ends(crowd.start_all());
        let after = crowd.refreshes();
        assert_eq!(
            (tokens(&outcomes).len(), after - before),
            (1, 1),
            "round {round}"
        );
        before = after;
    }
    assert_eq!(crowd.flow.rows("PRAGMA quick_check"), "ok");
    println!(
        "{} rounds of {PROCESSES} processes: one refresh each",
        rounds()
    );
}

#[test]
fn when_the_one_is_killed_one_more_refreshes() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let crowd = Crowd::new();
    for _ in 0..rounds().div_ceil(5) {
        crowd.expire();
        let before = crowd.refreshes();
        // Longer than it takes to start them all on a busy machine.
        crowd.fault(json!({ "do": "delay", "seconds": 1.5, "times": 1 }));
        let children = crowd.start_all();
        let holder = crowd.holder();
        std::thread::sleep(Duration::from_millis(rng.random_range(0..1500)));
        // It may just have ended.
        let _ = std::process::Command::new("kill")
            .args(["-s", "KILL", &holder.to_string()])
            .status();
        let mut children = children.into_iter();
        let mut outcomes = Vec::new();
        for child in children.by_ref() {
            let id = child.id();
            let output = child.wait_with_output().unwrap();
            if id != holder {
                outcomes.push(Outcome::from(output));
            }
        }
        assert_eq!(tokens(&outcomes).len(), 1);
        let made = crowd.refreshes() - before;
        assert!((1..=2).contains(&made), "{made}");
    }
    assert_eq!(crowd.flow.rows("PRAGMA quick_check"), "ok");
}

#[test]
fn when_the_one_is_stopped_for_twice_the_lease_one_more_refreshes() {
    let crowd = Crowd::new();
    crowd.expire();
    let before = crowd.refreshes();
    crowd.fault(json!({ "do": "delay", "seconds": 0.5, "times": 1 }));
    let children = crowd.start_all();
    let holder = crowd.holder();
    signal(holder, "STOP");
    std::thread::sleep(Duration::from_secs(20));
    signal(holder, "CONT");
    let outcomes = ends(children);
    // The one that was stopped may bring its own, which lives less long: nobody is given it afterwards.
    assert!(tokens(&outcomes).len() <= 2);
    let made = crowd.refreshes() - before;
    assert!((1..=2).contains(&made), "{made}");
    let last = crowd.flow.rows(
        "SELECT epoch = (SELECT max(epoch) FROM refreshes) FROM refreshes WHERE outcome = 'granted'
         ORDER BY expires_uptime_ms DESC LIMIT 1",
    );
    assert_eq!(last, "1");
    assert_eq!(crowd.flow.rows("SELECT owner IS NULL FROM leases"), "1");
}

#[test]
fn a_provider_that_takes_its_time_is_waited_for() {
    let crowd = Crowd::new();
    crowd.expire();
    let before = crowd.refreshes();
    crowd.fault(json!({ "do": "delay", "seconds": 25, "times": 1 }));
    let outcomes = ends(crowd.start_all());
    assert_eq!(tokens(&outcomes).len(), 1);
    assert_eq!(crowd.refreshes() - before, 1);
}

#[test]
fn clocks_that_are_off_make_no_second_refresh() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    assert!(
        fs::exists(library).unwrap(),
        "install libfaketime: scripts/test does"
    );
    let crowd = Crowd::new();
    crowd.expire();
    let before = crowd.refreshes();
    let at = |shift| {
        [
            ("LD_PRELOAD", library),
            ("FAKETIME", shift),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
    };
    let children = (0..PROCESSES).map(|number| crowd.start(&at(["+5m", "-5m", "+0"][number % 3])));
    let outcomes = ends(children.collect());
    assert_eq!(tokens(&outcomes).len(), 1);
    assert_eq!(crowd.refreshes() - before, 1);
    let told = outcomes
        .iter()
        .filter(|outcome| !outcome.warnings("clock_skew").is_empty());
    // Only the one that refreshed has seen Zoho's clock, and its own may have been right.
    assert!(told.count() <= 1);

    for shift in ["+5m", "-5m"] {
        crowd.expire();
        let before = crowd.refreshes();
        let alone = ends(vec![crowd.start(&at(shift))]);
        assert_eq!(alone[0].warnings("clock_skew").len(), 1, "{alone:?}");
        // What it got is taken for neither dead nor longer alive by any other clock.
        let others = ["+5m", "-5m", "+0"].map(|shift| crowd.start(&at(shift)));
        let others = ends(others.into());
        assert_eq!(tokens(&others), tokens(&alone), "{shift}");
        assert_eq!(crowd.refreshes() - before, 1, "{shift}");
    }
}

#[test]
fn a_throttle_of_zoho_is_met_once_and_told_to_all() {
    for status in [200, 400] {
        let crowd = Crowd::new();
        crowd.expire();
        let before = crowd.refreshes();
        let body = r#"{"error":"Access Denied","status":"failure"}"#;
        crowd.fault(json!({ "do": "body", "status": status, "body": body, "times": 99 }));
        let outcomes = ends(crowd.start_all());
        let retry_at: BTreeSet<String> = outcomes
            .iter()
            .map(|outcome| {
                assert_eq!(outcome.exit_code, 6, "{outcome:?}");
                outcome.error()["retry_at"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!((retry_at.len(), crowd.refreshes() - before), (1, 1));
    }
}

#[test]
fn a_full_window_is_told_to_all_and_zoho_is_not_asked() {
    let crowd = Crowd::new();
    crowd.flow.world.file(
        "config.toml",
        "[limits]\nrefreshes = 1\nkept_for_people = 0\n",
    );
    crowd.expire();
    let before = crowd.refreshes();
    for outcome in ends(crowd.start_all()) {
        assert_eq!(outcome.exit_code, 6, "{outcome:?}");
        assert_eq!(outcome.error()["reason"], "window_full");
    }
    assert_eq!(crowd.refreshes(), before);
}
