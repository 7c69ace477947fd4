//! What came of a refresh: the ledger is told, the lease is freed, the state follows, all in one
//! transaction.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, rngs::StdRng};
use sqlx::SqliteConnection;
use zoho_oauth::{ApiDomain, ErrorWord, Grant, TokenReply};

use super::{Answer, Refresh, Refreshed};
use crate::{
    app,
    audit::{self, Event},
    broker::{
        BrokerError, Limiter, Limits, Skew, TokenWarning,
        flight::Flown,
        found::{self, Found, USUAL_LIFE},
        lease::{self, Lease, Verdict},
        ledger::{self, Ended, NewToken, RowOutcome, SealedToken},
        outcome::{Called, Outcome, chain},
        token::TokenData,
    },
    clock::Timestamp,
    connection::{self, State, access_token_place},
    vault::VaultError,
};

impl Refresh<'_> {
    /// Enters what came of it, all in one transaction.
    pub(super) async fn settle(&self, lease: &Lease, answer: Answer, secret_id: &str) -> Refreshed {
        let mut rng = self.shared.rng();
        if matches!(answer.called, Called::TooLate) {
            return match self.note(lease, answer, secret_id, &mut rng).await {
                Ok(_) => Refreshed::TooLate,
                Err(error) => Refreshed::Failed(error.into()),
            };
        }
        let own_fault = match &answer.called {
            Called::NotSent(error) if !error.is_transient() => Some(chain(error)),
            _ => None,
        };
        // Whatever becomes of the vault, a token that works is not lost on whoever asked.
        let unsaved = answer.token(self.found, lease);
        match self.note(lease, answer, secret_id, &mut rng).await {
            Ok(noted) => self.noted(noted, own_fault).await,
            Err(error) => match unsaved {
                Some((data, life)) => {
                    tracing::warn!(%error, "the access token could not be kept");
                    let (data, moment) = (Arc::new(data), self.shared.moment());
                    let token = SealedToken::unsaved(&data, life, lease);
                    let cache = &self.shared.cache;
                    cache.keep(&data, self.found, &token, &moment);
                    Refreshed::Token(Flown::Unsaved {
                        left: token.left(&moment),
                        data,
                        warning: TokenWarning::NotKept(Arc::new(error)),
                    })
                }
                None => Refreshed::Failed(error.into()),
            },
        }
    }

    async fn noted(&self, noted: Noted, own_fault: Option<String>) -> Refreshed {
        let Noted {
            outcome,
            warnings,
            at,
        } = noted;
        if outcome.grant.is_some() {
            // Read back in a statement of its own: what cannot be read was not kept.
            let found = found::find(self.shared, &self.found.name, &self.shared.moment()).await;
            return match found {
                Ok(found) => Refreshed::Token(Flown::Saved {
                    found: Arc::new(found),
                    refreshed: true,
                    warnings,
                }),
                Err(error) => Refreshed::Failed(error),
            };
        }
        let retry_at = match outcome.verdict {
            Verdict::ClosedFor(time) => Some(at.plus(time)),
            Verdict::Well | Verdict::AsBefore => None,
        };
        Refreshed::Failed(match (outcome.state, retry_at) {
            (Some((State::Throttled, reason)), Some(retry_at)) => BrokerError::Throttled {
                retry_at,
                by: Limiter::by_reason(reason.as_deref()),
            },
            (Some((State::NewGrantNeeded, _)), _) => BrokerError::NewGrantNeeded { since: at },
            (Some((State::AppRefused, reason)), _) => BrokerError::AppRefused {
                word: ErrorWord::of(&reason.unwrap_or_default()),
                since: at,
            },
            (Some((_, reason)), retry_at) => BrokerError::Unavailable {
                reason: reason.unwrap_or_default(),
                retry_at,
            },
            (None, _) => BrokerError::CannotConnect {
                reason: own_fault.unwrap_or_default(),
            },
        })
    }

    async fn note(
        &self,
        lease: &Lease,
        answer: Answer,
        secret_id: &str,
        rng: &mut StdRng,
    ) -> Result<Noted, VaultError> {
        let (shared, found, moment) = (self.shared, self.found, self.shared.moment());
        // Whether Zoho had reason to refuse goes by its limits, whatever ours are.
        let (limits, credential) = (&Limits::default(), found.credential.as_bytes());
        let failed = |error| shared.failed(error);
        let mut transaction = shared.vault.store().begin().await?;
        let earlier = lease::failures(&mut transaction, credential)
            .await
            .map_err(failed)?;
        let all = limits.refreshes;
        let full = ledger::full_until(&mut transaction, credential, all, limits, moment.wall);
        let full = full.await.map_err(failed)?.is_some();
        let (skew, jitter) = (answer.skew, rng.random());
        let outcome = Outcome::of(
            answer.called,
            &earlier,
            full,
            jitter,
            connection::REFRESH_WINDOW,
        );
        let token = match &outcome.grant {
            Some(grant) => self.keep(&mut transaction, lease, grant, rng).await?,
            None => None,
        };
        let ended = Ended {
            outcome: outcome.row.clone(),
            token,
            skew,
        };
        let (asker, verdict) = (self.asker, outcome.verdict);
        let ours = lease::settle(
            &mut transaction,
            credential,
            asker,
            lease,
            &ended,
            verdict,
            &moment,
        );
        let ours = ours.await.map_err(failed)?;
        if let (true, Some((state, reason))) = (ours, &outcome.state) {
            let reason = reason.as_deref();
            let changed =
                connection::set_state(&mut transaction, &shared.vault, credential, *state, reason);
            changed.await.map_err(failed)?;
        }
        let mut warnings = Vec::new();
        if outcome.grant.is_some() {
            let app_id = &found.app.id;
            let vault = &shared.vault;
            app::accepted(&mut transaction, vault, app_id, secret_id, moment.wall)
                .await
                .map_err(failed)?;
            warnings = warnings_of(&mut transaction, credential, skew, moment.wall)
                .await
                .map_err(failed)?;
        }
        self.write_down(&mut transaction, lease, &outcome.row)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        let (connection, outcome_word) = (&found.name, outcome.row.as_str());
        tracing::info!(%connection, epoch = lease.epoch, outcome = outcome_word, "the refresh ended");
        Ok(Noted {
            outcome,
            warnings,
            at: moment.wall,
        })
    }

    /// Seals a new token; a connection that did not know where its tokens go and what they may do learns it
    /// here.
    async fn keep(
        &self,
        connection: &mut SqliteConnection,
        lease: &Lease,
        grant: &Grant,
        rng: &mut StdRng,
    ) -> Result<Option<NewToken>, VaultError> {
        let (vault, found) = (&self.shared.vault, self.found);
        let Some(access_token) = &grant.access_token else {
            return Ok(None);
        };
        let learned = found.learned_api_domain(grant);
        let api_domain = connection::learn_api_domain(
            connection,
            vault,
            (&found.id, found.credential.as_bytes()),
            learned.as_ref(),
            found.api_domain.as_ref(),
            rng,
        );
        let api_domain = api_domain.await?;
        if let Some(scopes) = &grant.scopes {
            let credential = found.credential.as_bytes();
            let learned = connection::learn_scopes(connection, credential, scopes).await;
            learned.map_err(|error| self.shared.failed(error))?;
        }
        let place = access_token_place(vault, found.credential, lease.epoch, api_domain.as_ref());
        let secret = access_token.expose_secret().as_bytes();
        let life = life_of(grant);
        Ok(Some(NewToken {
            sealed: vault.keyring.seal(&place, secret, rng),
            fingerprint: vault
                .index_key
                .fingerprint("access_token", &[secret])
                .as_bytes()
                .to_vec(),
            expires_at: lease.started.wall.plus(life),
            expires_up: lease.started.up.plus(life),
        }))
    }

    /// Appends to the audit what Zoho said; what did not reach it is for the log.
    pub(super) async fn write_down(
        &self,
        connection: &mut SqliteConnection,
        lease: &Lease,
        outcome: &RowOutcome,
    ) -> Result<(), sqlx::Error> {
        let (event, detail) = match outcome {
            RowOutcome::Granted => ("refreshed", format!("refresh {}", lease.epoch)),
            RowOutcome::Throttled => ("refresh_refused", "Access Denied".to_owned()),
            RowOutcome::Refused(word) => ("refresh_refused", word.to_string()),
            RowOutcome::Unknown | RowOutcome::NotSent => return Ok(()),
        };
        let event = Event {
            event,
            connection_id: Some(&self.found.id),
            detail,
        };
        audit::append(connection, &self.shared.vault, event).await
    }
}

