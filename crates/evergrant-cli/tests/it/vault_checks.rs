//! The checks of vault, master key and escrow before the grant is spent: what is broken is named, and nothing
//! is sent.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;

use crate::{
    checks::{refuses, text},
    flow::{Failure, Flow, SCOPE},
};

/// Makes a vault with a connection, and has something happen to its master key.
fn with_key(happens: impl FnOnce(&Path)) -> Flow {
    let flow = Flow::new();
    flow.kept("");
    flow.grant(json!({ "scope": SCOPE }));
    happens(&flow.world.path("master.key"));
    flow
}

#[test]
fn a_vault_that_does_not_open() {
    let flow = Flow::new();
    flow.world.file(
        "vault.db",
        "this is no database, only text, and long enough to be looked at",
    );
    let error = refuses(&flow, "", || {
        Failure(8, "vault", "vault_damaged", "unspent")
    });
    assert!(text(&error).contains("backup"), "{error}");
}

#[test]
fn a_home_that_cannot_be_written() {
    let flow = Flow::new();
    let options = "--home /proc/evergrant";
    let error = refuses(&flow, options, || {
        Failure(8, "vault", "master_key_unreadable", "unspent")
    });
    assert!(text(&error).contains("/proc/evergrant"), "{error}");
}

#[test]
fn a_master_key_that_others_can_read() {
    let open = |key: &Path| fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
    let flow = with_key(open);
    let failure = || Failure(8, "vault", "master_key_exposed", "unspent");
    let error = refuses(&flow, "--replace", failure);
    assert!(text(&error).contains("chmod 600"), "{error}");
}

#[test]
fn a_master_key_that_is_lost() {
    let flow = with_key(|key| fs::remove_file(key).unwrap());
    let failure = || Failure(8, "vault", "master_key_missing", "unspent");
    let error = refuses(&flow, "--replace", failure);
    assert!(text(&error).contains("put the key file back"), "{error}");
    assert!(
        !flow.world.path("master.key").exists(),
        "no new one is made"
    );
}

#[test]
fn a_master_key_that_is_another() {
    let another = format!("evergrant-master-key:{}\n", "5a".repeat(32));
    let flow = with_key(|key| fs::write(key, another).unwrap());
    let failure = || Failure(8, "vault", "wrong_master_key", "unspent");
    let error = refuses(&flow, "--replace", failure);
    assert!(text(&error).contains("put the key"), "{error}");
    let flow = with_key(|key| fs::write(key, "nonsense").unwrap());
    refuses(&flow, "--replace", || {
        Failure(8, "vault", "master_key_invalid", "unspent")
    });
}

#[test]
fn a_name_that_is_taken() {
    let flow = with_key(|_| {});
    let failure = || Failure(3, "config", "name_taken", "unspent");
    let error = refuses(&flow, "", failure);
    assert!(
        text(&error).contains("evergrant exchange acme --replace"),
        "{error}"
    );
    assert_eq!(flow.kept("--replace")["outcome"], "replaced");
}

#[test]
fn an_escrow_that_cannot_be_made() {
    let flow = with_key(|_| {});
    let escrow = flow.world.path("escrow");
    fs::remove_dir(&escrow).unwrap();
    // Root writes where it likes, but not through a link that leads nowhere.
    std::os::unix::fs::symlink("/proc/nowhere", &escrow).unwrap();
    let failure = || Failure(8, "vault", "no_escrow", "unspent");
    let error = refuses(&flow, "--replace", failure);
    assert!(text(&error).contains("nothing was sent"), "{error}");
    fs::remove_file(&escrow).unwrap();
    assert_eq!(flow.kept("--replace")["outcome"], "replaced");
}

#[test]
fn an_escrow_that_cannot_be_read() {
    let flow = with_key(|_| {});
    let escrow = flow.world.path("escrow");
    fs::remove_dir(&escrow).unwrap();
    flow.world.file("escrow", "a file where a folder belongs");
    let failure = || Failure(8, "vault", "unreadable", "unspent");
    let error = refuses(&flow, "--replace", failure);
    assert!(text(&error).contains("Not a directory"), "{error}");
    fs::remove_file(&escrow).unwrap();
    assert_eq!(flow.kept("--replace")["outcome"], "replaced");
}
