//! Bad days: the vault is locked, the server is killed, an exchange broke off.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::estate::{Estate, eventually};

#[test]
fn while_another_process_locks_the_vault_callers_get_their_token() {
    let estate = Estate::new("");
    let server = estate.start();
    assert_eq!(estate.refresh(&server).status, 200);
    let mut lock = lock(&estate);
    let began = Instant::now();
    let mut asked = 0;
    while began.elapsed() < Duration::from_secs(4) {
        let sent = Instant::now();
        let reply = estate.refresh(&server);
        assert!(reply.body.contains("access_token"), "{reply:?}");
        assert!(sent.elapsed() < Duration::from_secs(1), "somebody waited");
        asked += 1;
    }
    assert!(asked > 100);
    lock.kill().unwrap();
    lock.wait().unwrap();
}

#[test]
fn a_server_that_is_killed_and_started_again_under_load_goes_on_where_it_was() {
    let estate = Estate::new("");
    let mut server = estate.start();
    let address = server.address;
    let before = estate.refresh(&server).body;
    let (stop, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let form = estate.form();
                let request = format!(
                    "POST /oauth/v2/token HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
                     content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
                    form.len()
                );
                while !stop.load(Relaxed) {
                    let reply = super::estate::send(address, &request);
                    // Nothing at all while it is down; never anything wrong.
                    assert!(matches!(reply.status, 0 | 200), "{reply:?}");
                    if reply.status == 200 {
                        assert!(reply.body.contains("access_token"), "{reply:?}");
                        answers.fetch_add(1, Relaxed);
                    }
                }
            });
        }
        for _ in 0..3 {
            let seen = answers.load(Relaxed);
            eventually("it answers", || {
                (answers.load(Relaxed) > seen + 20).then_some(())
            });
            server.signal("KILL");
            server.ended();
            server = estate.start_with(&format!("serve --listen {address}"), &[]);
        }
        let seen = answers.load(Relaxed);
        eventually("it answers again", || {
            (answers.load(Relaxed) > seen + 20).then_some(())
        });
        stop.store(true, Relaxed);
    });
    assert_eq!(token(&estate.refresh(&server).body), token(&before));
    let requests = estate.flow.simulator.requests();
    assert!(
        requests
            .iter()
            .all(|request| request["grant_type"] != "refresh_token")
    );
    assert_eq!(estate.flow.world.run("audit --verify").exit_code, 0);
}

#[test]
fn an_exchange_that_broke_off_is_finished_by_the_server() {
    let estate = Estate::new("[http]\nretry_delay = 0\n");
    estate.flow.grant(json!({"scope": "ZohoCRM.modules.ALL"}));
    let delay = json!({"plan": [{"on": "exchange", "do": "delay", "seconds": 1.0}]});
    estate.flow.simulator.control("PUT", "/faults", &delay);
    let asked = estate.flow.simulator.requests().len();
    let domain = estate.flow.accounts_domain();
    let line = format!("exchange beta --self-client self_client.json --accounts-domain {domain}");
    let mut exchange = estate
        .flow
        .world
        .command(line.split_whitespace())
        .spawn()
        .unwrap();
    eventually("the request has arrived", || {
        (estate.flow.simulator.requests().len() > asked).then_some(())
    });
    let mut lock = lock(&estate);
    // The reply comes, and reaches escrow; the vault does not take it.
    sleep(Duration::from_secs(3));
    exchange.kill().unwrap();
    exchange.wait().unwrap();
    lock.kill().unwrap();
    lock.wait().unwrap();
    let listed = estate.flow.world.run("recover --list --json");
    assert!(listed.stdout.contains("replied"), "{listed:?}");
    let server = estate.start();
    let names = "SELECT group_concat(name) FROM (SELECT name FROM connections ORDER BY name)";
    eventually("it is finished", || {
        (estate.flow.rows(names) == "acme,beta").then_some(())
    });
    let told = || server.get("/evergrant/metrics").body;
    eventually("it is counted", || {
        let line = "evergrant_escrow_recovered_total{outcome=\"kept\"} 1";
        told().lines().any(|one| one == line).then_some(())
    });
    assert!(told().contains("evergrant_escrow_records 0"));
}

fn token(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// Holds the vault's lock in another process until that is killed.
fn lock(estate: &Estate) -> std::process::Child {
    let mut sqlite = Command::new("sqlite3");
    sqlite
        .arg(estate.flow.world.path("vault.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut sqlite = sqlite.spawn().unwrap();
    let stdin = sqlite.stdin.as_mut().unwrap();
    stdin
        .write_all(b".timeout 5000\nBEGIN EXCLUSIVE;\nSELECT 'locked';\n")
        .unwrap();
    let mut line = String::new();
    BufReader::new(sqlite.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "locked\n");
    sqlite
}
