//! What to say when an app is not found or not changed.

use evergrant::app::AppError;
use zoho_oauth::{AccountsDomain, ClientId};

use crate::cli::{error::CliError, redact::hide_tokens, vault};

/// Says what was refused, why, and what to do next.
pub(super) fn explain(error: &AppError) -> CliError {
    let of = |reason| CliError::config(reason, error.to_string());
    match error {
        AppError::Ambiguous {
            accounts_domains, ..
        } => accounts_domains.iter().fold(
            CliError::usage("ambiguous_app", error.to_string())
                .cause("each data center has an app of its own under it: say which one is meant"),
            |said, domain| said.next(which(domain)),
        ),
        AppError::NotFound => of("no_such_app").next("evergrant apps list"),
        AppError::NoSuchSecret(_) => of("no_such_secret")
            .next("evergrant apps show CLIENT_ID     lists its secrets by their ids"),
        AppError::LastSecret(_) => of("last_secret")
            .cause("without a client secret no connection of the app gets an access token")
            .next("add the new one first: evergrant apps secret add CLIENT_ID")
            .next("to forget the app and its secrets: evergrant apps remove CLIENT_ID"),
        AppError::InUse(_) => of("app_in_use")
            .cause("without the app they get no access token any more")
            .next("remove them first: evergrant connections remove NAME")
            .next("or give them another app: evergrant exchange NAME --replace --client-id ID"),
        AppError::MayBeUsed(_) => of("app_in_use")
            .cause("they exchange grant tokens of it")
            .next("revoke them first: evergrant callers revoke NAME"),
        AppError::Vault(error) => vault::explain(error),
        _ => vault::explain_other(error),
    }
}

fn which(domain: &AccountsDomain) -> String {
    match domain.data_center() {
        Some(center) => format!("--data-center {}", center.code),
        None => format!("--accounts-domain {domain}"),
    }
}

/// Says that there is no app of this client ID. What was given for one may be a secret, and is hidden
/// then.
pub(super) fn not_found(client_id: &ClientId, domain: Option<&AccountsDomain>) -> CliError {
    let client_id = client_id.as_str();
    let is_plain =
        client_id.starts_with("1000.") && !client_id.contains(|c: char| c.is_lowercase());
    let shown = if is_plain {
        client_id.to_owned()
    } else {
        hide_tokens(client_id)
    };
    let place = domain.map_or(String::new(), |domain| format!(" at {domain}"));
    CliError::config("no_such_app", format!("there is no app {shown}{place}"))
        .next("evergrant apps list")
}
