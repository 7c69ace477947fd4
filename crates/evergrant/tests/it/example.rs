//! The example that prints a token, on a vault that is there already.

use std::process::Output;

use serde_json::json;
use tokio::process::Command;

use crate::world::World;

/// Lets every token live for so many seconds more, by the clock that the example reads.
async fn live_for(world: &World, seconds: u32) {
    let sql = format!(
        "UPDATE refreshes SET expires_uptime_ms = NULL, started_ms = started_ms - 3600000,
           expires_ms = 1000 * CAST(strftime('%s', 'now') AS INTEGER) + 1000 * {seconds}"
    );
    world.execute(&sql).await;
}

async fn example(world: &World, name: &str) -> Output {
    // Cargo builds a crate's examples with all of its tests, but not with `--test it` alone.
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().unwrap().with_file_name("examples");
    let example = folder.join("token");
    assert!(
        example.exists(),
        "the example is not built: cargo build -p evergrant --examples"
    );
    let mut command = Command::new(example);
    command.env_clear().arg(world.folders().data).arg(name);
    command.output().await.unwrap()
}

fn text(stream: &[u8]) -> &str {
    std::str::from_utf8(stream).unwrap()
}

#[tokio::test]
async fn it_prints_what_is_there_and_what_came_of_a_refresh() {
    let world = World::new().await;
    let first = example(&world, "acme").await;
    assert!(
        first.status.success() && first.stderr.is_empty(),
        "{first:?}"
    );
    assert_eq!(first.stdout, example(&world, "acme").await.stdout);
    assert_eq!(world.refreshes().await, 0);

    live_for(&world, 0).await;
    let second = example(&world, "acme").await;
    assert!(second.status.success(), "{second:?}");
    assert_ne!(first.stdout, second.stdout);
    assert_eq!(world.refreshes().await, 1);
}

#[tokio::test]
async fn it_says_what_helps() {
    let world = World::new().await;
    let nobody = example(&world, "nobody").await;
    let expected = "error: there is no connection nobody: see `evergrant connections list`\n";
    assert_eq!(
        (nobody.status.code(), text(&nobody.stderr)),
        (Some(1), expected)
    );

    world
        .fault(json!({ "do": "refuse", "error": "Access Denied", "times": 9 }))
        .await;
    live_for(&world, 200).await;
    let stale = example(&world, "acme").await;
    let warning = "warning: this token dies soon: no refresh can be made now\n";
    assert_eq!(
        (stale.status.code(), text(&stale.stderr)),
        (Some(0), warning)
    );

    live_for(&world, 0).await;
    let throttled = example(&world, "acme").await;
    assert_eq!(
        (throttled.status.code(), text(&throttled.stdout)),
        (Some(1), "")
    );
    assert!(
        text(&throttled.stderr).contains("try again in 6"),
        "{throttled:?}"
    );
}

#[tokio::test]
async fn it_makes_no_vault() {
    let world = World::new().await;
    for name in ["vault.db", "vault.db-wal", "vault.db-shm"] {
        let path = world.folders().data.join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let nothing = example(&world, "acme").await;
    let expected = "error: there is no vault in this folder\n";
    assert_eq!(
        (nothing.status.code(), text(&nothing.stderr)),
        (Some(1), expected)
    );
    assert!(!world.folders().vault().exists());
}
