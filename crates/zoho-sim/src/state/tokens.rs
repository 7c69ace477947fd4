//! Grant, refresh and access tokens, and how they push each other out.

use std::collections::VecDeque;

use super::{CodeChallenge, State, Window};
use crate::clock::Millis;
use crate::data_center::Environment;
use crate::manners::RefreshTokenSubject;

/// The user who gives consent unless another one is named.
pub(crate) const DEFAULT_USER: &str = "demo";

/// A grant token: works once, for a short while.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) data_center: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) user: String,
    pub(crate) environment: Environment,
    /// Whether consent was given for offline access, which is what brings a refresh token.
    pub(crate) offline: bool,
    pub(crate) code_challenge: Option<CodeChallenge>,
    pub(crate) expires_at: Millis,
    pub(crate) used: bool,
    /// The refresh token that its exchange brought.
    pub(crate) brought: Option<String>,
}

/// What a grant token is made from.
#[derive(Debug)]
pub(crate) struct NewGrant {
    pub(crate) client_id: String,
    pub(crate) data_center: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) user: String,
    pub(crate) environment: Environment,
    pub(crate) offline: bool,
    pub(crate) code_challenge: Option<CodeChallenge>,
    pub(crate) life_seconds: u64,
}

/// A refresh token: lives until something kills it.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) client_id: String,
    pub(crate) data_center: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) user: String,
    pub(crate) environment: Environment,
    pub(crate) serial: u64,
    /// Its access tokens, oldest first.
    pub(crate) access_tokens: VecDeque<String>,
    pub(crate) refreshes: Window,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    /// `None` when it came by client credentials or without offline access.
    pub(crate) refresh_token: Option<String>,
    pub(crate) client_id: String,
    pub(crate) data_center: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) user: String,
    pub(crate) environment: Environment,
    pub(crate) expires_at: Millis,
}

impl State {
    /// Makes a grant token and returns it with the end of its life.
    pub(crate) fn add_grant(&mut self, new: NewGrant) -> (String, Millis) {
        let code = self.random_token();
        let expires_at = later(self.now(), new.life_seconds);
        let NewGrant {
            client_id,
            data_center,
            scopes,
            user,
            environment,
            offline,
            code_challenge,
            ..
        } = new;
        let grant = Grant {
            client_id,
            data_center,
            scopes,
            user,
            environment,
            offline,
            code_challenge,
            expires_at,
            used: false,
            brought: None,
        };
        self.grants.insert(code.clone(), grant);
        (code, expires_at)
    }

    /// Makes a refresh token from a grant and pushes out the oldest one when there are too many.
    pub(crate) fn add_refresh_token(&mut self, grant: &Grant) -> String {
        let token = self.random_token();
        let serial = self.next_serial();
        self.refresh_tokens.insert(
            token.clone(),
            RefreshToken {
                client_id: grant.client_id.clone(),
                data_center: grant.data_center,
                scopes: grant.scopes.clone(),
                user: grant.user.clone(),
                environment: grant.environment,
                serial,
                access_tokens: VecDeque::new(),
                refreshes: Window::default(),
            },
        );
        self.evict_refresh_tokens(grant);
        token
    }

    /// Returns whether one more refresh token would be one too many.
    pub(crate) fn has_all_refresh_tokens(&self, grant: &Grant) -> bool {
        self.same_subject(grant).len() >= self.kept_refresh_tokens()
    }

    fn evict_refresh_tokens(&mut self, grant: &Grant) {
        let same = self.same_subject(grant);
        let too_many = same.len().saturating_sub(self.kept_refresh_tokens());
        for (_, name) in same.into_iter().take(too_many) {
            self.revoke_refresh_token(&name);
        }
    }

    fn kept_refresh_tokens(&self) -> usize {
        usize::try_from(self.limits.refresh_tokens)
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Returns the refresh tokens that count together with this grant's, oldest first.
    fn same_subject(&self, grant: &Grant) -> Vec<(u64, String)> {
        let same_client = |token: &RefreshToken| token.client_id == grant.client_id;
        let same_user = |token: &RefreshToken| token.user == grant.user;
        let counts = |token: &RefreshToken| match self.manners.refresh_token_subject {
            RefreshTokenSubject::UserAndClient => same_client(token) && same_user(token),
            RefreshTokenSubject::User => same_user(token),
            RefreshTokenSubject::Client => same_client(token),
        };
        let tokens = self
            .refresh_tokens
            .iter()
            .filter(|(_, token)| counts(token));
        let mut same: Vec<(u64, String)> = tokens
            .map(|(name, token)| (token.serial, name.clone()))
            .collect();
        same.sort_unstable();
        same
    }

    /// Makes an access token and pushes out the oldest of its refresh token when there are too many.
    pub(crate) fn add_access_token(&mut self, access: AccessToken) -> String {
        let token = self.random_token();
        if let Some(name) = access.refresh_token.clone() {
            self.push_access_token(&name, token.clone());
        }
        self.access_tokens.insert(token.clone(), access);
        token
    }

    fn push_access_token(&mut self, refresh_token: &str, token: String) {
        let now = self.now();
        let kept = self.limits.active_access_tokens.max(1);
        let Some(refresh) = self.refresh_tokens.get_mut(refresh_token) else {
            return;
        };
        let live = |name: &String| {
            self.access_tokens
                .get(name)
                .is_some_and(|access| access.expires_at > now)
        };
        refresh.access_tokens.retain(live);
        refresh.access_tokens.push_back(token);
        while refresh.access_tokens.len() as u64 > kept {
            if let Some(oldest) = refresh.access_tokens.pop_front() {
                self.access_tokens.remove(&oldest);
            }
        }
    }

    /// Revokes a refresh token and its access tokens; returns whether there was one.
    pub(crate) fn revoke_refresh_token(&mut self, token: &str) -> bool {
        let Some(refresh) = self.refresh_tokens.remove(token) else {
            return false;
        };
        for access_token in refresh.access_tokens {
            self.access_tokens.remove(&access_token);
        }
        true
    }

    /// Revokes one access token; returns whether there was one.
    pub(crate) fn revoke_access_token(&mut self, token: &str) -> bool {
        self.access_tokens.remove(token).is_some()
    }

    /// Returns when an access token that is made now expires.
    pub(crate) fn access_token_end(&self) -> Millis {
        later(self.now(), self.limits.access_token_seconds)
    }

    /// Returns an access token that has not expired.
    pub(crate) fn find_live_access_token(&self, token: &str) -> Option<&AccessToken> {
        let now = self.now();
        self.access_tokens
            .get(token)
            .filter(|access| access.expires_at > now)
    }

    /// Returns how many access tokens have not expired.
    pub(crate) fn count_live_access_tokens(&self) -> usize {
        let now = self.now();
        self.access_tokens
            .values()
            .filter(|access| access.expires_at > now)
            .count()
    }
}

/// Returns the time this many seconds later.
fn later(now: Millis, seconds: u64) -> Millis {
    now.saturating_add(Millis::try_from(seconds.saturating_mul(1000)).unwrap_or(Millis::MAX))
}
