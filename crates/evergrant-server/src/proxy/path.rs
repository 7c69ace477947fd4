//! Addresses that can be read in one way only.
//!
//! What is checked here is matched against rules and scopes as it came, and sent as it came. A path that Zoho's servers
//! might read differently than we do is refused, never put right.

use http::{HeaderMap, Method, Request, Version, header::TRANSFER_ENCODING};

use super::error::ProxyError;

/// The longest path, in bytes; Tomcat, which Zoho's servers are told to be, takes 8 KiB for the whole head.
const LONGEST_PATH: usize = 4096;

/// The longest query, in bytes. COQL and search criteria are sent in it.
const LONGEST_QUERY: usize = 16 * 1024;

/// Parameters that carry a credential, in any case.
const CREDENTIALS: [&str; 7] = [
    "access_token",
    "auth_token",
    "authtoken",
    "oauth_token",
    "refresh_token",
    "client_secret",
    "authorization",
];

/// Fails unless a request is for a path of the server that it came to, in one of HTTP's usual methods, and unambiguous.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), ProxyError> {
    let uri = request.uri();
    if !is_usual(request.method()) {
        return Err(ProxyError::method());
    }
    let names_a_server = uri.scheme().is_some() || uri.authority().is_some();
    if names_a_server && request.version() < Version::HTTP_2 {
        return Err(ProxyError::usage(
            "absolute_form",
            "the request line names a server: this is no forward proxy",
        ));
    }
    check_coding(request.headers())?;
    check_path(uri.path())?;
    uri.query().map_or(Ok(()), check_query)
}

/// The coding of one hop ends here, and no other than this is undone
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-6.1-15>).
fn check_coding(headers: &HeaderMap) -> Result<(), ProxyError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        true => Ok(()),
        false => Err(ProxyError::coding()),
    }
}

/// TRACE would show the token, CONNECT lead elsewhere, and others nobody needs.
fn is_usual(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::HEAD
            | Method::OPTIONS
    )
}

fn check_path(path: &str) -> Result<(), ProxyError> {
    let refuse = |detail| Err(ProxyError::usage("ambiguous_path", detail));
    if path.len() > LONGEST_PATH {
        return Err(ProxyError::too_long("the path is longer than 4 KiB"));
    }
    if !path.starts_with('/') {
        return refuse("the path does not begin with a slash");
    }
    let bytes = path.as_bytes();
    let mut position = 0;
    while position < bytes.len() {
        match bytes[position] {
            b'%' => {
                check_encoded(&bytes[position..])?;
                position += 2;
            }
            b'/' if bytes.get(position + 1) == Some(&b'/') => {
                return refuse("the path has an empty segment");
            }
            b'/' if is_dots(&bytes[position + 1..]) => {
                return refuse("the path has a segment of dots");
            }
            b';' => return refuse("the path has parameters, which some servers cut off"),
            byte if !IN_PATHS[usize::from(byte)] => {
                return refuse("the path has characters that no path can have");
            }
            _ => {}
        }
        position += 1;
    }
    Ok(())
}

/// Tells whether a path goes on with `.` or `..` as a whole segment.
fn is_dots(rest: &[u8]) -> bool {
    let end = rest.iter().position(|&byte| byte != b'.');
    match end {
        Some(dots) => (dots == 1 || dots == 2) && rest[dots] == b'/',
        None => rest.len() == 1 || rest.len() == 2,
    }
}

/// Fails on an encoding that is none, that could be read as another path, or that was encoded twice.
fn check_encoded(rest: &[u8]) -> Result<(), ProxyError> {
    let refuse = |detail| Err(ProxyError::usage("ambiguous_path", detail));
    let Some(byte) = decoded(rest) else {
        return refuse("the path has a percent sign that encodes nothing");
    };
    match byte {
        0..0x20 | 0x7f => refuse("the path has an encoded control character"),
        b'/' | b'\\' => refuse("the path has an encoded slash"),
        b';' => refuse("the path has an encoded semicolon"),
        b'%' if rest.len() >= 5 && rest[3..5].iter().all(u8::is_ascii_hexdigit) => {
            refuse("the path is encoded twice")
        }
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            refuse("the path has an encoded character that needs no encoding")
        }
        _ => Ok(()),
    }
}

