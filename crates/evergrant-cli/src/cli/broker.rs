//! The broker of one command.

mod ask;

use evergrant::{Broker, broker::BrokerError, connection::ConnectionName};
use evergrant_server::explain::no_token;

pub(crate) use self::ask::ask;
use super::{Context, error::CliError, exchange::HttpArgs, vault::rng};
use crate::http::HttpSettings;

impl Context<'_> {
    /// Makes the broker of this command; `None` if there is no vault yet.
    pub(crate) async fn broker(&self, http: &HttpArgs) -> Result<Option<Broker>, CliError> {
        let config = self.config()?;
        let http = HttpSettings::resolve(http, self.environment, &config.http)?;
        let Some(vault) = self.existing_vault().await? else {
            return Ok(None);
        };
        let limits = config.limits.0;
        Ok(Some(Broker::new(vault, http.transport, limits, rng())))
    }
}

/// Says why there is no token, and what to do.
pub(crate) async fn explain(
    error: &BrokerError,
    name: &ConnectionName,
    broker: &Broker,
) -> CliError {
    no_token(error, name, broker.vault().vault()).await.into()
}
