//! One exchange for a caller, from the vault's app to the handle.

use std::{iter, time::Duration};

use evergrant::{
    app::App,
    caller, connection,
    connection::ConnectionName,
    exchange::{self, Exchange, ExchangeError, Fate, NotKept, Progress, Purpose},
    vault::VaultError,
};
use zoho_oauth::{ErrorWord, Scopes};

use super::{End, Wish};
use crate::{accounts::Refusal, state::State};

/// How long Zoho refuses when it has had enough, in seconds
/// (<https://zoho.com/accounts/protocol/oauth/token-limits.html>).
const ZOHOS_WINDOW: u64 = 600;

/// How often, and after which wait, a reply is put away that neither vault nor escrow took.
const TRIES: u32 = 150;
const WAIT: Duration = Duration::from_secs(2);

/// Exchanges the code, unless it brought a connection before, and gives the connection to the caller.
pub(super) async fn run(state: &State, wish: &Wish, before: Option<&ConnectionName>) -> End {
    let caller = &wish.caller.name;
    let connection = match before {
        Some(name) => name.clone(),
        None => match make(state, wish).await {
            Ok(name) => name,
            Err(refusal) => return End::Refused(refusal),
        },
    };
    let (vault, mut rng) = (state.broker.vault(), state.exchanges.rng());
    match caller::connect(vault, &wish.caller.id, &connection, &mut rng).await {
        Ok(handle) => {
            tracing::info!(%caller, %connection, "the connection is the caller's");
            state.reload_callers().await;
            End::Made(handle)
        }
        Err(error) => {
            tracing::error!(%caller, %connection, %error, "the connection has no handle");
            End::NotConnected(connection)
        }
    }
}

/// Makes the connection, with the first client secret of the app that Zoho takes.
async fn make(state: &State, wish: &Wish) -> Result<ConnectionName, Refusal> {
    let right = wish.caller.exchange.as_ref();
    let right = right.ok_or(Refusal::UnsupportedGrantType)?;
    let apps = caller::exchange_apps(state.broker.vault(), right).await;
    let apps = apps.map_err(|error| refusal_of(&wish.caller.name, &error.into()))?;
    let mut last = Refusal::Unavailable;
    for app in apps {
        match with_app(state, wish, app).await {
            Ok(name) => return Ok(name),
            Err(error) => {
                last = refusal_of(&wish.caller.name, &error);
                if !is_about_the_secret(&error) {
                    break;
                }
            }
        }
    }
    Err(last)
}

async fn with_app(state: &State, wish: &Wish, app: App) -> Result<ConnectionName, ExchangeError> {
    let vault = state.broker.vault();
    let mut wanted = Exchange {
        purpose: Purpose::HandOver,
        accounts_domain: app.accounts_domain,
        client_id: app.client_id,
        client_secret: app.client_secret,
        grant_token: wish.code.clone(),
        grant_expires_at: None,
        redirect_uri: wish.redirect_uri.clone(),
        code_verifier: wish.code_verifier.clone(),
        api_domain: None,
        requested_scopes: Scopes::default(),
        required_scopes: Scopes::default(),
    };
    // Each further turn means that somebody else got the name.
    loop {
        let name = connection::next_free_name(vault.vault(), &wish.name).await?;
        wanted.purpose = Purpose::Keep {
            name: name.clone(),
            replace: false,
        };
        match send(state, &wanted).await {
            Err(ExchangeError::NameTaken(_)) => {}
            made => return Ok(made?.unwrap_or(name)),
        }
    }
}

/// Lets the library make the exchange; returns the name under which it kept what came.
async fn send(state: &State, wanted: &Exchange) -> Result<Option<ConnectionName>, ExchangeError> {
    let (vault, exchanges) = (state.broker.vault(), &state.exchanges);
    let (transport, retries) = (&exchanges.transport, exchanges.retries);
    let mut rng = exchanges.rng();
    let made = exchange::exchange(vault, transport, wanted, retries, &mut rng, &tell).await;
    match made {
        Ok(made) => {
            let name = made.kept.name.clone();
            if let Err(error) = made.finish(vault).await {
                tracing::warn!(%error, "an escrow file could not be removed");
            }
            Ok(name)
        }
        Err(ExchangeError::NotKept(NotKept::OnlyHere { record, source })) => {
            put_away(state, &record, source).await
        }
        Err(error) => Err(error),
    }
}

/// Goes on trying to keep a reply that this process alone has.
async fn put_away(
    state: &State,
    record: &str,
    mut source: VaultError,
) -> Result<Option<ConnectionName>, ExchangeError> {
    let mut rng = state.exchanges.rng();
    for _ in 0..TRIES {
        tracing::error!(error = %source, "this process alone has a refresh token: do not end it");
        tokio::time::sleep(WAIT).await;
        match exchange::recover_text(state.broker.vault(), record, &mut rng).await {
            Ok(recovered) => match recovered.fate {
                Fate::Kept(kept) => return Ok(kept.name),
                _ => break,
            },
            Err(exchange::RecoverError::Vault(error)) => source = error,
            Err(_) => break,
        }
    }
    let record = record.to_owned();
    Err(ExchangeError::NotKept(NotKept::OnlyHere { record, source }))
}

fn tell(progress: Progress) {
    if let Progress::Retrying {
        attempt,
        after,
        reason,
    } = progress
    {
        tracing::warn!(attempt, ?after, reason, "the exchange is tried again");
    }
}

fn is_about_the_secret(error: &ExchangeError) -> bool {
    matches!(error, ExchangeError::Refused { refusal, .. } if refusal.word == ErrorWord::InvalidClientSecret)
}

/// Says to the caller what Zoho said, as far as it is about what the caller sent. That Zoho refuses the app is for
/// whoever runs this server: the caller's own client ID and secret are right.
fn refusal_of(caller: &caller::CallerName, error: &ExchangeError) -> Refusal {
    let reason = reason(error);
    let grant = error.grant().as_str();
    tracing::warn!(%caller, grant, reason, "an exchange brought no connection");
    match error {
        ExchangeError::Refused { refusal, .. } => match &refusal.word {
            ErrorWord::InvalidRedirectUri => Refusal::InvalidRedirectUri,
            word if word.is_about_the_token() => Refusal::InvalidCode,
            word if word.is_throttle() => Refusal::Throttled(ZOHOS_WINDOW),
            _ => Refusal::Unavailable,
        },
        // Its end is not known yet, or another process has just lost the answer: it may be sent once more.
        ExchangeError::KnownGrant(earlier) if matches!(earlier.state, "prepared" | "failed") => {
            Refusal::Unavailable
        }
        ExchangeError::KnownGrant(_)
        | ExchangeError::KnownToken(_)
        | ExchangeError::GrantExpired { .. }
        | ExchangeError::NoRefreshToken => Refusal::InvalidCode,
        _ => Refusal::Unavailable,
    }
}

/// Returns an error with all its causes; a record that is nowhere else stays out of it.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
