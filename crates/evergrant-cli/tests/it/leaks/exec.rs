//! What a program sees that runs with a token: the token, and nothing else of ours.

use std::fs;

use super::{
    LOUD, Story,
    canaries::{
        ACCESS_TOKEN, ALL, CLIENT_SECRET, Canary, GRANT_TOKEN, MASTER_KEY, REFRESH_TOKEN, none_in,
    },
};
use crate::world::Outcome;

/// Writes down its environment, its own arguments, those of its parent, and what it has open.
const SPY: &str = "#!/bin/sh\n\
    { cat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline; ls -l /proc/$$/fd; } > given/seen\n\
    ls given home temporary > given/names\n";

#[test]
fn a_program_gets_the_token_and_no_other_secret() {
    let story = Story::new();
    story.world.file("given/spy", SPY);
    story.exchange("acme --replace", 0, &[]);
    let (grant, refresh) = (GRANT_TOKEN.token(1), REFRESH_TOKEN.token(1));
    let environment = [
        ("ZOHO_CLIENT_SECRET", CLIENT_SECRET.text()),
        ("ZOHO_GRANT_TOKEN", &grant),
        ("ZOHO_REFRESH_TOKEN", &refresh),
        ("EVERGRANT_PASSPHRASE", MASTER_KEY.text()),
        ("TOWN", "Kuopio"),
    ];
    let others: Vec<Canary> = ALL.into_iter().filter(|one| *one != ACCESS_TOKEN).collect();
    for (option, level) in LOUD {
        for way in ["", "--token-file temporary/token"] {
            let line = format!("{option} exec acme {way} -- sh given/spy");
            let mut command = story.command(&line, &environment);
            let outcome = Outcome::of(command.env("EVERGRANT_LOG", level));
            assert_eq!(outcome.exit_code, 0, "{line}: {}", outcome.stderr);
            none_in(&ALL, outcome.stderr.as_bytes(), "standard error");
            assert_eq!(outcome.stdout, "");
            let seen = fs::read(story.world.path("given/seen")).unwrap();
            none_in(&others, &seen, "what the program sees");
            let text = String::from_utf8_lossy(&seen);
            assert!(text.contains("TOWN=Kuopio"), "{text}");
            assert_eq!(
                text.matches("1000.f13c8a5e").count(),
                1,
                "in one variable: {text}"
            );
            assert!(!text.contains("vault.db"), "{text}");
            let names = fs::read(story.world.path("given/names")).unwrap();
            none_in(&ALL, &names, "names of files");
            story.files_hold_none();
        }
    }
}
