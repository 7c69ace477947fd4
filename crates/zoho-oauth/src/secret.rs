//! The secrets of the protocol, a type each, so that one cannot be passed for another.
//!
//! None of them can be printed, compared or serialised; each is wiped from memory when dropped.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

macro_rules! secret_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Wraps a value as it is, without any check.
            pub fn new(value: impl Into<String>) -> Self {
                Self(SecretString::from(value.into()))
            }

            /// Returns the value itself, to be sent or sealed and nothing else.
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl FromStr for $name {
            type Err = InvalidSecret;

            /// Trims white space around a value and refuses what cannot be right.
            fn from_str(text: &str) -> Result<Self, InvalidSecret> {
                match check_secret(text.trim()) {
                    Ok(value) => Ok(Self::new(value)),
                    Err(reason) => Err(InvalidSecret { kind: $kind, reason }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidSecret;

            fn try_from(text: String) -> Result<Self, InvalidSecret> {
                Zeroizing::new(text).parse()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

secret_type!(
    /// The secret that belongs to a client ID.
    ClientSecret,
    "client secret"
);
secret_type!(
    /// The authorization code of RFC 6749: lives a few minutes and works once.
    GrantToken,
    "grant token"
);
secret_type!(
    /// Gets access tokens until it is revoked or pushed out by newer ones.
    RefreshToken,
    "refresh token"
);
secret_type!(
    /// Opens Zoho's API for an hour.
    AccessToken,
    "access token"
);
secret_type!(
    /// The PKCE code verifier of RFC 7636.
    CodeVerifier,
    "code verifier"
);

/// The public name of a registered OAuth client, such as `1000.8PYRD…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Returns the client ID as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidSecret;

    /// Trims white space around a client ID and refuses what cannot be one, a token above all.
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let value = text.trim();
        let checked = match check_text(value) {
            Ok(()) if has_token_shape(value) => Err(InvalidSecretReason::Token),
            checked => checked,
        };
        checked.map_err(|reason| InvalidSecret {
            kind: "client ID",
            reason,
        })?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that cannot be what it is given for; it never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} {reason}")]
pub struct InvalidSecret {
    /// What the value was given for, in words: "grant token".
    pub kind: &'static str,
    /// Why it cannot be that.
    pub reason: InvalidSecretReason,
}

/// Why a value cannot be right.
///
/// Zoho promises no format, so nothing stricter is checked than mistakes which people make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecretReason {
    /// Nothing is left after trimming.
    #[error("is empty")]
    Empty,
    /// White space, control or invisible characters stand inside.
    #[error("has blanks or invisible characters inside")]
    Blank,
    /// The value stands in quotation marks.
    #[error("stands in quotation marks: give it without them")]
    Quoted,
    /// The value is an address.
    #[error("is a URL")]
    Url,
    /// The value has a client ID's shape.
    #[error("looks like a client ID: give the secret value instead")]
    ClientId,
    /// The value has a token's shape.
    #[error("looks like a token: give the client ID instead, and keep the token secret")]
    Token,
}

fn check_secret(value: &str) -> Result<&str, InvalidSecretReason> {
    check_text(value)?;
    if has_client_id_shape(value) {
        return Err(InvalidSecretReason::ClientId);
    }
    Ok(value)
}

fn check_text(value: &str) -> Result<(), InvalidSecretReason> {
    if value.is_empty() {
        Err(InvalidSecretReason::Empty)
    } else if is_quoted(value) {
        Err(InvalidSecretReason::Quoted)
    } else if value.chars().any(is_invisible) {
        Err(InvalidSecretReason::Blank)
    } else if value.contains("://") {
        Err(InvalidSecretReason::Url)
    } else {
        Ok(())
    }
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

fn is_quoted(value: &str) -> bool {
    const QUOTES: [(char, char); 4] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”')];
    QUOTES.iter().any(|&(open, close)| {
        value
            .strip_prefix(open)
            .is_some_and(|rest| rest.ends_with(close))
    })
}

/// Says whether a value is `1000.` and 30 capitals or digits, as all published client IDs are.
pub(crate) fn has_client_id_shape(value: &str) -> bool {
    value.strip_prefix("1000.").is_some_and(|rest| {
        rest.len() == 30
            && rest
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

/// Says whether a value is `1000.`, 32 hexadecimal digits, a dot and 32 more, as all published tokens are.
pub(crate) fn has_token_shape(value: &str) -> bool {
    let is_hex32 = |part: &str| part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = value.split('.');
    let prefix = parts
        .next()
        .is_some_and(|p| p.len() == 4 && p.bytes().all(|b| b.is_ascii_digit()));
    prefix
        && parts.next().is_some_and(is_hex32)
        && parts.next().is_some_and(is_hex32)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef";
    const CLIENT_ID: &str = "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ1234";

    fn reason<T: FromStr<Err = InvalidSecret>>(text: &str) -> Option<InvalidSecretReason> {
        text.parse::<T>().err().map(|error| error.reason)
    }

    #[test]
    fn debug_hides_every_secret() {
        assert_eq!(
            format!("{:?}", ClientSecret::new("x9")),
            "ClientSecret([redacted])"
        );
        assert_eq!(
            format!("{:?}", GrantToken::new("x9")),
            "GrantToken([redacted])"
        );
        assert_eq!(
            format!("{:?}", RefreshToken::new("x9")),
            "RefreshToken([redacted])"
        );
        assert_eq!(
            format!("{:?}", AccessToken::new("x9")),
            "AccessToken([redacted])"
        );
        assert_eq!(
            format!("{:?}", CodeVerifier::new("x9")),
            "CodeVerifier([redacted])"
        );
    }

    #[test]
    fn white_space_around_a_pasted_value_is_trimmed() {
        let token: GrantToken = format!(" {TOKEN}\r\n").parse().unwrap();
        assert_eq!(token.expose_secret(), TOKEN);
        let id: ClientId = format!("\t{CLIENT_ID} ").parse().unwrap();
        assert_eq!(id.as_str(), CLIENT_ID);
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        use InvalidSecretReason::*;
        assert_eq!(reason::<GrantToken>(" \n"), Some(Empty));
        assert_eq!(reason::<GrantToken>("1000.ab cd"), Some(Blank));
        assert_eq!(reason::<GrantToken>("1000.ab\u{feff}cd"), Some(Blank));
        assert_eq!(reason::<GrantToken>("1000.ab\0cd"), Some(Blank));
        assert_eq!(reason::<GrantToken>("\"1000.abcd\""), Some(Quoted));
        assert_eq!(reason::<GrantToken>("“1000.abcd”"), Some(Quoted));
        assert_eq!(
            reason::<GrantToken>("https://accounts.zoho.eu?code=1"),
            Some(Url)
        );
        assert_eq!(reason::<ClientSecret>(CLIENT_ID), Some(ClientId));
        assert_eq!(reason::<super::ClientId>(TOKEN), Some(Token));
        assert_eq!(reason::<super::ClientId>(""), Some(Empty));
    }

    #[test]
    fn unusual_values_are_let_through() {
        for value in ["x", "1004.short", "żółw", "a\"b", "1000.abc.def"] {
            assert!(value.parse::<RefreshToken>().is_ok(), "{value}");
        }
        assert!("anything".parse::<ClientId>().is_ok());
    }

    #[test]
    fn the_error_names_the_kind_and_a_remedy() {
        let error = "'x'".parse::<GrantToken>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the grant token stands in quotation marks: give it without them"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_value(text in ".{0,80}") {
            if let Ok(token) = text.parse::<RefreshToken>() {
                prop_assert_eq!(token.expose_secret(), text.trim());
            }
            let _ = text.parse::<ClientId>();
        }

        #[test]
        fn no_error_repeats_the_value(value in "[a-z0-9]{12,40}", around in r#"["' /:]{0,3}"#) {
            if let Err(error) = format!("{around}{value}{around}").parse::<ClientSecret>() {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains(&value));
            }
        }
    }
}