/// What was entered, and when.
struct Noted {
    outcome: Outcome,
    warnings: Vec<TokenWarning>,
    at: Timestamp,
}

impl Answer {
    fn token(&self, found: &Found, lease: &Lease) -> Option<(TokenData, Duration)> {
        let Called::Replied(TokenReply::Granted(grant)) = &self.called else {
            return None;
        };
        let learned = found.learned_api_domain(grant);
        let data = TokenData {
            connection: found.name.clone(),
            connection_id: found.id.as_str().into(),
            access_token: grant.access_token.clone()?,
            api_domain: learned.or_else(|| found.api_domain.clone()),
            scopes: found.scopes.clone(),
            expires_at: lease.started.wall.plus(life_of(grant)),
        };
        Some((data, life_of(grant)))
    }
}

impl SealedToken {
    /// Describes a token that is in memory only.
    fn unsaved(data: &TokenData, life: Duration, lease: &Lease) -> Self {
        Self {
            epoch: lease.epoch,
            sealed: Vec::new(),
            expires_at: data.expires_at,
            expires_up: Some(lease.started.up.plus(life)),
            life,
            was_handed_out: true,
        }
    }
}

impl Found {
    /// Returns where Zoho says that tokens go, if the connection does not know and the host may be
    /// trusted.
    fn learned_api_domain(&self, grant: &Grant) -> Option<ApiDomain> {
        let text = grant
            .api_domain
            .as_ref()
            .filter(|_| self.api_domain.is_none())?;
        ApiDomain::from_reply(text, &self.app.accounts_domain).ok()
    }
}

fn life_of(grant: &Grant) -> Duration {
    grant.expires_in.unwrap_or(USUAL_LIFE)
}

async fn warnings_of(
    connection: &mut SqliteConnection,
    credential: &[u8],
    skew: Option<Skew>,
    now: Timestamp,
) -> Result<Vec<TokenWarning>, sqlx::Error> {
    let large = skew.filter(|skew| !skew.is_small());
    let mut warnings: Vec<TokenWarning> = large.map(TokenWarning::ClockSkew).into_iter().collect();
    if let Some((alive, oldest_expires_at)) = ledger::live(connection, credential, now).await? {
        warnings.push(TokenWarning::LiveTokensFull {
            alive,
            oldest_expires_at,
        });
    }
    Ok(warnings)
}
