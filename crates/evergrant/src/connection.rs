//! Connections: refresh tokens in the vault, with all that is needed to use them, under a name.

mod change;
mod read;
mod state;
mod store;

use std::{fmt, str::FromStr, time::Duration};

use zoho_oauth::{AccountsDomain, ApiDomain, ClientId, Scopes};

pub use self::{
    change::{ChangeError, remove, rename, set_api_domain},
    read::{find, find_within, list, list_within},
    store::{most_places_used, next_free_name, places_of},
};
pub(crate) use self::{
    change::{learn_api_domain, learn_scopes},
    read::is_taken,
    state::set_state,
    store::{
        NewConnection, PLACES_TAKEN, Stored, access_token_place, credential, free_name,
        places_used, refresh_token_place, store,
    },
};
use crate::{broker::Limiter, clock::Timestamp};

/// How many refresh tokens Zoho keeps; the next one pushes out the oldest
/// (<https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>).
pub const PLACES: u32 = 20;

/// How many calls for an access token Zoho takes in [`REFRESH_WINDOW`], per refresh token
/// (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>).
pub const REFRESH_LIMIT: u32 = 10;

/// The window of [`REFRESH_LIMIT`].
pub const REFRESH_WINDOW: Duration = Duration::from_secs(600);

/// The name of a connection: `^[a-z0-9][a-z0-9._-]{0,62}$`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionName(String);

impl ConnectionName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns this name with `-number` behind it, cut so that it is still a name.
    pub(crate) fn numbered(&self, number: u32) -> Self {
        let suffix = format!("-{number}");
        let room = Self::LIMIT - suffix.len();
        Self(format!("{}{suffix}", &self.0[..self.0.len().min(room)]))
    }

    const LIMIT: usize = 63;
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a connection's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to 63 lower-case letters, digits, dots, dashes or underscores, and begins with a letter or digit"
)]
pub struct InvalidName;

impl FromStr for ConnectionName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let valid = text.len() <= Self::LIMIT
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|c| plain(c) || matches!(c, b'.' | b'-' | b'_'));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidName)
    }
}

/// Whether a connection can give access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It can.
    Healthy,
    /// Zoho has refused for now.
    Throttled,
    /// Zoho could not be reached.
    Failing,
    /// Zoho refuses the app, not the connection.
    AppRefused,
    /// The refresh token is dead.
    NewGrantNeeded,
    /// A person revoked it.
    Revoked,
}

impl State {
    /// Every state, the best first.
    pub const ALL: [Self; 6] = [
        Self::Healthy,
        Self::Throttled,
        Self::Failing,
        Self::AppRefused,
        Self::NewGrantNeeded,
        Self::Revoked,
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Throttled => "throttled",
            Self::Failing => "failing",
            Self::AppRefused => "app_refused",
            Self::NewGrantNeeded => "new_grant_needed",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A connection as it may be shown: no secret is in it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its row's id, which outlives its name.
    pub id: String,
    /// Its name.
    pub name: ConnectionName,
    /// Whether it works.
    pub state: State,
    /// Since when.
    pub state_since: Timestamp,
    /// Why, where there is more to say.
    pub state_reason: Option<String>,
    /// How it gets access tokens.
    pub grant_type: String,
    /// The organisation that client credentials ask for tokens of, where one was given.
    pub soid: Option<String>,
    /// `production`, `sandbox` or `developer`, where that is known.
    pub environment: Option<String>,
    /// Where its tokens come from.
    pub accounts_domain: AccountsDomain,
    /// Where its access tokens go; `None` until a person says.
    pub api_domain: Option<ApiDomain>,
    /// Its app.
    pub client_id: ClientId,
    /// What it may do, as Zoho answered.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last got an access token by a refresh.
    pub last_refresh_at: Option<Timestamp>,
    /// Until when its longest-lived access token works.
    pub access_token_expires_at: Option<Timestamp>,
    /// How many of its access tokens work, as far as we know.
    pub live_tokens: u32,
    /// When a program may try the next refresh, if it may not now; `None` also where waiting does not
    /// help.
    pub retry_at: Option<Timestamp>,
    /// Who throttles it, if it is throttled.
    pub throttled_by: Option<Limiter>,
    /// How many refresh tokens that it had before still take a place at Zoho.
    pub former: u32,
    /// What is left of Zoho's limit.
    pub refreshes: Refreshes,
}

/// The calls for an access token within the window of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshes {
    /// How many were made.
    pub used: u32,
    /// When a program may make the next one, if all that it may make were made.
    pub next_free_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "acme", "0.9_x-y", &"a".repeat(63)] {
            assert!(good.parse::<ConnectionName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "Acme", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::from_word(state.as_str()), Some(state));
        }
        assert_eq!(State::from_word("fine"), None);
    }

    proptest! {
        #[test]
        fn a_numbered_name_is_a_name(name in "[a-z0-9][a-z0-9._-]{0,62}", number in 2..100_000_u32) {
            let numbered = name.parse::<ConnectionName>().unwrap().numbered(number);
            prop_assert!(numbered.as_str().parse::<ConnectionName>().is_ok());
        }
    }
}
