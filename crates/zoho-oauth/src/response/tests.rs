use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

const REFRESH: &str = "1000.aaaabbbbccccddddeeeeffff00001111.22223333444455556666777788889999";
const ACCESS: &str = "1000.00001111222233334444555566667.777888899990000aaaabbbbccccdddd";

fn reply(status: u16, body: impl AsRef<[u8]>, end: ReplyEnd) -> Reply {
    Reply {
        status,
        content_type: Some("application/json;charset=UTF-8".to_owned()),
        location: None,
        date: None,
        body: Zeroizing::new(body.as_ref().to_vec()),
        end,
    }
}

fn read(body: impl AsRef<[u8]>) -> TokenReply {
    read_token_reply(&reply(200, body, ReplyEnd::Complete))
}

fn granted(reply: TokenReply) -> Grant {
    match reply {
        TokenReply::Granted(grant) => grant,
        other => panic!("not granted: {other:?}"),
    }
}

fn refused(reply: TokenReply) -> Refusal {
    match reply {
        TokenReply::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn kind(reply: TokenReply) -> UnreadableKind {
    match reply {
        TokenReply::Unreadable(unreadable) => unreadable.what,
        other => panic!("not unreadable: {other:?}"),
    }
}

/// Checks that the refresh token was saved, and returns what was wrong with the reply.
fn saved(reply: TokenReply) -> Option<Defect> {
    let grant = granted(reply);
    assert_eq!(grant.refresh_token.unwrap().expose_secret(), REFRESH);
    grant.defect
}

fn whole_body() -> String {
    format!(
        r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}","scope":"ZohoCRM.modules.ALL ZohoCRM.users.READ","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}}"#
    )
}

