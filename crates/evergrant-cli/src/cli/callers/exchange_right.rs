//! Which app a caller may exchange grant tokens with.

use clap::Args;
use evergrant::{
    app::{self, AppEntry},
    caller::ExchangeRight,
    connection::{self, ConnectionName},
    vault::Vault,
};

use crate::cli::{error::CliError, exchange::run::not_found, vault};

/// Whether a caller may make connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "What it may do")]
pub(super) struct ExchangeRightArgs {
    /// Let it exchange grant tokens: the first connection gets this name, others the next free ones, and none is
    /// ever replaced
    #[arg(long, value_name = "NAME")]
    allow_exchange: Option<ConnectionName>,
    /// The grant tokens are those of this connection's app; if not given, of the app of the caller's first
    /// connection, or of the only app
    #[arg(long, value_name = "NAME", requires = "allow_exchange")]
    app: Option<ConnectionName>,
}

impl ExchangeRightArgs {
    /// Finds the app; none if the caller may make no exchange.
    pub(super) async fn resolve(
        &self,
        connections: &[ConnectionName],
        vault: &Vault,
    ) -> Result<Option<ExchangeRight>, CliError> {
        let Some(name) = &self.allow_exchange else {
            return Ok(None);
        };
        let apps = app::list(vault).await;
        let apps = apps.map_err(|error| vault::explain(&error))?;
        let app = match self.app.as_ref().or(connections.first()) {
            Some(connection) => app_of(connection, apps, vault).await?,
            None => only(apps)?,
        };
        Ok(Some(ExchangeRight {
            name: name.clone(),
            app_id: app.id,
        }))
    }
}

async fn app_of(
    name: &ConnectionName,
    apps: Vec<AppEntry>,
    vault: &Vault,
) -> Result<AppEntry, CliError> {
    let found = connection::find(vault, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name))?;
    let is_its = |app: &AppEntry| {
        app.client_id == found.client_id && app.accounts_domain == found.accounts_domain
    };
    apps.into_iter().find(is_its).ok_or_else(|| not_found(name))
}

fn only(mut apps: Vec<AppEntry>) -> Result<AppEntry, CliError> {
    match (apps.pop(), apps.is_empty()) {
        (Some(app), true) => Ok(app),
        (None, _) => Err(
            CliError::config("no_such_app", "the vault knows no app yet")
                .next("an exchange makes it: evergrant exchange NAME"),
        ),
        (Some(_), false) => Err(CliError::usage(
            "ambiguous_app",
            "the vault knows several apps: say whose grant tokens the caller exchanges",
        )
        .next("--app NAME, with the name of a connection of that app")),
    }
}
