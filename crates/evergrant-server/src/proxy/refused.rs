//! Tells by a reply that Zoho did not take the token, rather than that something else is not allowed.

use serde_json::Value;

/// The longest body that is looked at.
pub(super) const LOOK_LIMIT: usize = 16 * 1024;

/// Words for a token that is expired, revoked or of another data center. `OAUTH_SCOPE_MISMATCH` is none of them: another
/// token would not help.
///
/// Sources: CRM <https://github.com/googleworkspace/apps-script-oauth2/issues/197> and
/// <https://github.com/rikas/zoho_hub/pull/34>; Mail, Projects `INVALID_OAUTHTOKEN`; Desk
/// <https://desk.zoho.com/DeskAPIDocument#Errors> `INVALID_OAUTH`.
const WORDS: [&str; 4] = [
    "INVALID_TOKEN",
    "AUTHENTICATION_FAILURE",
    "INVALID_OAUTHTOKEN",
    "INVALID_OAUTH",
];

/// Analytics says it by a number (<https://www.zoho.com/analytics/api/v2/common-error-codes.html>).
const ANALYTICS: u64 = 8535;

/// Where the products put their word.
const PLACES: [&str; 6] = [
    "/code",
    "/errorCode",
    "/data/errorCode",
    "/data/error_code",
    "/error/title",
    "/error/code",
];

/// Says whether the body of a 401 means that the token was refused.
pub(super) fn is_refused_token(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    PLACES.iter().any(|place| match body.pointer(place) {
        Some(Value::String(word)) => WORDS.contains(&word.as_str()),
        Some(Value::Number(number)) => number.as_u64() == Some(ANALYTICS),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_several_products_are_known() {
        for refused in [
            r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#,
            r#"{"code":"AUTHENTICATION_FAILURE","message":"Authentication failed"}"#,
            r#"{"data":{"errorCode":"INVALID_OAUTHTOKEN"},"status":{"code":404}}"#,
            r#"{"error":{"title":"INVALID_OAUTHTOKEN","status_code":"401"}}"#,
            r#"{"errorCode":"INVALID_OAUTH","message":"The OAuth Token you provided is invalid."}"#,
            r#"{"status":"failure","data":{"errorCode":8535,"errorMessage":"Invalid OAuth token"}}"#,
        ] {
            assert!(is_refused_token(refused.as_bytes()), "{refused}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        for other in [
            "",
            "<html>",
            "INVALID_TOKEN",
            "[]",
            r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#,
            r#"{"code":"invalid_token"}"#,
            r#"{"message":"INVALID_TOKEN"}"#,
            r#"{"code":401}"#,
            r#"{"code":["INVALID_TOKEN"]}"#,
        ] {
            assert!(!is_refused_token(other.as_bytes()), "{other}");
        }
    }
}
