//! A connection as the broker needs it, with the token that lives longest: one statement.

use std::time::Duration;

use zoho_oauth::{
    AccountsDomain, ApiDomain, ClientId, CustomHosts, ErrorWord, RefreshToken, Scopes,
};

use super::{
    BrokerError, Shared, Wanted,
    ledger::{Moment, SealedToken, TokenRow, longest_lived},
};
use crate::{
    clock::Timestamp,
    connection::{ConnectionName, State, refresh_token_place},
    vault::{Fingerprint, VaultError},
};

/// A connection, still sealed.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) name: ConnectionName,
    pub(super) credential: Fingerprint,
    pub(super) app: FoundApp,
    pub(super) api_domain: Option<ApiDomain>,
    pub(super) scopes: Scopes,
    soid: Option<String>,
    refresh_token_sealed: Option<Vec<u8>>,
    state: State,
    state_since: Timestamp,
    pub(super) state_reason: Option<String>,
    /// The one that lives longest.
    pub(super) token: Option<SealedToken>,
    /// The one that came last.
    newest: Option<SealedToken>,
}

/// The app that a connection belongs to, without its secrets.
#[derive(Clone, Debug)]
pub(super) struct FoundApp {
    pub(super) id: String,
    pub(super) client_id: ClientId,
    pub(super) accounts_domain: AccountsDomain,
}

/// By what an access token is asked for.
#[derive(Clone, Debug)]
pub(super) enum Means {
    /// A refresh token.
    RefreshToken(RefreshToken),
    /// The app's own credentials, for these scopes and this organisation.
    ClientCredentials {
        scopes: Scopes,
        soid: Option<String>,
    },
}

const SELECT: &str = "SELECT c.id, c.credential, c.grant_type, c.soid, c.scopes, c.refresh_token_sealed,
    c.api_domain, c.state, c.state_reason, c.state_since, a.id AS app_id, a.client_id, a.accounts_domain,
    r.epoch, r.sealed_token, r.started_ms, r.expires_ms, r.boot, r.expires_uptime_ms, r.handed_out_ms
  FROM connections c JOIN apps a ON a.id = c.app_id
  LEFT JOIN refreshes r ON r.credential = c.credential AND r.outcome = 'granted'
    AND r.refused_ms IS NULL AND r.expires_ms > $2
  WHERE c.name = $1 AND c.removed_at IS NULL ORDER BY r.epoch DESC LIMIT 8";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    credential: Vec<u8>,
    grant_type: String,
    soid: Option<String>,
    scopes: String,
    refresh_token_sealed: Option<Vec<u8>>,
    api_domain: Option<String>,
    state: String,
    state_reason: Option<String>,
    state_since: Timestamp,
    app_id: String,
    client_id: String,
    accounts_domain: String,
    #[sqlx(flatten)]
    token: TokenRow,
}

/// Finds a connection and its token.
///
/// # Errors
///
/// [`BrokerError::NotFound`], or the vault's.
pub(super) async fn find(
    shared: &Shared,
    name: &ConnectionName,
    moment: &Moment,
) -> Result<Found, BrokerError> {
    let query = sqlx::query_as::<_, Row>(SELECT).bind(name.as_str());
    let rows = query
        .bind(moment.wall)
        .fetch_all(&shared.vault.store().reader())
        .await;
    let mut rows = rows.map_err(|error| shared.failed(error))?.into_iter();
    let Some(first) = rows.next() else {
        return Err(BrokerError::NotFound(name.clone()));
    };
    let boot = shared.boot.as_deref();
    let (mut found, first) = first.split(name)?;
    let tokens = std::iter::once(first).chain(rows.map(|row| row.token));
    let tokens: Vec<_> = tokens.filter_map(|token| token.read(boot)).collect();
    found.newest = tokens.iter().max_by_key(|token| token.epoch).cloned();
    found.token = longest_lived(tokens, moment);
    Ok(found)
}

