//! Whether the server lives, and whether it can do what it is there for.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use evergrant::caller::{self, Issued, Mode};
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;
use sqlx::Connection;

use crate::estate::Estate;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_learns_that_it_lives_and_no_names() {
    let estate = Estate::start().await;
    let request = Request::get(estate.url("/evergrant/healthz")).header("Host", "10.0.0.7:8470");
    let reply = estate.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.json(),
        json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})
    );
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (StatusCode::OK, &json!("ready"))
    );
    assert_eq!(reply.json()["connections"]["healthy"], 1);
    assert!(!reply.body.contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_only_nothing_at_all_is_not_ready() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    estate.refresh(&caller).await;
    estate
        .world
        .execute("UPDATE connections SET state = 'new_grant_needed'")
        .await;
    estate.world.pass(10).await;
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    assert_eq!(reply.json()["degraded"], json!({"new_grant_needed": 1}));
    // The token that still works is over, and there will be no other.
    estate.world.pass(3600).await;
    let reply = estate.get("/evergrant/readyz").await;
    let (status, word) = (StatusCode::SERVICE_UNAVAILABLE, json!("nothing_to_serve"));
    assert_eq!((reply.status, &reply.json()["status"]), (status, &word));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_posts_there_learns_how_to_ask() {
    let estate = Estate::start().await;
    for (path, allowed) in [
        ("/evergrant/healthz", "GET, HEAD"),
        ("/evergrant/readyz", "GET, HEAD"),
        ("/evergrant/metrics", "GET"),
    ] {
        let request = Request::post(estate.url(path));
        let reply = estate.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers["allow"], allowed, "{path}");
    }
}

/// Has a caller ask every second for a minute: by the clock in hand, unless `EVERGRANT_REAL_MINUTE=1` makes it a real one.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says so in the environment"
)]
async fn nothing_is_felt_for_a_minute(estate: &Estate, caller: &Issued) {
    let is_real = std::env::var_os("EVERGRANT_REAL_MINUTE").is_some();
    for second in 0..60 {
        match is_real {
            true => tokio::time::sleep(Duration::from_secs(1)).await,
            false => estate.world.pass(1).await,
        }
        let sent = Instant::now();
        let reply = estate.refresh(caller).await;
        assert!(
            reply.json()["access_token"].is_string(),
            "{second} {reply:?}"
        );
        assert!(sent.elapsed() < Duration::from_secs(1), "somebody waited");
    }
}

/// Waits until all is well again.
async fn recovers(estate: &Estate, caller: &Issued) {
    let well = async {
        loop {
            // What is told of the vault is a few seconds old at the most.
            estate.world.pass(10).await;
            estate.settle().await;
            if estate.get("/evergrant/readyz").await.json()["status"] == "ready" {
                return;
            }
        }
    };
    let well = tokio::time::timeout(Duration::from_secs(30), well).await;
    assert!(well.is_ok(), "it is not ready again");
    assert!(estate.refresh(caller).await.json()["access_token"].is_string());
}

