//! Credentials of callers: printed once where that was asked for, and nowhere else.

use serde_json::Value;

use super::{
    LOUD, Story,
    canaries::{ACCESS_TOKEN, ALL, CLIENT_SECRET, REFRESH_TOKEN, none_in},
    chatterbox::Manner,
};

/// Stops the test if one of these texts stands in a file below the home.
fn kept_nowhere(story: &Story, secrets: &[String]) {
    for entry in std::fs::read_dir(story.world.path("home")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|piece| piece == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn what_is_issued_to_a_caller_is_on_standard_output_alone() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    for (number, (option, level)) in LOUD.into_iter().enumerate() {
        let loud = [("EVERGRANT_LOG", level)];
        let name = format!("nightly{number}");
        for line in [
            format!("callers add {name} --connection acme --format json {option}"),
            format!("callers rotate {name} --format json {option}"),
        ] {
            let outcome = story.run(&line, &loud);
            assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
            let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let handle = text(&answer["handles"][0]["refresh_token"]);
            let last = handle.rsplit('.').next().unwrap().to_owned();
            let secrets = [text(&answer["client_secret"]), last];
            for secret in &secrets {
                assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
                for later in ["callers list", "callers show nightly0", "audit"] {
                    assert!(!story.run(later, &loud).stdout.contains(secret), "{later}");
                }
            }
            kept_nowhere(&story, &secrets);
        }
    }
    story.files_hold_none();
}

#[test]
fn what_adopted_software_holds_is_not_shown() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    story.world.file("given/secret", CLIENT_SECRET.text());
    story.world.file("given/token", &REFRESH_TOKEN.token(7));
    let line = "callers adopt legacy --connection acme --client-id 1000.OLD --client-secret-file given/secret \
                --refresh-token-file given/token";
    // The second of both loud ways finds it adopted.
    assert_eq!(story.everywhere(line), 3);
    assert_eq!(story.everywhere("callers show legacy"), 0);
    assert_eq!(
        story.everywhere(&line.replace("adopt legacy", "adopt again")),
        3
    );
    assert_eq!(
        story.everywhere(
            &line
                .replace("given/token", "given/secret")
                .replace("legacy", "odd")
        ),
        2
    );
    story.files_hold_none();
}

#[test]
fn no_outcome_of_ending_access_tokens_shows_one() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    let add = "callers add sdk --connection acme --direct";
    assert_eq!(story.run(add, &[]).exit_code, 0);
    for (manner, exit_code) in [
        (Manner::Refuses("general_error"), 3),
        (Manner::RefusesInOurWords, 3),
        (Manner::Page, 7),
        (Manner::Echoes, 7),
        (Manner::HangsUp, 7),
        (Manner::Grants, 0),
    ] {
        story.zoho.shall(manner);
        let line = "callers revoke sdk --yes --now --timeout 1";
        assert_eq!(story.everywhere(line), exit_code, "{manner:?}");
    }
    story.files_hold_none();
    let requests = story.zoho.requests();
    let sent = requests.iter().filter(|one| one.contains("revoke"));
    for request in sent {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let others = ALL.iter().filter(|canary| **canary != CLIENT_SECRET);
        let others: Vec<_> = others.copied().collect();
        none_in(&others, head.as_bytes(), "the head of a revocation");
        assert_eq!(ACCESS_TOKEN.found_in(body.as_bytes()), Some("clear"));
    }
}
