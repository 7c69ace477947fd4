//! What to say when a caller is not found, not added or not changed.

use evergrant::caller::{CallerError, CallerName};
use evergrant_server::time::rfc3339;

use crate::cli::{error::CliError, exchange, redact::hide_tokens, vault};

/// Says what was refused, why, and what to do next.
pub(super) fn explain(error: &CallerError) -> CliError {
    let of = |reason| CliError::config(reason, error.to_string());
    let usage = |reason| CliError::usage(reason, error.to_string());
    match error {
        CallerError::NotFound(_) => of("no_such_caller").next("evergrant callers list"),
        CallerError::NameTaken(name) => of("name_taken")
            .next("choose another name; `evergrant callers list` shows those there are")
            .next(format!("new credentials for it: evergrant callers rotate {name}")),
        CallerError::NoConnection(name) => exchange::run::not_found(name),
        CallerError::AlreadyConnected(_) => of("already_connected"),
        CallerError::NoApp => of("no_such_app").next("evergrant apps list"),
        CallerError::NothingToUse => usage("missing_input")
            .next("--connection NAME; `evergrant connections list` shows those there are")
            .next("--allow-exchange NAME lets it make connections itself"),
        CallerError::RulesForDirect => usage("rules_for_direct")
            .next("leave --allow out, or make it a proxied caller: --proxied"),
        CallerError::ScopesForDirect => usage("scopes_for_direct")
            .next("leave --scope out, or make it a proxied caller: --proxied")
            .next("or exchange a grant token with fewer scopes for a connection of its own"),
        CallerError::UnknownMethod(_) => {
            usage("unknown_method").next("--allow 'GET /crm/*/Contacts*', say")
        }
        CallerError::IncompleteScope(_) => usage("invalid_scope")
            .next("write it as Zoho's page of the call does, or name a bundle, such as @contacts-export"),
        CallerError::LivesTooLong => usage("expires_too_late")
            .next("--expires 90d, say; without --expires it does not expire"),
        CallerError::OverlapTooLong => usage("overlap_too_long").next("--overlap 30d, say"),
        CallerError::TooSimple(_) => usage("too_simple")
            .cause("to Evergrant it would be a password, and others could try such values out")
            .next("give what the software holds, from its own settings"),
        CallerError::SameForBoth => {
            usage("same_for_both").next("give what the software holds, from its own settings")
        }
        CallerError::OwnCredential => usage("own_credential")
            .next("software that takes what Evergrant makes is not adopted: evergrant callers add NAME --connection NAME")
            .next("another connection for a caller: evergrant callers connect NAME --connection NAME"),
        CallerError::AlreadyAdopted(name) => of("already_adopted")
            .cause("a refresh token says which caller shows it: it can be only one")
            .next(format!("evergrant callers show {name}"))
            .next(format!("evergrant callers revoke {name}     lets it be adopted anew")),
        CallerError::Adopted(name) => of("adopted")
            .next(format!("if the software can be given new settings after all: evergrant callers revoke {name}"))
            .next(format!("then: evergrant callers add {name} --connection NAME")),
        CallerError::InOverlap { name, until } => of("in_overlap")
            .cause(format!("those work until {}", rfc3339(*until)))
            .next("wait until then")
            .next(format!("evergrant callers rotate {name} --force     ends them now, and lets those of the rotation before work for the overlap"))
            .next(format!("evergrant callers rotate {name} --overlap 0     ends both now")),
        CallerError::Vault(error) => vault::explain(error),
        _ => vault::explain_other(error),
    }
}

/// Says that there is no caller of this name.
pub(super) fn not_found(name: &CallerName) -> CliError {
    let shown = hide_tokens(name.as_str());
    CliError::config("no_such_caller", format!("there is no caller {shown}"))
        .next("evergrant callers list")
}