fn decoded(rest: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// Which bytes may stand in a path as they are (<https://www.rfc-editor.org/rfc/rfc3986#section-3.3>).
const IN_PATHS: [bool; 256] = {
    let mut allowed = [false; 256];
    let characters =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@/";
    let mut at = 0;
    while at < characters.len() {
        allowed[characters[at] as usize] = true;
        at += 1;
    }
    allowed
};

fn check_query(query: &str) -> Result<(), ProxyError> {
    if query.len() > LONGEST_QUERY {
        return Err(ProxyError::too_long("the query is longer than 16 KiB"));
    }
    if query.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(ProxyError::usage(
            "ambiguous_query",
            "the query has characters that no query can have",
        ));
    }
    let mut names = query
        .split(['&', ';'])
        .map(|parameter| parameter.split('=').next().unwrap_or_default());
    if names.any(is_credential) {
        return Err(ProxyError::usage(
            "credential_in_query",
            "a credential does not belong into an address: it is sent in Authorization",
        ));
    }
    Ok(())
}

fn is_credential(name: &str) -> bool {
    let is_one = |name: &str| {
        CREDENTIALS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    if !name.contains('%') {
        return is_one(name);
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some(&first) = rest.first() {
        let encoded = (first == b'%').then(|| decoded(rest)).flatten();
        plain.push(encoded.unwrap_or(first));
        rest = &rest[if encoded.is_some() { 3 } else { 1 }..];
    }
    std::str::from_utf8(&plain).is_ok_and(is_one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(path: &str) -> Result<(), &'static str> {
        check_path(path).map_err(|error| error.reason())
    }

    #[test]
    fn paths_of_zohos_apis_pass() {
        for fine in [
            "/",
            "/crm/v8/Leads",
            "/crm/v8/Leads/5000000000001016/Notes",
            "/crm/v2.1/Leads/",
            "/crm/v8/Leads/search",
            "/books/v3/invoices/1.5/a..b/...",
            "/a/.well-known/x",
            "/files/caf%C3%A9%20%26%2B",
            "/a:b@c!$&'()*+,=~_-",
        ] {
            assert_eq!(path(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn paths_with_two_meanings_do_not() {
        for ambiguous in [
            "",
            "crm",
            "*",
            "//crm",
            "/crm//v8",
            "/crm/v8//",
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/..",
            "/%2e/a",
            "/a/%2E%2e/b",
            "/a/.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a;b=c",
            "/a%3bb",
            "/a/..;/b",
            "/a%252fb",
            "/crm/v8/%75sers",
            "/a b",
            "/a\u{e9}",
            "/a\"b",
            "/a<b>",
            "/a|b",
            "/a{b}",
        ] {
            assert_eq!(path(ambiguous), Err("ambiguous_path"), "{ambiguous}");
        }
        assert_eq!(
            path(&format!("/{}", "a".repeat(LONGEST_PATH))),
            Err("too_long")
        );
    }

    #[test]
    fn credentials_do_not_belong_into_a_query() {
        for bad in [
            "access_token=1",
            "a=1&AuthToken=2",
            "a=1;auth_token",
            "acc%65ss_token=1",
            "%61uthtoken=x",
        ] {
            assert_eq!(
                check_query(bad).unwrap_err().reason(),
                "credential_in_query",
                "{bad}"
            );
        }
        for fine in [
            "",
            "fields=Last_Name,Email&per_page=200",
            "page_token=abc",
            "a=access_token",
            "criteria=(a:equals:b%20c)",
        ] {
            assert!(check_query(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn requests_for_other_servers_are_refused() {
        let refused = |method: &str, uri: &str| {
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            check(&request).unwrap_err().reason()
        };
        assert_eq!(refused("GET", "http://evil.example/crm"), "absolute_form");
        assert_eq!(refused("CONNECT", "evil.example:443"), "method");
        assert_eq!(refused("TRACE", "/crm/v8/Leads"), "method");
        assert_eq!(refused("OPTIONS", "*"), "ambiguous_path");
    }

    proptest! {
        /// Whatever passes has one reading: decoded once or twice, normalised or not, its segments are the same.
        #[test]
        fn what_passes_has_one_reading(text in "/([a-c.%;\\\\ 2EeFf5C-]{0,3}/?){0,6}") {
            if path(&text).is_ok() {
                let (once, twice) = (decode(&text), decode(&decode(&text)));
                for reading in [once, twice] {
                    prop_assert_eq!(reading.matches('/').count(), text.matches('/').count());
                    prop_assert!(!reading.contains(['\\', ';']) && !reading.contains("//"));
                    prop_assert!(reading.split('/').all(|segment| segment != "." && segment != ".."));
                }
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            let _ = (path(&text), check_query(&text));
        }
    }

    fn decode(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text.as_bytes();
        while let Some(&first) = rest.first() {
            let encoded = (first == b'%').then(|| decoded(rest)).flatten();
            plain.push(char::from(encoded.unwrap_or(first)));
            rest = &rest[if encoded.is_some() { 3 } else { 1 }..];
        }
        plain
    }
}
