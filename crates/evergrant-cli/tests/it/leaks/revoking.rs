//! Revocations, which send a refresh token, and on one of the two paths the client secret in a header.

use super::{
    Story,
    canaries::{ALL, CLIENT_SECRET, REFRESH_TOKEN, none_in},
    chatterbox::Manner,
};

#[test]
fn no_outcome_of_a_revocation_shows_a_secret() {
    let story = Story::new();
    let outcomes = [
        (Manner::Refuses("unauthorized_client"), 3),
        (Manner::Refuses("Access Denied"), 6),
        (Manner::Refuses("general_error"), 3),
        (Manner::RefusesInOurWords, 3),
        (Manner::Page, 7),
        (Manner::Redirects, 3),
        (Manner::Echoes, 7),
        (Manner::Floods, 7),
        (Manner::HangsUp, 7),
        (Manner::IsSilent, 7),
        // These two revoke it: a reply without an error, on the path of apps, and a token that is not known.
        (Manner::Grants, 0),
        (Manner::Refuses("invalid_token"), 0),
    ];
    for (number, (manner, exit_code)) in outcomes.into_iter().enumerate() {
        for _ in 0..2 {
            story.zoho.shall(Manner::Grants);
            story.exchange(&format!("a{number} --replace"), 0, &[]);
        }
        story.zoho.shall(manner);
        let options = "--yes --timeout 1 --max-retries 0";
        for option in ["--former", ""] {
            let line = format!("revoke a{number} {option} {options}");
            assert_eq!(story.everywhere(&line), exit_code, "{manner:?} {line}");
        }
    }
    story.files_hold_none();
    let mut by_header = 0;
    let requests = story.zoho.requests();
    for request in requests.iter().filter(|one| one.contains("revoke")) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let (line, headers) = head.split_once("\r\n").unwrap();
        none_in(&ALL, line.as_bytes(), "the URL of a revocation");
        assert_eq!(REFRESH_TOKEN.found_in(body.as_bytes()), Some("clear"));
        let others = ALL.iter().filter(|canary| **canary != CLIENT_SECRET);
        let others: Vec<_> = others.copied().collect();
        none_in(&others, headers.as_bytes(), "the headers of a revocation");
        let of_an_app = line.starts_with("POST /oauth/v2/revoke/token ");
        let secret = CLIENT_SECRET.found_in(headers.as_bytes());
        assert_eq!(secret, of_an_app.then_some("base64"), "{line}");
        by_header += usize::from(of_an_app);
    }
    assert!(by_header > 0);
}
