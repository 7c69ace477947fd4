//! Which headers go on, in both directions.

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{CONNECTION, LOCATION},
};

/// Fields of one hop (<https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>); those that `Connection` names are others.
fn is_of_one_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    ) || name.starts_with("proxy-")
}

/// Fields that the caller's request has for this server alone: credentials, where it came from, how its body is framed
/// (which is worked out anew), and what would have another method or path than the rules have seen.
fn is_for_us_alone(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "authentication"
            | "cookie"
            | "cookie2"
            | "content-length"
            | "expect"
            | "forwarded"
            | "via"
            | "x-real-ip"
            | "x-client-ip"
            | "true-client-ip"
            | "x-request-id"
            | "x-api-key"
            | "x-auth-token"
            | "x-access-token"
            | "x-zcsrf-token"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-original-url"
            | "x-original-uri"
            | "x-rewrite-url"
    ) || name.starts_with("x-forwarded-")
}

/// Fields of Zoho's reply that are about its own server: sessions, and what would be taken for a promise or an error of
/// ours.
fn is_about_zohos_server(name: &str) -> bool {
    matches!(
        name,
        "set-cookie"
            | "set-cookie2"
            | "alt-svc"
            | "strict-transport-security"
            | "clear-site-data"
            | "evergrant-error"
    )
}

/// Leaves of a caller's request what is meant for Zoho.
pub(super) fn strip_request(headers: &mut HeaderMap) {
    strip(headers, is_for_us_alone);
}

/// Leaves of Zoho's reply what is meant for the caller. A redirect to another server goes without its address if that
/// holds a token.
pub(super) fn strip_response(headers: &mut HeaderMap, origin: &str) {
    strip(headers, is_about_zohos_server);
    let leaks = headers
        .get(LOCATION)
        .is_some_and(|location| leads_elsewhere_with_a_token(location, origin));
    if leaks {
        headers.remove(LOCATION);
    }
}

fn strip(headers: &mut HeaderMap, also: fn(&str) -> bool) {
    remove_named(headers);
    let falls = |name: &&HeaderName| is_of_one_hop(name.as_str()) || also(name.as_str());
    // One or two fall as a rule: this is faster than a new map.
    while let Some(name) = headers.keys().find(falls).cloned() {
        headers.remove(name);
    }
}

/// Removes what `Connection` names.
fn remove_named(headers: &mut HeaderMap) {
    let only_keep_alive =
        |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    if headers.get_all(CONNECTION).iter().all(only_keep_alive) {
        return;
    }
    let values = headers.get_all(CONNECTION).iter();
    let named: Vec<HeaderName> = values
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn leads_elsewhere_with_a_token(location: &HeaderValue, origin: &str) -> bool {
    let Ok(text) = location.to_str() else {
        return true;
    };
    let elsewhere = match text.parse::<Uri>() {
        Ok(uri) if uri.authority().is_none() => text.starts_with("//"),
        _ => text
            .strip_prefix(origin)
            .is_none_or(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#'])),
    };
    let lower = text.to_ascii_lowercase();
    elsewhere && (lower.contains("token=") || lower.contains("1000.") || lower.contains("code="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let parse = |&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        fields.iter().map(parse).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn what_is_of_one_hop_or_for_us_does_not_go_on() {
        let mut headers = map(&[
            ("accept", "application/json"),
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "expires"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("proxy-anything", "x"),
            ("authorization", "Zoho-oauthtoken evp_1"),
            ("cookie", "session=1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-anything", "x"),
            ("forwarded", "for=10.0.0.1"),
            ("x-http-method-override", "DELETE"),
            ("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("orgid", "7"),
        ]);
        strip_request(&mut headers);
        assert_eq!(names(&headers), ["accept", "if-modified-since", "orgid"]);
    }

    #[test]
    fn every_value_of_connection_counts_and_the_token_cannot_be_named_away() {
        let mut headers = map(&[
            ("connection", "keep-alive"),
            ("connection", "x-a,,bad name, X-B"),
            ("x-a", "1"),
            ("x-b", "1"),
            ("x-c", "1"),
        ]);
        strip_request(&mut headers);
        assert_eq!(names(&headers), ["x-c"]);
    }

    #[test]
    fn a_reply_keeps_what_is_for_the_caller() {
        let mut headers = map(&[
            ("content-type", "application/json"),
            ("content-length", "2"),
            ("x-api-credits-remaining", "100"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("alt-svc", "h3=\":443\""),
            ("evergrant-error", "denied"),
            ("connection", "keep-alive"),
            ("location", "https://www.zohoapis.eu/crm/v8/x?token=1"),
        ]);
        strip_response(&mut headers, "https://www.zohoapis.eu");
        assert_eq!(
            names(&headers),
            [
                "content-type",
                "content-length",
                "x-api-credits-remaining",
                "location"
            ]
        );
    }

    #[test]
    fn a_redirect_elsewhere_does_not_take_a_token_along() {
        let kept = |location: &'static str| {
            let mut headers = map(&[("location", location)]);
            strip_response(&mut headers, "https://www.zohoapis.eu");
            !headers.is_empty()
        };
        assert!(kept("/crm/v8/x?access_token=1"));
        assert!(kept("https://www.zohoapis.eu/x?access_token=1"));
        assert!(kept("https://files.example/x"));
        assert!(!kept("https://files.example/x?access_token=1"));
        assert!(!kept("https://www.zohoapis.eu.evil.example/?t=1000.ab.cd"));
        assert!(!kept("//evil.example/?access_token=1"));
    }
}
