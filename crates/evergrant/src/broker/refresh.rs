//! One refresh, under a lease: Zoho is asked, and [`settle`] enters what came of it.

mod settle;

use zoho_oauth::{
    ClientSecret, ConnectError, ErrorWord, SendError, TokenReply, read_token_reply, request,
};

use super::{
    BrokerError, Shared, Skew,
    flight::Flown,
    found::{Found, Means},
    lease::{self, Asker, Lease, RENEWAL, Verdict},
    ledger::{Ended, RowOutcome},
    outcome::Called,
};
use crate::{app, vault::VaultError};

/// All that a refresh is made with.
pub(super) struct Refresh<'a> {
    shared: &'a Shared,
    found: &'a Found,
    asker: &'a Asker,
    means: Means,
    secrets: Vec<(String, ClientSecret)>,
}

/// How a refresh ended.
pub(super) enum Refreshed {
    /// There is a token.
    Token(Flown),
    /// There is none.
    Failed(BrokerError),
    /// The lease was lost before the request left: somebody else may be at it.
    TooLate,
}

/// What a reply brought, with the moments that matter.
struct Answer {
    called: Called,
    skew: Option<Skew>,
}

impl<'a> Refresh<'a> {
    /// Opens the secrets that it takes, before there is a lease.
    pub(super) async fn prepare(
        shared: &'a Shared,
        found: &'a Found,
        asker: &'a Asker,
    ) -> Result<Self, VaultError> {
        let secrets = app::secrets_in_order(&shared.vault, &found.app.id).await?;
        if secrets.is_empty() {
            let (table, column, row) = ("app_secrets", "secret_sealed", found.app.id.clone());
            return Err(VaultError::Damaged { table, column, row });
        }
        Ok(Self {
            shared,
            found,
            asker,
            means: found.means(shared)?,
            secrets,
        })
    }

    /// Asks Zoho, with one client secret after the other while one is being rotated.
    pub(super) async fn run(&self, mut lease: Lease) -> Refreshed {
        let mut secrets = self.secrets.iter().peekable();
        while let Some((id, secret)) = secrets.next() {
            let answer = self.ask(&mut lease, secret).await;
            if answer.refuses_the_secret() && secrets.peek().is_some() {
                match self.try_next(&lease, answer.skew).await {
                    Ok(Some(next)) => {
                        lease = next;
                        continue;
                    }
                    Ok(None) => return Refreshed::TooLate,
                    Err(error) => return Refreshed::Failed(error.into()),
                }
            }
            return self.settle(&lease, answer, id).await;
        }
        // `prepare` refuses an app without a secret, and the last one is settled above.
        unreachable!("there is a secret")
    }

    async fn ask(&self, lease: &mut Lease, secret: &ClientSecret) -> Answer {
        let (shared, domain) = (self.shared, &self.found.app.accounts_domain);
        let without = |called| Answer { called, skew: None };
        let connected = self.renewing(lease, shared.transport.connect(domain)).await;
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => return without(Called::NotSent(error)),
        };
        // Connecting may have taken long, and this process may have been stopped meanwhile.
        if !lease.is_sure(shared.moment().up) && !self.renew(lease, true).await {
            return without(Called::TooLate);
        }
        let app = request::App {
            client_id: &self.found.app.client_id,
            client_secret: secret,
        };
        let request = match &self.means {
            Means::RefreshToken(token) => request::refresh(domain, app, token),
            Means::ClientCredentials { scopes, soid } => {
                request::client_credentials(domain, app, scopes, soid.as_deref())
            }
        };
        tracing::info!(connection = %self.found.name, host = domain.host(), epoch = lease.epoch, "a refresh leaves");
        let sent = shared.moment().wall;
        match self.renewing(lease, connection.send(request)).await {
            Ok(reply) => Answer {
                skew: Skew::of(&reply, sent, shared.moment().wall),
                called: Called::Replied(read_token_reply(&reply)),
            },
            Err(error) if error.may_have_arrived() => without(Called::Lost(error)),
            Err(error) => without(Called::NotSent(not_sent(domain.host(), error))),
        }
    }

    /// Waits for `work`, and keeps the lease meanwhile. If it is lost, the reply is waited for all the
    /// same: it is on its way.
    async fn renewing<T>(&self, lease: &mut Lease, work: impl Future<Output = T>) -> T {
        let keeping = async {
            loop {
                tokio::time::sleep(RENEWAL).await;
                self.renew(lease, false).await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = keeping => unreachable!("it has no end"),
        }
    }

    /// Renews the lease, also if the refresh begins only now; tells whether it certainly is ours.
    async fn renew(&self, lease: &mut Lease, begins_now: bool) -> bool {
        let renewed = async {
            let (shared, asker) = (self.shared, self.asker);
            let failed = |error| shared.failed(error);
            let mut transaction = shared.vault.store().begin().await?;
            let (moment, credential) = (shared.moment(), self.found.credential.as_bytes());
            let ours = match begins_now {
                true => lease::postpone(&mut transaction, credential, asker, lease, &moment).await,
                false => lease::renew(&mut transaction, credential, asker, lease, moment.up).await,
            };
            let ours = ours.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            Ok::<bool, VaultError>(ours)
        };
        renewed.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the lease could not be renewed");
            false
        })
    }

    /// Ends the row of a refused client secret and enters the next try; `None` if the lease is lost or
    /// no refresh is left.
    async fn try_next(
        &self,
        lease: &Lease,
        skew: Option<Skew>,
    ) -> Result<Option<Lease>, VaultError> {
        let (shared, moment) = (self.shared, self.shared.moment());
        let failed = |error| shared.failed(error);
        let credential = self.found.credential.as_bytes();
        let ended = Ended {
            outcome: RowOutcome::Refused(ErrorWord::InvalidClientSecret),
            token: None,
            skew,
        };
        let mut transaction = shared.vault.store().begin().await?;
        let written = self
            .write_down(&mut transaction, lease, &ended.outcome)
            .await;
        written.map_err(failed)?;
        let ours = lease::settle(
            &mut transaction,
            credential,
            self.asker,
            lease,
            &ended,
            Verdict::AsBefore,
            &moment,
        );
        let taken = if ours.await.map_err(failed)? {
            let limits = shared.limits();
            let terms = lease::Terms {
                limits: &limits,
                allowed: limits.refreshes,
                will_do: &|_| false,
            };
            let taken =
                lease::take(&mut transaction, credential, self.asker, &terms, &moment).await;
            Some(taken.map_err(failed)?)
        } else {
            None
        };
        transaction.commit().await.map_err(failed)?;
        Ok(match taken {
            Some(lease::Taken::Lease(next)) => Some(next),
            _ => None,
        })
    }
}

impl Answer {
    fn refuses_the_secret(&self) -> bool {
        matches!(&self.called, Called::Replied(TokenReply::Refused(refusal))
            if refusal.word == ErrorWord::InvalidClientSecret)
    }
}

fn not_sent(host: &str, error: SendError) -> ConnectError {
    ConnectError::Unreachable {
        host: host.to_owned(),
        source: std::io::Error::other(error),
    }
}
