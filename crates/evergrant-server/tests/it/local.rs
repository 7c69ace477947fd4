//! The Unix socket, which knows who is at its other end.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

use evergrant::caller::Mode;
use evergrant_server::LocalUser;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{
    described::check,
    estate::{Estate, Reply},
    world::{World, acme},
};

/// A user who is neither the server's nor root.
const OTHER: u32 = 65_534;

/// Asks by the Unix socket, as another user if one is named, with curl.
fn ask(socket: &Path, uid: Option<u32>, path: &str, more: &[&str]) -> Reply {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-w", "\n%{http_code}", "--unix-socket"])
        .arg(socket)
        .arg(format!("http://evergrant/evergrant/v1{path}"))
        .args(more);
    if let Some(uid) = uid {
        curl.uid(uid).gid(uid);
    }
    let output = String::from_utf8(curl.output().unwrap().stdout).unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    Reply {
        status: StatusCode::from_bytes(status.as_bytes()).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_owned(),
    }
}

fn read(socket: &Path, uid: Option<u32>, path: &str) -> Reply {
    let reply = ask(socket, uid, path, &[]);
    check("GET", path, &reply);
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_user_may_everything_without_a_key() {
    let estate = Estate::start().await;
    let socket = estate.world.folders().runtime.join("evergrant.sock");
    let token = read(&socket, None, "/connections/acme/token");
    assert!(token.json()["access_token"].is_string(), "{token:?}");
    let body = "{\"name\": \"nightly\", \"connections\": [\"acme\"]}";
    let added = ask(&socket, None, "/callers", &["-d", body]);
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let rows = estate.read("/audit").await;
    let last = rows.as_array().unwrap().last().unwrap().clone();
    let uid = own_uid();
    assert_eq!(
        (&last["event"], &last["actor"]),
        (&"caller_added".into(), &format!("uid {uid}").into())
    );
    // A key that is shown is judged, whoever shows it.
    let wrong = ask(
        &socket,
        None,
        "/status",
        &["-H", "Authorization: Bearer eva_x"],
    );
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_gets_the_connections_that_a_rule_names_and_nothing_else() {
    if own_uid() != 0 {
        println!("only root can be somebody else");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let socket = folder.path().join("evergrant.sock");
    let estate = Estate::start_with(World::new().await, |config| {
        config.unix = Some(socket.clone());
        let connections = vec![acme()];
        config.local.push(LocalUser {
            uid: OTHER,
            connections,
        });
    })
    .await;
    estate.caller("nightly", Mode::Direct).await;
    let theirs = |path| read(&socket, Some(OTHER), path);
    assert!(theirs("/connections/acme/token").json()["access_token"].is_string());
    assert_eq!(theirs("/connections/acme").json()["name"], "acme");
    assert_eq!(theirs("/status").json().as_array().map(Vec::len), Some(1));
    for path in [
        "/connections/other",
        "/connections/other/token",
        "/callers",
        "/callers/nightly",
        "/audit",
    ] {
        let refused = theirs(path);
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(refused.json()["reason"], "not_allowed");
    }
    for path in [
        "/connections/acme/token/refused",
        "/callers",
        "/callers/nightly/rotate",
        "/callers/nightly/connect",
        "/look",
    ] {
        let refused = ask(&socket, Some(OTHER), path, &["-d", "{}"]);
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let stranger = read(&socket, Some(OTHER - 1), "/status");
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let key = format!("Authorization: Bearer {}", estate.admin_key.expose_secret());
    let by_key = ask(&socket, Some(OTHER - 1), "/status", &["-H", &key]);
    assert!(matches!(by_key.json(), Value::Array(_)), "{by_key:?}");
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
