//! What is said when a connection could not be imported or added.

use std::path::Path;

use evergrant::{
    Broker, app::App, broker::BrokerError, connection::ConnectionName, import::ImportError,
};
use zoho_oauth::ErrorWord;

use super::name_taken;
use crate::cli::{broker, error::CliError, exit_code::Kind, vault};

/// What it was about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a ConnectionName,
    pub(super) app: &'a App,
    /// Where a refresh token came from.
    pub(super) file: Option<&'a Path>,
}

/// Says why, and what to do.
pub(super) async fn explain(
    error: &ImportError,
    subject: &Subject<'_>,
    broker: &Broker,
) -> CliError {
    let name = subject.name;
    let explained = match error {
        ImportError::NameTaken(name) => return name_taken(name),
        ImportError::Known(other) => known(error, other)
            .next(format!("evergrant token {other}"))
            .next(format!(
                "evergrant connections rename {other} {name}     to call it so"
            )),
        ImportError::KnownAsFormer(other) => known(error, other)
            .cause("two connections would count one token's limits twice")
            .next(format!(
                "evergrant token {other}     for a token of the present one"
            )),
        ImportError::KnownAsAccessToken | ImportError::KnownAsGrantToken => CliError::config(
            "no_refresh_token",
            error.to_string(),
        )
        .cause("all of Zoho's tokens look alike; this one was seen here before")
        .next("look for the refresh token: it came once, as `refresh_token`, with the exchange")
        .next(format!(
            "evergrant exchange {name}     with a new grant token"
        )),
        ImportError::Dead { word, taken_back } => kept(dead(word, subject), subject, *taken_back),
        ImportError::NotVerified { source, taken_back } => kept(
            not_verified(source, subject, broker).await,
            subject,
            *taken_back,
        ),
        ImportError::Vault(error) => vault::explain(error),
        other => vault::explain_other(other),
    };
    explained.connection(name.as_str())
}

fn known(error: &ImportError, other: &ConnectionName) -> CliError {
    CliError::config("known_already", error.to_string())
        .next(format!("evergrant connections show {other}"))
}

fn dead(word: &ErrorWord, subject: &Subject<'_>) -> CliError {
    let (client_id, host) = (&subject.app.client_id, subject.app.accounts_domain.host());
    let message = format!("Zoho refuses the refresh token ({word})");
    CliError::new(Kind::NewGrantNeeded, word.as_str().to_owned(), message)
        .cause("it was revoked, or newer ones pushed it out: Zoho keeps twenty for a user")
        .cause(format!("or it belongs to another app than {client_id}, or to another data center than that of {host}"))
        .cause("or it is no refresh token: access tokens and grant tokens look the same, and are often saved instead")
        .next("see that the value came from Zoho as `refresh_token`, with this client ID, in this data center")
        .next(format!("evergrant exchange {}     with a new grant token", subject.name))
}

/// Adds what became of what was there before.
fn kept(error: CliError, subject: &Subject<'_>, taken_back: bool) -> CliError {
    let name = subject.name;
    let error = match taken_back {
        true => error.cause(format!("nothing was kept: there is no connection {name}")),
        false => error
            .cause(format!(
                "what was begun could not be taken back: {name} is in the vault"
            ))
            .next(format!("evergrant connections remove {name}")),
    };
    match subject.file {
        Some(file) => error.cause(format!("{} was left alone", file.display())),
        None => error,
    }
}

async fn not_verified(error: &BrokerError, subject: &Subject<'_>, broker: &Broker) -> CliError {
    match error {
        BrokerError::AppRefused { word, .. } => app_refused(word, subject),
        error => {
            let explained = broker::explain(error, subject.name, broker).await;
            match error.retry_at() {
                Some(_) => explained.next("the same command again, then"),
                None => explained,
            }
        }
    }
}

fn app_refused(word: &ErrorWord, subject: &Subject<'_>) -> CliError {
    let (client_id, host) = (&subject.app.client_id, subject.app.accounts_domain.host());
    let start = |message: String| CliError::config("app_refused", message);
    match word {
        ErrorWord::InvalidClientSecret => start(format!("Zoho refuses the client secret of {client_id}"))
            .cause(format!("it is wrong, was renewed, or is that of another data center than {host}"))
            .next("copy the client secret anew from the API console, Client Secret: --client-secret-file FILE"),
        ErrorWord::InvalidClient => start(format!("Zoho does not know the app {client_id} at {host}"))
            .cause("it was deleted, it lives in another data center, or it is no self client where one is needed")
            .next("look for the client ID in the API consoles that `evergrant data-centers` lists: --data-center CODE"),
        ErrorWord::MissingOrgInfo => start(format!("Zoho wants to know for which organisation ({word})"))
            .cause("the account has several, or the service asks always")
            .next("--soid SERVICE.ID, as ZohoCRM.123: the id stands in the service's settings, or in its address after /org"),
        ErrorWord::InvalidSoid | ErrorWord::InvalidOrg => {
            start(format!("Zoho does not know this organisation ({word})"))
                .next("--soid SERVICE.ID, as ZohoCRM.123, of an organisation that the app's owner belongs to")
        }
        ErrorWord::InvalidScope => start(format!("Zoho refuses the scopes ({word})"))
            .cause("one is misspelt, or the service does not give it to client credentials")
            .next("compare them with the list in the API console, Generate Code"),
        word => start(format!("Zoho refuses the app {client_id}: {word}"))
            .next("see the app's settings in Zoho's API console"),
    }
}
