//! The three credentials that software has which refreshes, the missing ones asked for.

use zoho_oauth::{ClientId, ClientSecret, RefreshToken};

use super::{CLIENT_ID, CLIENT_SECRET, Echo, Missing, ask, ask_client_secret, missing_inputs};
use crate::{
    cli::error::CliError,
    inputs::{
        given::{credentials::GivenCredentials, secret_of},
        prompter::Prompter,
    },
};

const REFRESH_TOKEN: Missing = Missing {
    name: "refresh token",
    remedy: "--refresh-token-file FILE, --refresh-token-stdin, --refresh-token-command CMD or ZOHO_REFRESH_TOKEN",
};

/// All three of them.
pub(crate) struct Credentials {
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: ClientSecret,
    pub(crate) refresh_token: RefreshToken,
}

/// Asks for what was not given; without anybody to ask, all that is missing is named at once.
pub(crate) fn credentials(
    given: GivenCredentials,
    prompter: Option<&mut dyn Prompter>,
) -> Result<Credentials, CliError> {
    let Some(prompter) = prompter else {
        return all_there(given);
    };
    Ok(Credentials {
        client_id: match given.client_id {
            Some(id) => id,
            None => ask(prompter, "Client ID: ", Echo::Shown, secret_of)?,
        },
        client_secret: match given.client_secret {
            Some(secret) => secret,
            None => ask_client_secret(prompter)?,
        },
        refresh_token: match given.refresh_token {
            Some(token) => token,
            None => ask(
                prompter,
                "Refresh token (hidden): ",
                Echo::Hidden,
                secret_of,
            )?,
        },
    })
}

fn all_there(given: GivenCredentials) -> Result<Credentials, CliError> {
    let missing = [
        given.client_id.is_none().then_some(CLIENT_ID),
        given.client_secret.is_none().then_some(CLIENT_SECRET),
        given.refresh_token.is_none().then_some(REFRESH_TOKEN),
    ];
    let missing: Vec<Missing> = missing.into_iter().flatten().collect();
    match (given.client_id, given.client_secret, given.refresh_token) {
        (Some(client_id), Some(client_secret), Some(refresh_token)) => Ok(Credentials {
            client_id,
            client_secret,
            refresh_token,
        }),
        _ => Err(missing_inputs(&missing)),
    }
}