/// Makes an estate whose server has a caller's token in memory.
async fn with_a_caller() -> (Estate, Issued) {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    (estate, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_gone_for_a_minute_is_not_felt_by_callers() {
    let (estate, caller) = with_a_caller().await;
    let vault = estate.world.folders().vault();
    let away = vault.with_extension("away");
    std::fs::rename(&vault, &away).unwrap();
    nothing_is_felt_for_a_minute(&estate, &caller).await;
    std::fs::rename(&away, &vault).unwrap();
    recovers(&estate, &caller).await;
}

/// Gives the vault, and what SQLite keeps beside it, another name; of a file that is not there nothing is said.
fn rename_vault(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm"] {
        let named = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if named(from).exists() {
            std::fs::rename(named(from), named(to)).unwrap();
        }
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(waited.is_ok(), "{what}: not yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_place_of_the_vault_says_who_may() {
    let (estate, caller) = with_a_caller().await;
    let vault = estate.world.folders().vault();
    let away = vault.with_extension("away");
    rename_vault(&vault, &away);
    estate.settle().await;
    estate.world.pass(10).await;
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["degraded"]),
        (StatusCode::OK, &json!({"vault_unreadable": 1}))
    );
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());

    // As a backup is made: one file.
    let copy = vault.with_extension("copy");
    let url = format!("sqlite://{}", away.display());
    let mut away = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let backup = format!("VACUUM INTO '{}'", copy.display());
    let made = sqlx::query(sqlx::AssertSqlSafe(backup))
        .execute(&mut away)
        .await;
    made.unwrap();
    std::fs::rename(&copy, &vault).unwrap();
    let opened = estate.world.vault().await;
    caller::revoke(&opened, &caller.caller.name).await.unwrap();
    let new = estate.caller_at_once("hourly", Mode::Direct).await;
    eventually("the revoked caller is refused", async || {
        estate.refresh(&caller).await.json()["error"] == "invalid_code"
    })
    .await;
    assert!(estate.refresh(&new).await.json()["access_token"].is_string());
    recovers(&estate, &new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_vault_is_not_taken_for_this_one() {
    let (estate, caller) = with_a_caller().await;
    let vault = estate.world.folders().vault();
    rename_vault(&vault, &vault.with_extension("away"));
    drop(estate.world.vault().await);
    estate.settle().await;
    estate.settle().await;
    estate.settle().await;
    estate.world.pass(10).await;
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(reply.json()["degraded"], json!({"vault_unreadable": 1}));
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());
    rename_vault(&vault, &vault.with_extension("other"));
    rename_vault(&vault.with_extension("away"), &vault);
    recovers(&estate, &caller).await;
}

/// This lock keeps out who writes: with a write-ahead log, SQLite lets readers go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_locked_for_a_minute_is_not_felt_by_callers() {
    let (estate, caller) = with_a_caller().await;
    let mut lock = estate.world.database().await;
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut lock)
        .await
        .unwrap();
    nothing_is_felt_for_a_minute(&estate, &caller).await;
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    recovers(&estate, &caller).await;
}

/// Locks all that SQLite locks of a write-ahead log (<https://www.sqlite.org/walformat.html#wal_locks>), and holds it until
/// it is killed. SQLite itself lets nobody do that while others are connected, and a process keeps itself out of nothing.
const LOCK_OUT_READERS: &str = "
import fcntl, sys, time
index = open(sys.argv[1], 'r+b')
fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)
print('locked', flush=True)
time.sleep(3600)
";

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_nobody_can_read_for_a_minute_is_not_felt_by_callers() {
    let (estate, caller) = with_a_caller().await;
    let lock = Lock::take(&estate);
    assert!(is_stopped(&estate).await, "readers go on");
    nothing_is_felt_for_a_minute(&estate, &caller).await;
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["degraded"]),
        (StatusCode::OK, &json!({"vault_unreadable": 1}))
    );
    drop(lock);
    recovers(&estate, &caller).await;
}

/// A process that holds the lock.
struct Lock(Child);

impl Lock {
    fn take(estate: &Estate) -> Self {
        let mut index = estate.world.folders().vault().into_os_string();
        index.push("-shm");
        let mut python = Command::new("python3");
        python.args(["-c", LOCK_OUT_READERS]).arg(index);
        let mut lock = Self(python.stdout(Stdio::piped()).spawn().unwrap());
        let stdout = lock.0.stdout.as_mut().unwrap();
        stdout.read_exact(&mut [0; "locked".len()]).unwrap();
        lock
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Tells whether somebody who reads the vault waits.
async fn is_stopped(estate: &Estate) -> bool {
    let mut reader = estate.world.database().await;
    let reading = sqlx::query("SELECT count(*) FROM connections").execute(&mut reader);
    tokio::time::timeout(Duration::from_millis(500), reading)
        .await
        .is_err()
}