#[test]
fn a_whole_reply_is_read_whole() {
    let grant = granted(read(whole_body()));
    assert_eq!(grant.access_token.unwrap().expose_secret(), ACCESS);
    assert_eq!(grant.refresh_token.unwrap().expose_secret(), REFRESH);
    assert_eq!(grant.expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(
        grant.scopes.unwrap().to_console_string(),
        "ZohoCRM.modules.ALL,ZohoCRM.users.READ"
    );
    assert_eq!(grant.api_domain.as_deref(), Some("https://www.zohoapis.eu"));
    assert_eq!(grant.token_type.as_deref(), Some("Bearer"));
    assert_eq!(grant.defect, None);
}

#[test]
fn a_refresh_token_wins_over_everything() {
    let beside = format!(r#"{{"error":"invalid_code","refresh_token":"{REFRESH}"}}"#);
    assert_eq!(
        saved(read(&beside)),
        Some(Defect::ErrorBeside(ErrorWord::InvalidCode))
    );
    for status in [302, 400, 500] {
        let odd = read_token_reply(&reply(status, whole_body(), ReplyEnd::Complete));
        assert_eq!(saved(odd), Some(Defect::Status(status)));
    }
    let cut = format!(r#"{{"refresh_token" : "{REFRESH}","acc"#);
    assert_eq!(
        saved(read_token_reply(&reply(200, &cut, ReplyEnd::Cut))),
        Some(Defect::Cut)
    );
    assert_eq!(
        saved(read_token_reply(&reply(200, &cut, ReplyEnd::TooLarge))),
        Some(Defect::TooLarge)
    );
    assert_eq!(saved(read(&cut)), Some(Defect::Broken));
    assert_eq!(saved(read(format!("\u{feff}{}", whole_body()))), None);
    assert_eq!(
        saved(read(format!("[{}]", whole_body()))),
        Some(Defect::Broken)
    );
    assert_eq!(
        saved(read(format!("{}{{}}", whole_body()))),
        Some(Defect::Broken)
    );
    let twice = format!(r#"{{"refresh_token":"{REFRESH}","refresh_token":null}}"#);
    assert_eq!(saved(read(twice)), Some(Defect::Broken));
    let nested = format!("{}{}", r#"{"x":"#.repeat(200_000), whole_body());
    assert_eq!(saved(read(nested)), Some(Defect::Broken));
    let latin1 = [whole_body().as_bytes(), b"\xe9\xff"].concat();
    assert_eq!(saved(read(latin1)), Some(Defect::Broken));
}

#[test]
fn what_else_is_whole_in_a_cut_body_is_kept_too() {
    let body = whole_body();
    let cut = &body[..body.len() - 3];
    let grant = granted(read_token_reply(&reply(200, cut, ReplyEnd::Cut)));
    assert_eq!(grant.access_token.unwrap().expose_secret(), ACCESS);
    assert_eq!(grant.api_domain.as_deref(), Some("https://www.zohoapis.eu"));
    assert_eq!(
        grant.expires_in, None,
        "a number that may go on is no number"
    );
}

#[test]
fn a_token_repeated_inside_an_error_is_no_grant() {
    let body = format!(r#"{{"error":"invalid_code","request":{{"refresh_token":"{REFRESH}"}}}}"#);
    assert_eq!(refused(read(body)).word, ErrorWord::InvalidCode);
}

#[test]
fn a_refresh_brings_an_access_token_alone() {
    let grant = granted(read(r#"{"access_token":"a","expires_in":"3600"}"#));
    assert!(grant.refresh_token.is_none());
    assert_eq!(grant.expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(grant.defect, None);
}

#[test]
fn lives_are_seconds() {
    let life =
        |members: &str| granted(read(format!(r#"{{"access_token":"a"{members}}}"#))).expires_in;
    assert_eq!(
        life(r#","expires_in":3600000,"expires_in_sec":3600"#),
        Some(Duration::from_secs(3600))
    );
    assert_eq!(life(r#","expires_in":3600000,"expires_in_sec":[]"#), None);
    assert_eq!(
        life(r#","expires_in":3600.0"#),
        Some(Duration::from_secs(3600))
    );
    for odd in [
        "",
        r#","expires_in":-1"#,
        r#","expires_in":"soon""#,
        r#","expires_in":null"#,
        r#","expires_in":1e300"#,
    ] {
        assert_eq!(life(odd), None, "{odd}");
    }
}

#[test]
fn an_error_is_a_refusal_whatever_the_status() {
    let body =
        r#"{"error":"Access Denied","error_description":"too\u0007 many","status":"failure"}"#;
    for status in [200, 302, 400, 500] {
        let refusal = refused(read_token_reply(&reply(status, body, ReplyEnd::Complete)));
        assert_eq!(refusal.word, ErrorWord::TooManyRequests);
        assert_eq!(refusal.description.as_deref(), Some("too many"));
        assert_eq!(refusal.http_status, status);
    }
}

#[test]
fn errors_of_odd_types_are_errors_too() {
    let word = |error: &str| refused(read(format!(r#"{{"error":{error}}}"#))).word;
    assert_eq!(word("401"), ErrorWord::Other("401".to_owned()));
    assert_eq!(word("true"), ErrorWord::Other("true".to_owned()));
    assert_eq!(
        word(r#"{"code":7}"#),
        ErrorWord::Other(r#"{"code":7}"#.to_owned())
    );
    for nothing in ["null", "false", r#""""#] {
        assert!(
            granted(read(format!(r#"{{"error":{nothing},"access_token":"a"}}"#)))
                .defect
                .is_none()
        );
    }
}

#[test]
fn the_rest_says_what_it_is() {
    use UnreadableKind::*;
    assert_eq!(kind(read("")), Empty);
    assert_eq!(kind(read(" \r\n")), Empty);
    assert_eq!(kind(read("<html>login</html>")), Html);
    assert_eq!(kind(read("upstream timed out")), NotJson);
    assert_eq!(kind(read(b"\xff\xfe")), NotUtf8);
    for shape in [
        "{}",
        "[]",
        "null",
        r#"{"status":"failure"}"#,
        r#"{"refresh_token":7,"access_token":""}"#,
    ] {
        assert_eq!(kind(read(shape)), WrongShape, "{shape}");
    }
    let cut = &whole_body()[..130];
    assert_eq!(kind(read_token_reply(&reply(200, cut, ReplyEnd::Cut))), Cut);
    assert_eq!(
        kind(read_token_reply(&reply(200, "x", ReplyEnd::TooLarge))),
        TooLarge
    );
    assert_eq!(kind(read_token_reply(&reply(200, "", ReplyEnd::Cut))), Cut);
}

#[test]
fn a_redirect_names_its_host_and_nothing_else() {
    let host = |location: Option<&str>| {
        let mut reply = reply(302, "", ReplyEnd::Complete);
        reply.location = location.map(str::to_owned);
        assert!(!format!("{reply:?}").contains("secret"));
        match kind(read_token_reply(&reply)) {
            UnreadableKind::Redirect { host } => host,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        host(Some("https://u:secret@login.example.com/?x=secret")).as_deref(),
        Some("login.example.com")
    );
    assert_eq!(
        host(Some("//login.example.com/")).as_deref(),
        Some("login.example.com")
    );
    assert_eq!(host(Some("/login")), None);
    assert_eq!(host(None), None);
}

fn any_end() -> impl Strategy<Value = ReplyEnd> {
    prop_oneof![
        Just(ReplyEnd::Complete),
        Just(ReplyEnd::Cut),
        Just(ReplyEnd::TooLarge)
    ]
}

fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |n| n.is_finite())
            .prop_map(|n| n.to_string()),
        "[a-z0-9. ]{0,12}".prop_map(|text| format!("{text:?}")),
    ];
    let name = "(access_token|refresh_token|error|error_description|scope|expires_in|expires_in_sec|api_domain|x)";
    let member = (name, scalar).prop_map(|(name, value)| format!("{name:?}:{value}"));
    prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))
}

proptest! {
    #[test]
    fn any_bytes_are_survived(status: u16, body in prop::collection::vec(any::<u8>(), 0..300), end in any_end()) {
        read_token_reply(&reply(status, body, end));
    }

    #[test]
    fn any_members_of_any_type_are_survived(status: u16, body in any_json(), end in any_end()) {
        read_token_reply(&reply(status, body, end));
    }

    #[test]
    fn a_whole_refresh_token_is_never_lost(
        status: u16, before in r#"[^"]{0,40}"#, space in "[ \n]{0,3}", after in prop::collection::vec(any::<u8>(), 0..40), end in any_end()
    ) {
        let token = format!(r#"{before}"refresh_token"{space}:{space}"{REFRESH}""#);
        let body = [token.as_bytes(), &after].concat();
        saved(read_token_reply(&reply(status, body, end)));
    }

    #[test]
    fn half_a_refresh_token_is_never_taken(length in 0usize..230) {
        let body = whole_body();
        let until = body.find(REFRESH).unwrap() + REFRESH.len();
        let cut = reply(200, &body[..length.min(until)], ReplyEnd::Cut);
        prop_assert_eq!(kind(read_token_reply(&cut)), UnreadableKind::Cut);
    }

    #[test]
    fn no_secret_is_ever_shown(status in 100u16..600, error in "[a-z_]{0,12}", at in 0usize..300, end in any_end()) {
        let canary = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
        let whole = format!(
            r#"{{"error":"{error} {canary}","error_description":"{canary} was sent","access_token":"{canary}","refresh_token":"{canary}"}}"#
        );
        let reply = reply(status, &whole[..whole.len().min(at)], end);
        let shown = format!("{:?} {:?}", reply, read_token_reply(&reply));
        prop_assert!(!shown.contains(canary));
    }
}
