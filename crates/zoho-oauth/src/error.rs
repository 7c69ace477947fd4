//! The words by which Zoho refuses, and what a server said made fit to be shown.

use std::fmt;

macro_rules! error_words {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// The `error` of a reply: the known words, and any other as it came.
        ///
        /// The words come from <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html> and
        /// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html> unless their lines say otherwise.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorWord {
            $($(#[$doc])* $name,)*
            /// A word that is not on the list, cleaned and cut to 100 characters.
            Other(String),
        }

        impl ErrorWord {
            const KNOWN: &'static [(&'static str, ErrorWord)] = &[$(($word, ErrorWord::$name),)*];

            /// Returns the word as Zoho writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Other(word) => word,
                }
            }
        }
    };
}

error_words! {
    /// The client ID is unknown to this accounts server: most often the account lives in another data center.
    InvalidClient = "invalid_client",
    /// The client secret is wrong, or that of another data center.
    InvalidClientSecret = "invalid_client_secret",
    /// The redirect URI is missing or differs from the registered one.
    InvalidRedirectUri = "invalid_redirect_uri",
    /// The grant token is wrong, expired or used; at a refresh, the refresh token is wrong, revoked or pushed out.
    InvalidCode = "invalid_code",
    /// RFC 6749's word for the same, <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>; Zoho does not document it.
    InvalidGrant = "invalid_grant",
    /// A scope is unknown or may not be asked for here, <https://github.com/Weble/ZohoClient/pull/34>.
    InvalidScope = "invalid_scope",
    /// The user refused, or too many grant tokens were used,
    /// <https://zoho.com/crm/developer/docs/api/v3/token-validity.html>.
    AccessDenied = "access_denied",
    /// Too many tokens were asked for in ten minutes, <https://zoho.com/accounts/protocol/oauth/token-limits.html>.
    TooManyRequests = "Access Denied",
    /// Client credentials need the organisation's `soid` here,
    /// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>.
    MissingOrgInfo = "missing_org_info",
    /// The organisation's `soid` is wrong; seen in public code only.
    InvalidSoid = "invalid_soid",
    /// The organisation is wrong; seen in public code only.
    InvalidOrg = "invalid_org",
    /// The grant type is unknown, <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
    UnsupportedGrantType = "unsupported_grant_type",
    /// The client may not use this grant type, <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
    UnauthorizedClient = "unauthorized_client",
    /// A parameter is missing or there twice, <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
    InvalidRequest = "invalid_request",
    /// The token to revoke is unknown; seen in public code only.
    InvalidToken = "invalid_token",
    /// Zoho failed inside; seen in public code only.
    GeneralError = "general_error",
}

impl ErrorWord {
    /// Reads a word in any case; what is unknown is cleaned, cut and kept.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let known = Self::KNOWN
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        match known {
            Some((_, word)) => word.clone(),
            None => Self::Other(clean(text, 100)),
        }
    }

    /// Says whether Zoho has had enough requests for now; both `Access Denied` and `access_denied` can mean that.
    pub fn is_throttle(&self) -> bool {
        matches!(self, Self::TooManyRequests | Self::AccessDenied)
    }

    /// Says whether it is the grant or refresh token itself that was refused; every other refusal can leave it whole.
    pub fn is_about_the_token(&self) -> bool {
        matches!(
            self,
            Self::InvalidCode | Self::InvalidGrant | Self::InvalidToken
        )
    }
}

impl fmt::Display for ErrorWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes a server's text fit to be shown: no control characters, nothing that could be a secret, not too long.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let printable: String = text
        .chars()
        .filter(|c| !c.is_control() && !is_bidirectional(*c))
        .collect();
    redact_long_words(&printable).chars().take(limit).collect()
}

/// Replaces words as long as half a token, since a server may repeat what it was sent; host names stay readable.
fn redact_long_words(text: &str) -> String {
    const SECRET_LENGTH: usize = 32;
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (between, from_word) = rest.split_at(start);
        let end = from_word.find(|c| !is_word(c)).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at(end);
        cleaned.push_str(between);
        cleaned.push_str(if word.len() < SECRET_LENGTH {
            word
        } else {
            "[redacted]"
        });
        rest = after;
    }
    cleaned.push_str(rest);
    cleaned
}

/// Marks that turn the direction of writing could make a terminal show something else than what is there.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_known_word_is_read_back_in_any_case() {
        for (text, word) in ErrorWord::KNOWN {
            assert_eq!(&ErrorWord::of(text), word);
            assert_eq!(&ErrorWord::of(&format!(" {} ", text.to_uppercase())), word);
            assert_eq!(word.to_string(), *text);
        }
    }

    #[test]
    fn both_denials_are_throttles() {
        assert!(ErrorWord::of("Access Denied").is_throttle());
        assert!(ErrorWord::of("access_denied").is_throttle());
        assert!(!ErrorWord::of("invalid_code").is_throttle());
    }

    #[test]
    fn other_words_are_cleaned_and_cut() {
        assert_eq!(
            ErrorWord::of("new_\u{1b}[31mword\n"),
            ErrorWord::Other("new_[31mword".to_owned())
        );
        assert_eq!(
            ErrorWord::of(&"no ".repeat(99)).as_str().chars().count(),
            100
        );
    }

    #[test]
    fn a_repeated_secret_is_redacted() {
        let said = clean(
            "bad code 1000.0123456789abcdef0123456789abcdef.0123 for you",
            300,
        );
        assert_eq!(said, "bad code 1000.[redacted].0123 for you");
    }

    #[test]
    fn a_long_host_name_stays_readable() {
        let host = "login.identity.a-rather-long-company-name.example.com";
        assert_eq!(clean(host, 100), host);
    }

    proptest! {
        #[test]
        fn cleaning_never_panics_and_never_shows_a_secret(before in ".{0,20}", secret in "[0-9a-f]{42}", after in ".{0,20}") {
            let cleaned = clean(&format!("{before}{secret}{after}"), 300);
            prop_assert!(!cleaned.contains(&secret));
            prop_assert!(!cleaned.chars().any(char::is_control));
        }
    }
}
