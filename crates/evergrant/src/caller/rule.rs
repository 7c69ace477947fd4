//! Rules: which requests a proxied caller may make.

mod path;

use std::{fmt, str::FromStr};

use http::Method;

/// One kind of request that a caller may make, such as `GET /crm/*/Contacts*` or `* /crm/**`.
///
/// A `*` in the path stands for any part of one segment; at the very end, for whatever follows, slashes too. Case
/// counts. The query is no part of it. A rule only ever allows: what no rule allows is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `None` for every method.
    method: Option<Method>,
    path: String,
}

impl Rule {
    /// Returns the method that it allows; `None` for every one.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// Returns its pattern of paths.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Tells whether it allows a request, by the path as it was sent, without its query.
    ///
    /// A path that whoever decodes it might take for another one is never allowed: with a `.` or `..` segment, an
    /// empty segment before its end, or a slash, backslash, percent or NUL, written out or encoded, that hides one.
    pub fn allows(&self, method: &str, raw_path: &str) -> bool {
        let method_fits = self
            .method
            .as_ref()
            .is_none_or(|own| own.as_str() == method);
        method_fits && path::is_plain(raw_path) && path::matches(&self.path, raw_path)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_ref().map_or("*", Method::as_str);
        write!(f, "{method} {}", self.path)
    }
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRule {
    /// There is no method, or no path.
    #[error(
        "a rule is a method and a path, such as `GET /crm/*/Contacts*`, or `* /crm/*` for every method"
    )]
    NotTwoWords,
    /// The first word is no HTTP method.
    #[error("{0:?} is no method: write one in capitals, such as GET, or * for every one")]
    Method(String),
    /// The path does not begin with a slash.
    #[error("the path of a rule begins with a slash")]
    NoSlash,
    /// The path holds a query or a fragment.
    #[error("the path of a rule holds no query: everything after a ? is open to the caller")]
    Query,
    /// The path can never match.
    #[error(
        "the path of a rule holds no `.` or `..` segment, `//`, backslash or character that paths encode"
    )]
    NeverMatches,
    /// Two stars elsewhere than at the end.
    #[error("`**` stands at the end of a path only: inside, `*` is any part of one segment")]
    StarsInside,
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let mut words = text.split_ascii_whitespace();
        let (Some(method), Some(path), None) = (words.next(), words.next(), words.next()) else {
            return Err(InvalidRule::NotTwoWords);
        };
        let method = match method {
            "*" => None,
            word => Some(parse_method(word)?),
        };
        check_path(path)?;
        Ok(Self {
            method,
            path: path.to_owned(),
        })
    }
}

fn parse_method(word: &str) -> Result<Method, InvalidRule> {
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = capitals.then(|| Method::from_bytes(word.as_bytes()).ok());
    let shown = || word.chars().take(20).collect();
    method.flatten().ok_or_else(|| InvalidRule::Method(shown()))
}

fn check_path(path: &str) -> Result<(), InvalidRule> {
    if !path.starts_with('/') {
        Err(InvalidRule::NoSlash)
    } else if path.contains(['?', '#']) {
        Err(InvalidRule::Query)
    } else if path.trim_end_matches('*').contains("**") || path.ends_with("***") {
        Err(InvalidRule::StarsInside)
    } else if !path::is_plain(path) || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(InvalidRule::NeverMatches)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_is_part_of_a_segment_and_at_the_end_everything() {
        let contacts = rule("GET /crm/*/Contacts*");
        for path in [
            "/crm/v8/Contacts",
            "/crm/v8/Contacts/1/Notes",
            "/crm/v8/Contacts_x",
        ] {
            assert!(contacts.allows("GET", path), "{path}");
        }
        for path in [
            "/crm/v8/Deals",
            "/crm/v8/x/Contacts",
            "/crm/v8/contacts",
            "/crm/Contacts",
            "/",
        ] {
            assert!(!contacts.allows("GET", path), "{path}");
        }
        assert!(!contacts.allows("POST", "/crm/v8/Contacts"));
        assert!(!contacts.allows("get", "/crm/v8/Contacts"));
        let one = rule("DELETE /crm/v8/*/*/photo");
        assert!(one.allows("DELETE", "/crm/v8/Contacts/1/photo"));
        assert!(!one.allows("DELETE", "/crm/v8/Contacts/1/photo/2"));
        let exact = rule("POST /crm/v8/coql");
        assert!(exact.allows("POST", "/crm/v8/coql"));
        assert!(!exact.allows("POST", "/crm/v8/coql/"));
    }

    #[test]
    fn two_stars_at_the_end_are_as_good_as_one() {
        let all = rule("* /crm/**");
        assert!(all.allows("PATCH", "/crm/v8/Contacts/1"));
        assert!(all.allows("GET", "/crm/"));
        assert!(!all.allows("GET", "/crm"));
        assert!(!all.allows("GET", "/desk/v1"));
    }

    #[test]
    fn a_path_that_may_mean_another_is_never_allowed() {
        let contacts = rule("* /crm/v8/Contacts/*");
        for path in [
            "/crm/v8/Contacts/../Deals",
            "/crm/v8/Contacts/./1",
            "/crm/v8/Contacts/%2e%2E/Deals",
            "/crm/v8/Contacts/.%2e/Deals",
            "/crm/v8/Contacts/..;/Deals",
            "/crm/v8/Contacts/..;x=1/Deals",
            "/crm/v8/Contacts/..%3b/Deals",
            "/crm/v8/Contacts/%2e%2e%2fDeals",
            "/crm/v8/Contacts/..%5CDeals",
            "/crm/v8/Contacts/..\\Deals",
            "/crm/v8/Contacts//Deals",
            "/crm/v8/Contacts/%252e%252e/Deals",
            "/crm/v8/Contacts/1%00",
            "/crm/v8/Contacts/..",
            "/crm/v8/Contacts/a?b",
        ] {
            assert!(!contacts.allows("GET", path), "{path}");
        }
        assert!(contacts.allows("GET", "/crm/v8/Contacts/a%20b/..c/d."));
    }

    #[test]
    fn what_is_no_rule_says_why() {
        use InvalidRule::*;
        for (text, why) in [
            ("", NotTwoWords),
            ("/crm/*", NotTwoWords),
            ("GET /crm /desk", NotTwoWords),
            ("get /crm", Method("get".into())),
            ("GET crm", NoSlash),
            ("GET /crm?x=1", Query),
            ("GET /crm/../desk", NeverMatches),
            ("GET /crm//x", NeverMatches),
            ("GET /kontakte/ü", NeverMatches),
            ("GET /crm/**/x", StarsInside),
            ("GET /crm/***", StarsInside),
        ] {
            assert_eq!(text.parse::<Rule>(), Err(why), "{text}");
        }
    }
}