impl Row {
    fn split(self, name: &ConnectionName) -> Result<(Found, TokenRow), VaultError> {
        let damaged = |column| VaultError::Damaged {
            table: "connections",
            column,
            row: self.id.clone(),
        };
        let credential = <[u8; 32]>::try_from(self.credential.as_slice());
        let api_domain = self.api_domain.as_deref().map(ApiDomain::parse).transpose();
        let app = FoundApp {
            id: self.app_id,
            client_id: self.client_id.parse().map_err(|_| damaged("client_id"))?,
            accounts_domain: AccountsDomain::parse(&self.accounts_domain, CustomHosts::Allowed)
                .map_err(|_| damaged("accounts_domain"))?,
        };
        let by_refresh_token = self.grant_type == "refresh_token";
        if by_refresh_token != self.refresh_token_sealed.is_some() {
            return Err(damaged("refresh_token_sealed"));
        }
        let found = Found {
            name: name.clone(),
            credential: credential.map_err(|_| damaged("credential"))?.into(),
            app,
            api_domain: api_domain.map_err(|_| damaged("api_domain"))?,
            scopes: Scopes::parse(&self.scopes).map_err(|_| damaged("scopes"))?,
            soid: self.soid,
            refresh_token_sealed: self.refresh_token_sealed,
            state: State::from_word(&self.state).ok_or_else(|| damaged("state"))?,
            state_since: self.state_since,
            state_reason: self.state_reason,
            token: None,
            newest: None,
            id: self.id,
        };
        Ok((found, self.token))
    }
}

impl Found {
    /// Opens what an access token is asked for by.
    pub(super) fn means(&self, shared: &Shared) -> Result<Means, VaultError> {
        let Some(sealed) = &self.refresh_token_sealed else {
            return Ok(Means::ClientCredentials {
                scopes: self.scopes.clone(),
                soid: self.soid.clone(),
            });
        };
        let app = (&self.app.accounts_domain, &self.app.client_id);
        let place = refresh_token_place(&shared.vault, &self.id, app, self.api_domain.as_ref());
        let token = shared.vault.open(&place, sealed, "the refresh token")?;
        Ok(Means::RefreshToken(RefreshToken::new(token)))
    }

    /// Fails if a person revoked the connection: not even a token that a refresh brought at the same moment
    /// is given.
    pub(super) fn check_not_revoked(&self) -> Result<(), BrokerError> {
        match self.state {
            State::Revoked => Err(BrokerError::Revoked {
                since: self.state_since,
            }),
            _ => Ok(()),
        }
    }

    /// Fails if nobody but a person can bring this connection to give tokens again.
    pub(super) fn check_usable(&self) -> Result<(), BrokerError> {
        let since = self.state_since;
        match self.state {
            State::Healthy | State::Throttled | State::Failing => Ok(()),
            State::AppRefused => Err(BrokerError::AppRefused {
                word: ErrorWord::of(self.state_reason.as_deref().unwrap_or_default()),
                since,
            }),
            State::NewGrantNeeded => Err(BrokerError::NewGrantNeeded { since }),
            State::Revoked => self.check_not_revoked(),
        }
    }

    /// Says why nobody may refresh until then.
    pub(super) fn closed(&self, until: Timestamp) -> BrokerError {
        match self.state {
            State::Throttled => BrokerError::Throttled {
                retry_at: until,
                by: super::Limiter::by_reason(self.state_reason.as_deref()),
            },
            _ => BrokerError::Unavailable {
                reason: (self.state_reason.clone())
                    .unwrap_or_else(|| "a refresh failed a moment ago".to_owned()),
                retry_at: Some(until),
            },
        }
    }

    /// Returns which refresh brought the newest token, where there is one.
    pub(super) fn newest_epoch(&self) -> i64 {
        self.newest.as_ref().map_or(-1, |token| token.epoch)
    }

    /// Returns the token to give: the one that lives longest, unless a new one is wanted.
    pub(super) fn token_for(&self, wanted: &Wanted) -> Option<&SealedToken> {
        match wanted.new {
            true => self.newest.as_ref(),
            false => self.token.as_ref(),
        }
    }

    /// Tells whether the last refresh failed, and a later one may not.
    pub(super) fn is_failing(&self) -> bool {
        self.state == State::Failing
    }
}

/// How long an access token lives if the answer does not say
/// (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html>).
pub(super) const USUAL_LIFE: Duration = Duration::from_secs(3600);
