//! Reads what the revocation endpoint answered.

use crate::fields::Fields;
use crate::reply::Reply;

use super::{Refusal, Unreadable, refusal, unreadable};

/// What a reply of the revocation endpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeReply {
    /// The token and what was made from it work no longer.
    Revoked,
    /// Zoho refused, and said by which word.
    Refused(Refusal),
    /// Neither can be made out.
    Unreadable(Unreadable),
}

/// Reads a reply of the revocation endpoint: `{"status":"success"}`, or an error whatever the status.
///
/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>.
pub fn read_revoke_reply(reply: &Reply) -> RevokeReply {
    let fields = Fields::whole(&reply.body);
    if let Some(fields) = &fields {
        if let Some(word) = fields.error() {
            return RevokeReply::Refused(refusal(word, fields, reply));
        }
        let succeeded = fields
            .text("status")
            .is_some_and(|text| text.eq_ignore_ascii_case("success"));
        if succeeded && (200..300).contains(&reply.status) {
            return RevokeReply::Revoked;
        }
    }
    RevokeReply::Unreadable(unreadable(reply, &reply.body))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::error::ErrorWord;
    use crate::reply::ReplyEnd;
    use crate::response::UnreadableKind;

    fn read(status: u16, body: &str) -> RevokeReply {
        let body = Zeroizing::new(body.as_bytes().to_vec());
        let (content_type, location, date) = (None, None, None);
        read_revoke_reply(&Reply {
            status,
            content_type,
            location,
            date,
            body,
            end: ReplyEnd::Complete,
        })
    }

    #[test]
    fn success_is_said() {
        assert_eq!(read(200, r#"{"status":"success"}"#), RevokeReply::Revoked);
    }

    #[test]
    fn an_error_is_a_refusal() {
        for status in [200, 400] {
            match read(status, r#"{"error":"invalid_token"}"#) {
                RevokeReply::Refused(refusal) => assert_eq!(refusal.word, ErrorWord::InvalidToken),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn nothing_else_counts_as_revoked() {
        use UnreadableKind::*;
        let bodies = [
            (200, "", Empty),
            (200, "<html>", Html),
            (200, "{}", WrongShape),
            (500, r#"{"status":"success"}"#, WrongShape),
        ];
        for (status, body, what) in bodies {
            match read(status, body) {
                RevokeReply::Unreadable(unreadable) => assert_eq!(unreadable.what, what, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
