//! One exchange for a caller, from the vault's app to the handle.

use std::{iter, time::Duration};

use evergrant::{
    app::App,
    caller, connection,
    connection::ConnectionName,
    exchange::{self, Exchange, ExchangeError, Fate, NotKept, Progress, Purpose},
    vault::VaultError,
};
use zoho_oauth::{ErrorWord, GrantToken, Scopes};

use super::{End, Wish, memory::REMEMBERED};
use crate::{accounts::Refusal, state::State};

/// How long Zoho refuses when it has had enough, in seconds
/// (<https://zoho.com/accounts/protocol/oauth/token-limits.html>).
const ZOHOS_WINDOW: u64 = 600;

/// How often, and after which wait, a reply is put away that neither vault nor escrow took.
const TRIES: u32 = 150;
const WAIT: Duration = Duration::from_secs(2);

/// Exchanges the code, unless it brought a connection before, and gives the connection to the caller.
pub(super) async fn run(state: &State, wish: &Wish, before: Option<&End>) -> End {
    let caller = &wish.caller.name;
    let made = match before {
        Some(End::NotConnected(name)) => Ok(name.clone()),
        Some(End::NotInVault) => brought_home(state, wish).await,
        _ => match begun_before(state, wish).await {
            Some(name) => Ok(name),
            None => make(state, wish).await,
        },
    };
    let connection = match made {
        Ok(name) => name,
        Err(end) => return end,
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
async fn make(state: &State, wish: &Wish) -> Result<ConnectionName, End> {
    let right = wish.caller.exchange.as_ref();
    let right = right.ok_or(End::Refused(Refusal::UnsupportedGrantType))?;
    let apps = caller::exchange_apps(state.broker.vault(), right).await;
    let apps = apps.map_err(|error| end_of(&wish.caller.name, &error.into()))?;
    let mut last = End::Refused(Refusal::Unavailable);
    for app in apps {
        match with_app(state, wish, app).await {
            Ok(Some(name)) => return Ok(name),
            // Others finished it, and it was removed since.
            Ok(None) => return Err(End::Refused(Refusal::InvalidCode)),
            Err(error) => {
                last = end_of(&wish.caller.name, &error);
                if !is_about_the_secret(&error) {
                    break;
                }
            }
        }
    }
    Err(last)
}

/// Finds what this caller's code brought to a server that ended before there was a handle.
async fn begun_before(state: &State, wish: &Wish) -> Option<ConnectionName> {
    let (vault, caller_id) = (state.broker.vault(), &wish.caller.id);
    let found = exchange::brought_to(vault, &wish.code, caller_id, REMEMBERED).await;
    // If the vault cannot be read, nothing is sent either.
    found.ok().flatten()
}

/// Finds what this caller's code brought, if others have brought it home; it is the caller's as if the exchange had
/// just ended.
async fn brought_home(state: &State, wish: &Wish) -> Result<ConnectionName, End> {
    if let Some(name) = found(state, wish).await? {
        return Ok(name);
    }
    // It may have been given up, too.
    let end = match make(state, wish).await {
        Ok(name) => return Ok(name),
        Err(end) => end,
    };
    // Or others were quicker just now.
    match (found(state, wish).await?, end) {
        (Some(name), _) => Ok(name),
        (None, End::Refused(Refusal::Unavailable)) => Err(End::NotInVault),
        (None, end) => Err(end),
    }
}

async fn found(state: &State, wish: &Wish) -> Result<Option<ConnectionName>, End> {
    let found = exchange::connection_of(state.broker.vault(), &wish.code).await;
    found.map_err(|error| {
        tracing::warn!(%error, "the vault does not say what an exchange has brought");
        End::NotInVault
    })
}

async fn with_app(
    state: &State,
    wish: &Wish,
    app: App,
) -> Result<Option<ConnectionName>, ExchangeError> {
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
        caller_id: Some(wish.caller.id.clone()),
    };
    // Each further turn means that somebody else got the name.
    loop {
        let name = connection::next_free_name(vault.vault(), &wish.name).await?;
        wanted.purpose = Purpose::Keep {
            name,
            replace: false,
        };
        match send(state, &wanted).await {
            Err(ExchangeError::NameTaken(_)) => {}
            made => return made,
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
            put_away(state, &wanted.grant_token, &record, source).await
        }
        Err(error) => Err(error),
    }
}

/// Goes on trying to keep a reply that this process alone has.
async fn put_away(
    state: &State,
    code: &GrantToken,
    record: &str,
    mut source: VaultError,
) -> Result<Option<ConnectionName>, ExchangeError> {
    let (vault, mut rng) = (state.broker.vault(), state.exchanges.rng());
    for _ in 0..TRIES {
        tracing::error!(error = %source, "this process alone has a refresh token: do not end it");
        tokio::time::sleep(WAIT).await;
        match exchange::recover_text(vault, record, &mut rng).await {
            Ok(recovered) => match recovered.fate {
                Fate::Kept(kept) => return Ok(kept.name),
                // The chores were quicker, or a person.
                Fate::Settled => match exchange::connection_of(vault, code).await {
                    Ok(name) => return Ok(name),
                    Err(error) => source = error,
                },
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
fn end_of(caller: &caller::CallerName, error: &ExchangeError) -> End {
    let reason = reason(error);
    let grant = error.grant().as_str();
    tracing::warn!(%caller, grant, reason, "an exchange brought no connection");
    End::Refused(match error {
        ExchangeError::NotKept(_) => return End::NotInVault,
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
    })
}

/// Returns an error with all its causes; a record that is nowhere else stays out of it.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
