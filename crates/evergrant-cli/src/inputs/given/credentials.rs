//! The three credentials that software has which refreshes.

use std::io::Read;

use zoho_oauth::{ClientId, ClientSecret, RefreshToken};

use super::{CLIENT_ID, CLIENT_SECRET, Collector, REFRESH_TOKEN, flag, secret_of, typed};
use crate::{
    cli::{
        app_inputs::{ClientSecretArgs, RefreshTokenArgs},
        error::CliError,
        output::Warning,
    },
    environment::Environment,
    inputs::choose::Chooser,
};

/// The flags that give them.
pub(crate) struct Flags<'a> {
    pub(crate) client_id: &'a Option<String>,
    pub(crate) client_secret: &'a ClientSecretArgs,
    pub(crate) refresh_token: &'a RefreshTokenArgs,
}

/// What was given of them.
pub(crate) struct GivenCredentials {
    pub(crate) client_id: Option<ClientId>,
    pub(crate) client_secret: Option<ClientSecret>,
    pub(crate) refresh_token: Option<RefreshToken>,
}

/// Collects them from flags and environment; nothing is asked.
pub(crate) fn collect(
    flags: &Flags<'_>,
    environment: &Environment,
    children: &Environment,
    stdin: &mut dyn Read,
) -> Result<(GivenCredentials, Vec<Warning>), CliError> {
    let mut collector = Collector {
        environment,
        children,
        stdin,
        warnings: Vec::new(),
    };
    if flags.client_secret.client_secret_stdin && flags.refresh_token.refresh_token_stdin {
        return Err(CliError::usage(
            "two_from_stdin",
            "standard input gives one secret, and two are to come from it",
        )
        .next("give one of them by a file or a command"));
    }
    let client_secret = collector.client_secret_flag(flags.client_secret)?;
    let refresh_token = collector.refresh_token_flag(flags.refresh_token)?;
    let mut chooser = Chooser {
        environment,
        warnings: &mut collector.warnings,
    };
    let mut choose = |setting, flag| chooser.choose(setting, flag, [Vec::new(), Vec::new()]);
    let client_id = choose(&CLIENT_ID, flag("--client-id", flags.client_id))?;
    let client_secret = choose(&CLIENT_SECRET, client_secret)?;
    let refresh_token = choose(&REFRESH_TOKEN, refresh_token)?;
    let given = GivenCredentials {
        client_id: typed(client_id, secret_of)?.map(|given| given.value),
        client_secret: typed(client_secret, secret_of)?.map(|given| given.value),
        refresh_token: typed(refresh_token, secret_of)?.map(|given| given.value),
    };
    Ok((given, collector.warnings))
}
