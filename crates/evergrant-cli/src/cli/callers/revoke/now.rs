//! Ending the access tokens of Zoho's that a direct caller may hold.

use evergrant::{
    Broker,
    broker::Wanted,
    caller::Caller,
    connection::ConnectionName,
    revoke::{self, RevokeError},
    vault::UnlockedVault,
};
use zoho_oauth::{Transport, TransportConfig};

use crate::{
    cli::{
        Context,
        error::CliError,
        exchange::HttpArgs,
        exit_code::Kind,
        output::Warning,
        vault::{self, rng},
    },
    http::HttpSettings,
};

/// How Zoho is spoken to.
pub(super) struct Sender {
    transport: TransportConfig,
}

impl Sender {
    pub(super) fn new(http: &HttpArgs, context: &Context<'_>) -> Result<Self, CliError> {
        let config = &context.config()?.http;
        let http = HttpSettings::resolve(http, context.environment, config)?;
        Ok(Self {
            transport: http.transport,
        })
    }

    /// Revokes the access tokens of a caller's connections, and gets another for whoever else uses them.
    pub(super) async fn end_access_tokens(
        &self,
        caller: &Caller,
        vault: &UnlockedVault,
        context: &mut Context<'_>,
    ) -> Result<(), CliError> {
        let transport = Transport::new(self.transport.clone());
        let limits = context.config()?.limits.0;
        let broker = Broker::new(vault.clone(), self.transport.clone(), limits, rng());
        for own in caller.connections.iter().filter(|own| !own.is_removed) {
            let name = &own.connection;
            let revoked = revoke::revoke_access_tokens(vault, &transport, name).await;
            let revoked = revoked.map_err(|error| explain(&error, caller, name))?;
            context.output.note(&format!("{name}: {}", amount(revoked)));
            // A person waits, who may use what is kept for people.
            let wanted = Wanted {
                reserve: true,
                ..Wanted::default()
            };
            if revoked > 0
                && let Err(error) = broker.token(name, &wanted).await
            {
                let message = format!("there is no other access token for {name} yet: {error}");
                context
                    .output
                    .warn(&Warning::new("no_other_token", message));
            }
        }
        Ok(())
    }
}

fn amount(revoked: u32) -> String {
    match revoked {
        0 => "no access token was alive".to_owned(),
        1 => "1 access token is revoked at Zoho".to_owned(),
        _ => format!("{revoked} access tokens are revoked at Zoho"),
    }
}

fn explain(error: &RevokeError, caller: &Caller, connection: &ConnectionName) -> CliError {
    let kind = match error {
        RevokeError::Vault(error) => return said(vault::explain(error), caller, connection),
        RevokeError::NotNoted(_) => Kind::Vault,
        RevokeError::Refused(refusal) if refusal.word.is_throttle() => Kind::Throttled,
        RevokeError::Refused(refusal) if !refusal.is_transient() => Kind::Config,
        _ => Kind::Unavailable,
    };
    let message = format!("access tokens of {connection} may still work: {error}");
    said(
        CliError::new(kind, "not_ended", message),
        caller,
        connection,
    )
}

fn said(error: CliError, caller: &Caller, connection: &ConnectionName) -> CliError {
    let name = &caller.name;
    error
        .cause(format!(
            "{name} itself is revoked and gets no other; each ends by itself within the hour"
        ))
        .next(format!(
            "evergrant callers revoke {name} --now     tries again"
        ))
        .connection(connection.as_str())
}
