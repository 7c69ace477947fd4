//! What is asked for and what is given.

use std::{sync::Arc, time::Duration};

use zoho_oauth::{AccessToken, ApiDomain, Scopes};

use super::{BrokerError, Skew};
use crate::{clock::Timestamp, connection::ConnectionName, vault::VaultError};

/// How long a token shall live where nobody says otherwise, if it is no more than a quarter of its life.
const USUAL: Duration = Duration::from_secs(300);

/// What whoever asks for a token wants of it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// How long it shall live at least: 5 minutes where nobody says, but no more than a quarter of its
    /// life. More than nine tenths of its life is cut to that.
    pub min_valid: Option<Duration>,
    /// Rather none than one that lives less long.
    pub strict: bool,
    /// One that did not exist before.
    pub new: bool,
    /// A person asks, for whom some refreshes are kept.
    pub reserve: bool,
}

impl Wanted {
    /// Returns how long a token with this life must still live.
    pub(super) fn of(&self, life: Duration) -> Duration {
        match self.min_valid {
            None => USUAL.min(life / 4),
            Some(wanted) => wanted.min(longest(life)),
        }
    }

    pub(super) fn is_met_by(&self, life: Duration, left: Duration) -> bool {
        !left.is_zero() && left >= self.of(life)
    }

    /// Returns what to say if more is wanted than a token of this life can have.
    pub(super) fn cut(&self, life: Duration) -> Option<TokenWarning> {
        let wanted = self.min_valid?;
        let cut_to = longest(life);
        (wanted > cut_to).then_some(TokenWarning::MinValidCut { wanted, cut_to })
    }
}

fn longest(life: Duration) -> Duration {
    life / 10 * 9
}

/// What of a token is the same for everybody who gets it.
#[derive(Debug)]
pub(super) struct TokenData {
    pub(super) connection: ConnectionName,
    pub(super) connection_id: Arc<str>,
    pub(super) access_token: AccessToken,
    pub(super) api_domain: Option<ApiDomain>,
    pub(super) scopes: Scopes,
    pub(super) expires_at: Timestamp,
}

/// An access token, and what to know about it.
#[derive(Clone, Debug)]
pub struct Token {
    pub(super) data: Arc<TokenData>,
    pub(super) left: Duration,
    pub(super) warnings: Vec<TokenWarning>,
}

impl Token {
    /// Returns the token itself.
    pub fn access_token(&self) -> &AccessToken {
        &self.data.access_token
    }

    /// Returns the connection that it belongs to.
    pub fn connection(&self) -> &ConnectionName {
        &self.data.connection
    }

    /// Returns the row of that connection, which outlives its name.
    pub fn connection_id(&self) -> &str {
        &self.data.connection_id
    }

    /// Returns where it is to be sent, and nowhere else; `None` until a person says.
    pub fn api_domain(&self) -> Option<&ApiDomain> {
        self.data.api_domain.as_ref()
    }

    /// Returns what it may do, as Zoho answered.
    pub fn scopes(&self) -> &Scopes {
        &self.data.scopes
    }

    /// Returns when it dies, by this machine's clock.
    pub fn expires_at(&self) -> Timestamp {
        self.data.expires_at
    }

    /// Returns how long it lives from the moment at which it was given.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Tells whether it lives less long than wanted.
    pub fn is_stale(&self) -> bool {
        let stale = |warning: &TokenWarning| matches!(warning, TokenWarning::Stale(_));
        self.warnings.iter().any(stale)
    }

    /// Returns what is worth a warning.
    pub fn warnings(&self) -> &[TokenWarning] {
        &self.warnings
    }
}

/// What is worth a warning although there is a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenWarning {
    /// The token lives less long than wanted, and this is why there is no better one.
    Stale(Box<BrokerError>),
    /// More was wanted than a token of this life can have.
    MinValidCut {
        /// What was wanted.
        wanted: Duration,
        /// What was taken for it.
        cut_to: Duration,
    },
    /// Zoho's clock and ours differ.
    ClockSkew(Skew),
    /// The token could not be written into the vault: others will have to refresh again.
    NotKept(Arc<VaultError>),
    /// Zoho keeps no more live tokens than there are: the next refresh ends the oldest.
    LiveTokensFull {
        /// How many live, as far as we know.
        alive: u32,
        /// Until when the oldest would have lived.
        oldest_expires_at: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn wanted(seconds: Option<u64>) -> Wanted {
        Wanted {
            min_valid: seconds.map(Duration::from_secs),
            ..Wanted::default()
        }
    }

    #[test]
    fn five_minutes_are_wanted_or_a_quarter_of_a_short_life() {
        assert_eq!(wanted(None).of(HOUR), Duration::from_secs(300));
        assert_eq!(
            wanted(None).of(Duration::from_secs(40)),
            Duration::from_secs(10)
        );
    }

    #[test]
    fn more_than_nine_tenths_of_the_life_are_cut_and_said() {
        assert_eq!(wanted(Some(7200)).of(HOUR), Duration::from_secs(3240));
        assert!(wanted(Some(7200)).cut(HOUR).is_some());
        assert!(wanted(Some(3240)).cut(HOUR).is_none());
        assert!(wanted(None).cut(HOUR).is_none());
    }

    proptest! {
        #[test]
        fn a_new_token_always_meets_what_is_wanted(asked in proptest::option::of(0..100_000_u64), life in 1..100_000_u64) {
            let life = Duration::from_secs(life);
            prop_assert!(wanted(asked).is_met_by(life, life));
        }

        #[test]
        fn a_dead_token_meets_nothing(asked in proptest::option::of(0..100_000_u64), life in 1..100_000_u64) {
            prop_assert!(!wanted(asked).is_met_by(Duration::from_secs(life), Duration::ZERO));
        }
    }
}
