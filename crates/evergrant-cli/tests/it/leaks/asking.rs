//! Asking for access tokens: one goes to standard output, and nothing goes anywhere else.

use std::process::Command;

use super::{
    LOUD, Story,
    canaries::{ACCESS_TOKEN, ALL, CLIENT_SECRET, REFRESH_TOKEN, none_in},
    chatterbox::Manner,
};

impl Story {
    /// Lets every token be over, and every wait.
    fn expire(&self) {
        let sql = "UPDATE refreshes SET expires_ms = 1, started_ms = 1; UPDATE leases SET closed_until_ms = 0, last_error = NULL;
                   UPDATE connections SET state = 'healthy'";
        let vault = self.world.path("home/vault.db");
        assert!(
            Command::new("sqlite3")
                .arg(vault)
                .arg(sql)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn no_outcome_of_asking_for_a_token_shows_another_secret() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    let outcomes = [
        (Manner::Grants, 0),
        (Manner::GrantsNoRefreshToken, 0),
        (Manner::Refuses("invalid_client"), 3),
        (Manner::Refuses("invalid_client_secret"), 3),
        (Manner::Refuses("Access Denied"), 6),
        (Manner::Refuses("invalid_code"), 7),
        (Manner::Refuses("general_error"), 7),
        (Manner::Refuses("never_heard_of"), 7),
        (Manner::RefusesInOurWords, 7),
        (Manner::Page, 7),
        (Manner::Redirects, 7),
        (Manner::Echoes, 7),
        (Manner::Floods, 7),
        (Manner::HangsUp, 7),
        (Manner::IsSilent, 7),
    ];
    for (manner, exit_code) in outcomes {
        story.zoho.shall(manner);
        for (option, level) in LOUD {
            story.expire();
            let line = format!("token acme --timeout 1 {option}");
            let loud = [("EVERGRANT_LOG", level)];
            let outcome = story.run_that_prints(&[ACCESS_TOKEN], &line, &loud);
            assert_eq!(
                outcome.exit_code, exit_code,
                "{manner:?} {}",
                outcome.stderr
            );
            let printed = ACCESS_TOKEN.found_in(outcome.stdout.as_bytes());
            assert_eq!(printed, (exit_code == 0).then_some("clear"));
            story.everywhere("status");
        }
    }
    story.files_hold_none();
    let requests = story.zoho.requests();
    let refreshes = requests
        .iter()
        .filter(|one| one.contains("grant_type=refresh_token"));
    let mut seen = 0;
    for request in refreshes {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        none_in(&ALL, head.as_bytes(), "the head of a refresh");
        for sent in [CLIENT_SECRET, REFRESH_TOKEN] {
            assert_eq!(sent.found_in(body.as_bytes()), Some("clear"));
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}
