//! The broker of one command, and what is said of what it says.

mod ask;

use std::time::Duration;

use evergrant::{
    Broker,
    broker::{BrokerError, Limiter, Limits, TokenWarning},
    clock::Timestamp,
    connection::{self, ConnectionName, PLACES},
    vault::Vault,
};
use zoho_oauth::{ClientId, ErrorWord};

pub(crate) use self::ask::ask;
use super::{
    Context,
    error::CliError,
    exchange::{HttpArgs, run::not_found},
    exit_code::Kind,
    output::Warning,
    time::{rfc3339, span},
    vault::{self, rng},
};
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
    explain_in(broker.vault().vault(), error, name).await
}

/// Says the same to whoever has no broker.
pub(crate) async fn explain_in(
    vault: &Vault,
    error: &BrokerError,
    name: &ConnectionName,
) -> CliError {
    let explained = match error {
        BrokerError::NotFound(name) => return not_found(name),
        BrokerError::Vault(error) => vault::explain(error),
        BrokerError::NewGrantNeeded { since } => {
            let dead = format!(
                "the refresh token of {name} is dead: Zoho refused it twice, last at {}",
                rfc3339(*since)
            );
            let mut explained = CliError::new(Kind::NewGrantNeeded, "invalid_code", dead);
            for cause in causes_of_death(name, vault).await {
                explained = explained.cause(cause);
            }
            explained.next(format!("evergrant exchange {name} --replace"))
        }
        BrokerError::AppRefused { word, since } => {
            let found = connection::find(vault, name).await.ok().flatten();
            let client_id = found.map(|found| found.client_id);
            app_refused(word, name, client_id.as_ref(), *since)
        }
        BrokerError::Throttled { retry_at, by } => {
            throttled(left_for_people(vault, *by, name).await, name).retry_at(*retry_at)
        }
        error => explain_kind(error, name),
    };
    explained.connection(name.as_str())
}

/// Says that Zoho could not be asked, or made no sense.
pub(crate) fn unavailable(
    message: String,
    reason: &str,
    retry_at: Option<Timestamp>,
    name: &ConnectionName,
) -> CliError {
    let explained = CliError::new(Kind::Unavailable, "unavailable", message).cause(reason);
    match retry_at {
        Some(at) => explained
            .cause(
                "nobody on this machine asks Zoho until then, so that an outage uses up no refreshes",
            )
            .retry_at(at),
        None => explained.next(format!("evergrant token {name}     to try again")),
    }
}

fn explain_kind(error: &BrokerError, name: &ConnectionName) -> CliError {
    match error {
        BrokerError::Throttled { retry_at, by } => throttled(*by, name).retry_at(*retry_at),
        BrokerError::Unavailable { reason, retry_at } => {
            let message = format!("no new access token of {name} can be had now");
            unavailable(message, reason, *retry_at, name)
        }
        BrokerError::CannotConnect { reason } => {
            CliError::config("cannot_connect", "cannot speak to Zoho as this is set up")
                .cause(reason)
                .next("see the proxy variables, --ca-file and the accounts domain; `evergrant doctor` looks at them")
        }
        BrokerError::StillRefreshing => {
            let message = format!("another process has been refreshing {name} for too long");
            CliError::new(Kind::Unavailable, "still_refreshing", message)
                .next("see which evergrant hangs, and try again")
        }
        BrokerError::AppRefused { word, since } => app_refused(word, name, None, *since),
        BrokerError::Revoked { since } => {
            let message = format!("{name} was revoked at {}", rfc3339(*since));
            CliError::new(Kind::NewGrantNeeded, "revoked", message)
                .next(format!("evergrant exchange {name} --replace"))
        }
        other => vault::explain_other(other),
    }
}

/// Takes off from what is kept for people what they used up.
async fn left_for_people(vault: &Vault, by: Limiter, name: &ConnectionName) -> Limiter {
    let Limiter::Ledger {
        limit,
        window,
        kept,
    } = by
    else {
        return by;
    };
    let limits = Limits {
        refreshes: limit + kept,
        window,
        kept_for_people: kept,
    };
    let found = connection::find_within(vault, name, &limits).await;
    let used = found.ok().flatten().map_or(0, |found| found.refreshes.used);
    Limiter::Ledger {
        limit,
        window,
        kept: kept.min(limits.refreshes.saturating_sub(used)),
    }
}

fn throttled(by: Limiter, name: &ConnectionName) -> CliError {
    let start = |reason, message: &str| {
        CliError::new(Kind::Throttled, reason, format!("{message} {name} for now"))
    };
    match by {
        Limiter::Ledger {
            limit,
            window,
            kept,
        } => {
            let full = start("window_full", "no refresh is left for").cause(format!(
                "{limit} were made in {}, and Zoho locks out who makes too many",
                span(window)
            ));
            match kept {
                0 => full,
                kept => full.next(format!(
                    "evergrant token {name} --reserve     to use the {kept} that are kept for people"
                )),
            }
        }
        Limiter::Outsider => start("access_denied", "Zoho refuses further refreshes of")
            .cause("fewer were made here than Zoho takes: somebody else refreshes with this refresh token")
            .next("find the program that has the refresh token in its own settings, and let it ask Evergrant"),
        _ => start("access_denied", "Zoho refuses further refreshes of")
            .cause("Access Denied: too many access tokens were asked for"),
    }
}

