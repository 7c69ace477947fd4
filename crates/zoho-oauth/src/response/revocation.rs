//! Reads what the two revocation endpoints answered.

use crate::fields::Fields;
use crate::reply::{Reply, ReplyEnd};

use super::{Refusal, Unreadable, refusal, unreadable};

/// What a reply of a revocation endpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeReply {
    /// The token and what was made from it work no longer.
    Revoked,
    /// Zoho refused, and said by which word. One that [is about the token][word] means that Zoho does not know it:
    /// it was revoked before, or pushed out.
    ///
    /// [word]: crate::ErrorWord::is_about_the_token
    Refused(Refusal),
    /// Neither can be made out.
    Unreadable(Unreadable),
}

/// Reads a reply to [`revoke`](crate::request::revoke): `{"status":"success"}`, or an error whatever the status.
///
/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>.
pub fn read_revoke_reply(reply: &Reply) -> RevokeReply {
    read(reply, |fields| fields.and_then(says_success) == Some(true))
}

/// Reads a reply to [`revoke_as_app`](crate::request::revoke_as_app): status 200, or an error whatever the status.
///
/// What stands in the body after a success is not documented, so none and any JSON object count that name no other
/// `status` than `success`. A page does not: a proxy that wants a login sends one with status 200 too. Source:
/// <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>.
pub fn read_revoke_as_app_reply(reply: &Reply) -> RevokeReply {
    let is_empty = reply.body.trim_ascii().is_empty() && reply.end == ReplyEnd::Complete;
    read(reply, |fields| match fields {
        Some(fields) => says_success(fields).unwrap_or(true),
        None => is_empty,
    })
}

fn read(reply: &Reply, succeeded: impl FnOnce(Option<&Fields>) -> bool) -> RevokeReply {
    let fields = Fields::whole(&reply.body);
    if let Some(fields) = &fields
        && let Some(word) = fields.error()
    {
        return RevokeReply::Refused(refusal(word, fields, reply));
    }
    if (200..300).contains(&reply.status) && succeeded(fields.as_ref()) {
        return RevokeReply::Revoked;
    }
    RevokeReply::Unreadable(unreadable(reply, &reply.body))
}

/// Says whether the `status` is success; None if there is none.
fn says_success(fields: &Fields) -> Option<bool> {
    fields
        .has("status")
        .then(|| fields.text("status"))
        .map(|text| text.is_some_and(|text| text.eq_ignore_ascii_case("success")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;
    use crate::error::ErrorWord;
    use crate::response::UnreadableKind::{self, Cut, Empty, Html, NotJson, WrongShape};

    fn reply(status: u16, body: &[u8], end: ReplyEnd) -> Reply {
        let body = Zeroizing::new(body.to_vec());
        let (content_type, location, date) = (None, None, None);
        Reply {
            status,
            content_type,
            location,
            date,
            body,
            end,
        }
    }

    fn both(status: u16, body: &str) -> [RevokeReply; 2] {
        let reply = reply(status, body.as_bytes(), ReplyEnd::Complete);
        [read_revoke_reply(&reply), read_revoke_as_app_reply(&reply)]
    }

    fn is_unreadable(reply: &RevokeReply, what: &UnreadableKind) -> bool {
        matches!(reply, RevokeReply::Unreadable(unreadable) if unreadable.what == *what)
    }

    #[test]
    fn success_is_said() {
        let body = r#"{"status":"success"}"#;
        assert_eq!(
            both(200, body),
            [RevokeReply::Revoked, RevokeReply::Revoked]
        );
    }

    #[test]
    fn an_error_is_a_refusal_whatever_the_status() {
        for (status, word) in [(200, "invalid_token"), (400, "invalid_code"), (404, "gone")] {
            let body = format!(r#"{{"status":"success","error":"{word}"}}"#);
            for reply in both(status, &body) {
                match reply {
                    RevokeReply::Refused(refusal) => assert_eq!(refusal.word, ErrorWord::of(word)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn nothing_else_counts_as_revoked() {
        let bodies = [
            (200, "<html>", Html),
            (200, "fine", NotJson),
            (200, r#"{"status":"failure"}"#, WrongShape),
            (200, r#"{"status":1}"#, WrongShape),
            (400, "", Empty),
            (404, "{}", WrongShape),
            (500, r#"{"status":"success"}"#, WrongShape),
        ];
        for (status, body, what) in bodies {
            for reply in both(status, body) {
                assert!(is_unreadable(&reply, &what), "{status} {body}: {reply:?}");
            }
        }
    }

    #[test]
    fn an_apps_success_needs_no_words() {
        for (body, what) in [("", Empty), ("{}", WrongShape)] {
            let [reply, as_app] = both(200, body);
            assert!(is_unreadable(&reply, &what), "{body}: {reply:?}");
            assert_eq!(as_app, RevokeReply::Revoked, "{body}");
        }
        let cut = read_revoke_as_app_reply(&reply(200, b"", ReplyEnd::Cut));
        assert!(
            is_unreadable(&cut, &Cut),
            "what was cut off may be a refusal: {cut:?}"
        );
    }

    proptest! {
        #[test]
        fn only_a_success_counts(
            status in prop_oneof![Just(200), 100..600_u16],
            body in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "\\{(\"status\":\"(success|failure)\")?,?(\"error\":\"[a-z_]{0,9}\")?\\}".prop_map(String::into_bytes),
            ],
            end in prop_oneof![Just(ReplyEnd::Complete), Just(ReplyEnd::Cut), Just(ReplyEnd::TooLarge)],
        ) {
            let reply = reply(status, &body, end);
            let names_error = Fields::whole(&body).is_some_and(|fields| fields.error().is_some());
            for read in [read_revoke_reply(&reply), read_revoke_as_app_reply(&reply)] {
                prop_assert_eq!(matches!(read, RevokeReply::Refused(_)), names_error);
                if read == RevokeReply::Revoked {
                    prop_assert!((200..300).contains(&status) && !body.starts_with(b"<"));
                }
            }
        }
    }
}
