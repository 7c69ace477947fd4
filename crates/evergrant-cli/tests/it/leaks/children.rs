//! What the programs see that we start to ask for a secret.

use std::fs;

use super::{
    Story,
    canaries::{
        ALL, CLIENT_SECRET, GRANT_TOKEN, MASTER_KEY, PROXY_PASSWORD, REFRESH_TOKEN, none_in,
    },
};

/// A script that writes down what it can see of us and of itself, and then prints a file.
pub(super) const SPY: &str = "#!/bin/sh\n\
    { env; tr '\\0' '\\n' < /proc/$PPID/cmdline; tr '\\0' '\\n' < /proc/$$/cmdline; } >> given/seen\n\
    cat \"given/$1\"\n";

#[test]
fn a_child_sees_no_secret_but_the_proxys() {
    let story = Story::new();
    story.world.file("given/spy", SPY);
    story.world.file("given/secret", CLIENT_SECRET.text());
    story.world.file("given/grant", &GRANT_TOKEN.token(0));
    story.world.file("given/key", MASTER_KEY.text());
    let config = "[[master_key]]\ncommand = [\"sh\", \"given/spy\", \"key\"]\n\
                  [[master_key]]\nenv = \"FORMER_KEY\"\n";
    story.world.file("home/config.toml", config);
    let proxy = story.zoho.proxy(PROXY_PASSWORD.text());
    let (grant, refresh) = (GRANT_TOKEN.token(1), REFRESH_TOKEN.token(1));
    let environment = [
        ("ZOHO_CLIENT_SECRET", CLIENT_SECRET.text()),
        ("ZOHO_GRANT_TOKEN", &grant),
        ("ZOHO_REFRESH_TOKEN", &refresh),
        ("EVERGRANT_PASSPHRASE", MASTER_KEY.text()),
        ("FORMER_KEY", MASTER_KEY.text()),
        ("https_proxy", &proxy),
        ("TOWN", "Kuopio"),
    ];
    let domain = story.zoho.url();
    let line = format!(
        "exchange acme --json --accounts-domain {domain} --client-id 1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123"
    );
    let mut command = story.command(&line, &environment);
    command
        .args(["--client-secret-command", "sh given/spy secret"])
        .args(["--grant-token-command", "sh given/spy grant"]);
    let outcome = crate::world::Outcome::of(&mut command);
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);

    let seen = fs::read_to_string(story.world.path("given/seen")).unwrap();
    // A command that fetches a secret from afar needs the proxy, and so does its password's owner know it.
    assert!(seen.contains(&format!("https_proxy={proxy}")), "{seen}");
    let seen = seen.replace(PROXY_PASSWORD.text(), "");
    none_in(&ALL, seen.as_bytes(), "what children see");
    for spy in [
        "given/spy secret",
        "given/spy grant",
        "\nkey\n",
        "TOWN=Kuopio",
    ] {
        assert!(seen.contains(spy), "{spy}: {seen}");
    }
    assert_eq!(seen.matches("TOWN=").count(), 3, "{seen}");
    none_in(&ALL, outcome.stdout.as_bytes(), "standard output");
    none_in(&ALL, outcome.stderr.as_bytes(), "standard error");
    story.files_hold_none();
}
