//! What a caller says of a token: Zoho's API refused it.

use std::time::Duration;

use sqlx::{Sqlite, Transaction};
use zoho_oauth::AccessToken;

use super::{
    Broker, BrokerError, Shared, found,
    ledger::{self, FAR},
};
use crate::{
    audit::{self, Event},
    clock::Timestamp,
    connection::ConnectionName,
    vault::VaultError,
};

/// How many reports of a connection are believed in which time. A caller that is mistaken, or somebody
/// who refreshes elsewhere so that Zoho drops our tokens, would use up everybody's refreshes.
const BELIEVED: [(i64, Duration); 2] =
    [(1, Duration::from_secs(120)), (3, Duration::from_secs(600))];

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// The token is not given any more: the next who asks gets another.
    Dropped,
    /// The token was replaced before: the next who asks gets another anyway.
    NotCurrent,
    /// There were too many reports: the token goes on being given.
    TooMany {
        /// When the next one is believed.
        believed_at: Timestamp,
    },
    /// The token is none of this connection.
    Unknown,
}

impl Broker {
    /// Takes the report that Zoho's API refused a token as `INVALID_TOKEN` or `AUTHENTICATION_FAILURE`.
    /// It is dropped if it is the one that is being given; one report in 2 minutes and three in 10 are
    /// believed.
    ///
    /// # Errors
    ///
    /// [`BrokerError::NotFound`], or the vault's.
    pub async fn report_refused(
        &self,
        name: &ConnectionName,
        token: &AccessToken,
    ) -> Result<Report, BrokerError> {
        let mut report = self.0.report(name, token).await?;
        if report == Report::Unknown && self.0.cache.forget_unsaved(name, token) {
            report = Report::Dropped;
        }
        // What was replaced elsewhere may still be in memory here.
        if matches!(report, Report::Dropped | Report::NotCurrent) {
            self.0.cache.forget(name);
        }
        Ok(report)
    }
}

impl Shared {
    async fn report(
        &self,
        name: &ConnectionName,
        token: &AccessToken,
    ) -> Result<Report, BrokerError> {
        let moment = self.moment();
        let found = found::find(self, name, &moment).await?;
        let credential = found.credential.as_bytes();
        let secret = token.expose_secret().as_bytes();
        let fingerprint = self.vault.index_key.fingerprint("access_token", &[secret]);
        let failed = |error| self.failed(error);
        let mut transaction = self.vault.store().begin().await?;
        let sql = "SELECT epoch FROM refreshes WHERE credential = $1 AND fingerprint = $2";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(credential);
        let query = query.bind(fingerprint.as_bytes());
        let epoch = query.fetch_optional(&mut *transaction).await;
        let Some(epoch) = epoch.map_err(failed)? else {
            return Ok(Report::Unknown);
        };
        let boot = self.boot.as_deref();
        let current = ledger::best(&mut transaction, credential, boot, &moment).await;
        if current.map_err(failed)?.map(|token| token.epoch) != Some(epoch) {
            return Ok(Report::NotCurrent);
        }
        for (most, time) in BELIEVED {
            let sql = "SELECT refused_ms FROM refreshes
                       WHERE credential = $1 AND refused_ms BETWEEN $2 AND $4
                       ORDER BY refused_ms DESC LIMIT $3";
            let query = sqlx::query_scalar::<_, Timestamp>(sql).bind(credential);
            let query = query
                .bind(moment.wall.minus(time))
                .bind(most)
                .bind(moment.wall.plus(FAR));
            let recent = query.fetch_all(&mut *transaction).await.map_err(failed)?;
            if i64::try_from(recent.len()).is_ok_and(|count| count >= most) {
                let oldest = recent.last().copied().unwrap_or(moment.wall);
                let believed_at = oldest.plus(time);
                return Ok(Report::TooMany { believed_at });
            }
        }
        let event = Event {
            event: "token_reported",
            connection_id: Some(&found.id),
            detail: format!("refused by Zoho's API: the token of refresh {epoch}"),
        };
        self.take_out(transaction, credential, epoch, moment.wall, event)
            .await?;
        Ok(Report::Dropped)
    }

    /// Takes a token out of use whose sealed value is spoiled.
    pub(super) async fn drop_spoiled(
        &self,
        found: &found::Found,
        epoch: i64,
    ) -> Result<(), VaultError> {
        let event = Event {
            event: "token_spoiled",
            connection_id: Some(&found.id),
            detail: format!("the token of refresh {epoch} does not open"),
        };
        let transaction = self.vault.store().begin().await?;
        // It is no report, and counts for none.
        let long_ago = Timestamp::from_millis(0);
        self.take_out(
            transaction,
            found.credential.as_bytes(),
            epoch,
            long_ago,
            event,
        )
        .await
    }

    async fn take_out(
        &self,
        mut transaction: Transaction<'static, Sqlite>,
        credential: &[u8],
        epoch: i64,
        refused: Timestamp,
        event: Event<'_>,
    ) -> Result<(), VaultError> {
        let failed = |error| self.failed(error);
        let sql = "UPDATE refreshes SET refused_ms = $1 WHERE credential = $2 AND epoch = $3";
        let update = sqlx::query(sql).bind(refused).bind(credential).bind(epoch);
        update.execute(&mut *transaction).await.map_err(failed)?;
        let appended = audit::append(&mut transaction, &self.vault, event).await;
        appended.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Notes in the audit that a token was handed out for the first time; further times are not
    /// written down, so that reading a token writes nothing.
    pub(super) async fn note_hand_out(
        &self,
        found: &found::Found,
        epoch: i64,
    ) -> Result<(), VaultError> {
        let failed = |error| self.failed(error);
        let mut transaction = self.vault.store().begin().await?;
        let sql = "UPDATE refreshes SET handed_out_ms = $1
                   WHERE credential = $2 AND epoch = $3 AND handed_out_ms IS NULL";
        let update = sqlx::query(sql)
            .bind(self.moment().wall)
            .bind(found.credential.as_bytes())
            .bind(epoch);
        let updated = update.execute(&mut *transaction).await.map_err(failed)?;
        if updated.rows_affected() > 0 {
            let event = Event {
                event: "token_handed_out",
                connection_id: Some(&found.id),
                detail: format!("the token of refresh {epoch}, for the first time"),
            };
            audit::append(&mut transaction, &self.vault, event)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }
}