fn app_refused(
    word: &ErrorWord,
    name: &ConnectionName,
    client_id: Option<&ClientId>,
    since: Timestamp,
) -> CliError {
    let start = |message: String| CliError::config("app_refused", message);
    let client_id = client_id.map_or("CLIENT_ID", ClientId::as_str);
    let explained = match word {
        ErrorWord::InvalidClientSecret => {
            start(format!("Zoho refuses the client secret of {name}'s app")).next(format!(
                "evergrant apps secret add {client_id}     if it was changed in the API console"
            ))
        }
        ErrorWord::InvalidClient => start(format!("Zoho does not know the app of {name}"))
            .cause("it was deleted, or it lives in another data center")
            .next(format!(
                "look for {client_id} in the API consoles that `evergrant data-centers` lists"
            )),
        word => start(format!("Zoho refuses the app of {name}: {word}")).next(format!(
            "see the settings of {client_id} in Zoho's API console"
        )),
    };
    explained.cause(format!(
        "since {}; the refresh token is presumed good",
        rfc3339(since)
    ))
}

/// Lists what kills a refresh token, by Zoho's own list, the likeliest first as far as we know
/// (<https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/will-the-refresh-tokens-expire>).
pub(crate) async fn causes_of_death(name: &ConnectionName, vault: &Vault) -> Vec<String> {
    let used = connection::places_of(vault, name).await.unwrap_or(0);
    let pushed_out = format!(
        "newer refresh tokens pushed it out: Zoho keeps {PLACES} for a user, and {used} of this app's are ours"
    );
    let mut causes = vec![
        "the user changed the password and ended all API tokens with it".to_owned(),
        "the app was removed under Connected Apps, or deleted in the API console".to_owned(),
        "somebody revoked it".to_owned(),
    ];
    let place = if used >= PLACES { 0 } else { causes.len() };
    causes.insert(place, pushed_out);
    causes
}

/// Says why a person who wants no less gets no token: none could live that long.
pub(super) fn min_valid_too_long(
    (wanted, longest): (Duration, Duration),
    name: &ConnectionName,
) -> CliError {
    let message = format!("no token of {name} can be had that lives {}", span(wanted));
    CliError::usage("min_valid_too_long", message)
        .cause(format!(
            "a token lives {}; {} is the most that can be wanted",
            span(life_of(longest)),
            span(longest)
        ))
        .next(format!("--min-valid {}s, or less", longest.as_secs()))
        .connection(name.as_str())
}

/// Returns the life of a token of which no more than this, nine tenths, can be wanted.
fn life_of(longest: Duration) -> Duration {
    longest / 9 * 10
}

/// Words a warning about a token.
pub(crate) fn warning(found: &TokenWarning, name: &ConnectionName) -> Warning {
    match found {
        TokenWarning::Stale(why) => {
            let until = match why.retry_at() {
                Some(at) => format!("; the next refresh is possible at {}", rfc3339(at)),
                None => String::new(),
            };
            let message = explain_kind_of_stale(why, name);
            Warning::new(
                "stale",
                format!("{name}: this token lives less long than wanted: {message}{until}"),
            )
        }
        TokenWarning::MinValidCut { wanted, cut_to } => Warning::new(
            "min_valid_cut",
            format!(
                "a token lives {}; {} is the most that can be wanted, and stands in for {}",
                span(life_of(*cut_to)),
                span(*cut_to),
                span(*wanted)
            ),
        ),
        TokenWarning::ClockSkew(skew) => {
            let by = span(skew.difference());
            let side = if skew.ahead_millis > 0 {
                "behind"
            } else {
                "ahead of"
            };
            Warning::new(
                "clock_skew",
                format!(
                    "this machine's clock is {by} {side} Zoho's: times of day in messages are off by that"
                ),
            )
        }
        TokenWarning::LiveTokensFull {
            alive,
            oldest_expires_at,
        } => Warning::new(
            "live_tokens_full",
            format!(
                "{name}: {alive} access tokens live, which is all that Zoho keeps: the next refresh ends the oldest, \
                 which would live until {}",
                rfc3339(*oldest_expires_at)
            ),
        ),
        TokenWarning::NotKept(error) => Warning::new(
            "not_kept",
            format!("{name}: the new token could not be kept for others: {error}"),
        ),
        other => Warning::new("token", format!("{name}: {other:?}")),
    }
}

fn explain_kind_of_stale(why: &BrokerError, name: &ConnectionName) -> String {
    match why {
        BrokerError::NewGrantNeeded { .. } => format!(
            "the refresh token is dead, and a new grant is needed: evergrant exchange {name} --replace"
        ),
        BrokerError::Vault(error) => error.to_string(),
        error => explain_kind(error, name).to_string(),
    }
}
