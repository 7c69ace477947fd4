//! Every command but the exchange.

use std::{fs::File, process::Stdio};

use serde_json::Value;

use super::{
    Story,
    canaries::{ALL, CLIENT_SECRET, none_in},
    chatterbox::Manner,
};

#[test]
fn no_other_command_shows_a_secret_and_none_is_forgotten() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    story.zoho.shall(Manner::IsSilent);
    story.exchange("silent --replace", 5, &[]);
    story.zoho.shall(Manner::Grants);
    // Nobody takes the refresh token: it stays in escrow.
    let mut command = story.command(&story.exchange_line("--print-refresh-token -vvv"), &[]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let untaken = command
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(!untaken.status.success());
    none_in(&ALL, &untaken.stderr, "standard error");
    assert!(
        story.files_hold_none() >= 4,
        "vault and two records in escrow"
    );

    let waiting = story.run("recover --list --json", &[]).stdout;
    let waiting: Value = serde_json::from_str(&waiting).unwrap();
    let silent = waiting
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["connection"] == "silent");
    let discard = format!(
        "recover --discard {}",
        silent.unwrap()["id"].as_str().unwrap()
    );
    story
        .world
        .file("given/new-secret", &format!("{}f00d", CLIENT_SECRET.text()));
    let add =
        "apps secret add 1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123 --client-secret-file given/new-secret";
    let lines = [
        "recover --list",
        "recover",
        &discard,
        "connections list",
        "connections show acme",
        "connections show recovered",
        "connections show nobody",
        "connections set acme --api-domain https://www.zohoapis.eu",
        "connections rename acme acme2",
        "status",
        "status acme2",
        "token nobody",
        "revoke acme2 --yes",
        "connections remove acme2 --yes",
        "scopes check recovered --require-scope ZohoCRM.modules.ALL",
        "exec recovered -- true",
        "exec nobody -- true",
        "apps list",
        "apps show 1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123",
        add,
        "apps secret retire 1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123 00000000",
        "apps remove 1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123 --yes",
        "callers add nightly --connection recovered",
        "callers list --all",
        "callers show nightly",
        "callers rotate nightly",
        "callers revoke nightly --yes",
        "audit",
        "audit --since 24h",
        "audit --verify",
        "audit head",
        "doctor",
        "serve --listen 192.0.2.1:1 --in-the-clear",
        "data-centers",
        "completions bash",
        "man",
        "help",
    ];
    for line in lines {
        story.everywhere(line);
    }
    assert_eq!(story.everywhere("connections show recovered"), 0);
    assert_eq!(story.everywhere(add), 0);
    story.files_hold_none();

    let help = story.run("--help", &[]).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    for command in commands.lines().take_while(|line| !line.is_empty()) {
        let name = command.split_whitespace().next().unwrap();
        // Two make a world of their own, with secrets that nobody has a use for; the server is looked at where it
        // runs, in from_server.rs.
        let own_world = ["demo", "simulate", "serve"].contains(&name);
        let shown = name == "exchange" || lines.iter().any(|line| line.starts_with(name));
        assert!(shown || own_world, "the command {name} is not looked at");
    }
}
