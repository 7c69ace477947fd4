//! Why there is no token of a connection.

use std::time::Duration;

use evergrant::{
    broker::{BrokerError, Limiter, Limits},
    clock::Timestamp,
    connection::{self, ConnectionName, PLACES},
    vault::Vault,
};
use zoho_oauth::{ClientId, ErrorWord};

use crate::{
    api::PREFIX,
    problem::{Code, Problem},
    time::{rfc3339, span},
};

/// Says why there is no token of a connection, and what to do.
pub async fn no_token(error: &BrokerError, name: &ConnectionName, vault: &Vault) -> Problem {
    let explained = match error {
        BrokerError::NotFound(name) => return no_connection(name),
        BrokerError::Vault(error) => super::vault(error),
        BrokerError::NewGrantNeeded { since } => {
            let dead = format!(
                "the refresh token of {name} is dead: Zoho refused it twice, last at {}",
                rfc3339(*since)
            );
            let mut explained = Problem::new(Code::NewGrantNeeded, "invalid_code", dead);
            for cause in causes_of_death(name, vault).await {
                explained = explained.cause(cause);
            }
            explained.next_at_server(format!("evergrant exchange {name} --replace"))
        }
        BrokerError::AppRefused { word, since } => {
            let found = connection::find(vault, name).await.ok().flatten();
            let client_id = found.map(|found| found.client_id);
            app_refused(word, name, client_id.as_ref(), *since)
        }
        BrokerError::Throttled { retry_at, by } => {
            throttled(left_for_people(vault, *by, name).await, name).retry_at(rfc3339(*retry_at))
        }
        error => in_general(error, name),
    };
    explained.connection(name.as_str())
}

/// Says that Zoho could not be asked, or made no sense.
pub fn unavailable(
    message: String,
    reason: &str,
    retry_at: Option<Timestamp>,
    name: &ConnectionName,
) -> Problem {
    let explained = Problem::new(Code::Unavailable, "unavailable", message).cause(reason);
    match retry_at {
        Some(at) => explained
            .cause(
                "nobody on this machine asks Zoho until then, so that an outage uses up no refreshes",
            )
            .retry_at(rfc3339(at)),
        None => explained.next_by(
            format!("evergrant token {name}     to try again"),
            format!("GET {PREFIX}/connections/{name}/token     to try again"),
        ),
    }
}

pub(super) fn in_general(error: &BrokerError, name: &ConnectionName) -> Problem {
    match error {
        BrokerError::Throttled { retry_at, by } => throttled(*by, name).retry_at(rfc3339(*retry_at)),
        BrokerError::Unavailable { reason, retry_at } => {
            let message = format!("no new access token of {name} can be had now");
            unavailable(message, reason, *retry_at, name)
        }
        BrokerError::CannotConnect { reason } => {
            Problem::new(Code::Config, "cannot_connect", "cannot speak to Zoho as this is set up")
                .cause(reason)
                .next_at_server("see the proxy variables, --ca-file and the accounts domain; `evergrant doctor` looks at them")
        }
        BrokerError::StillRefreshing => {
            let message = format!("another process has been refreshing {name} for too long");
            Problem::new(Code::Unavailable, "still_refreshing", message)
                .next_at_server("see which evergrant hangs, and try again")
        }
        BrokerError::AppRefused { word, since } => app_refused(word, name, None, *since),
        BrokerError::Revoked { since } => {
            let message = format!("{name} was revoked at {}", rfc3339(*since));
            Problem::new(Code::NewGrantNeeded, "revoked", message)
                .next_at_server(format!("evergrant exchange {name} --replace"))
        }
        other => super::other(other),
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

fn throttled(by: Limiter, name: &ConnectionName) -> Problem {
    let start = |reason, message: &str| {
        Problem::new(Code::Throttled, reason, format!("{message} {name} for now"))
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
                kept => full.next_at_server(format!(
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
) -> Problem {
    let start = |message: String| Problem::new(Code::Config, "app_refused", message);
    let client_id = client_id.map_or("CLIENT_ID", ClientId::as_str);
    let explained = match word {
        ErrorWord::InvalidClientSecret => start(format!(
            "Zoho refuses the client secret of {name}'s app"
        ))
        .next_at_server(format!(
            "evergrant apps secret add {client_id}     if it was changed in the API console"
        )),
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
pub async fn causes_of_death(name: &ConnectionName, vault: &Vault) -> Vec<String> {
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
pub fn min_valid_too_long(
    (wanted, longest): (Duration, Duration),
    name: &ConnectionName,
) -> Problem {
    let message = format!("no token of {name} can be had that lives {}", span(wanted));
    Problem::new(Code::Usage, "min_valid_too_long", message)
        .cause(format!(
            "a token lives {}; {} is the most that can be wanted",
            span(life_of(longest)),
            span(longest)
        ))
        .next_by(
            format!("--min-valid {}s, or less", longest.as_secs()),
            format!("?min_valid={}, or less", longest.as_secs()),
        )
        .connection(name.as_str())
}

/// Returns the life of a token of which no more than this, nine tenths, can be wanted.
pub(super) fn life_of(longest: Duration) -> Duration {
    longest / 9 * 10
}

/// Says that there is no connection of this name.
pub fn no_connection(name: &ConnectionName) -> Problem {
    Problem::new(
        Code::Config,
        "no_such_connection",
        format!("there is no connection {name}"),
    )
    .next_by(
        "evergrant connections list",
        format!("GET {PREFIX}/connections"),
    )
    .connection(name.as_str())
}

/// Says that reports of refused tokens are not believed any more, so that no other token is given.
pub fn not_believed(name: &ConnectionName, believed_at: Timestamp) -> Problem {
    let message = format!("too many tokens of {name} were reported as refused");
    Problem::new(Code::Throttled, "too_many_reports", message)
        .cause("one report in 2 minutes is believed, and three in 10, so that a mistake does not use up all refreshes")
        .next("look for the mistake first: the token may go to another API domain, or the scope may be missing")
        .retry_at(rfc3339(believed_at))
        .connection(name.as_str())
}
