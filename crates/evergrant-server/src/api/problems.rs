//! Why a caller was not added or changed.

use evergrant::caller::{CallerError, CallerName};
use http::StatusCode;

use crate::{
    explain::{self, no_connection},
    problem::{Code, Problem},
    time::rfc3339,
};

/// Says it in the command line's words, with what to do over HTTP.
pub(super) fn caller(error: &CallerError) -> Problem {
    let of = |reason| Problem::new(Code::Config, reason, error.to_string());
    let taken = |reason| of(reason).status(StatusCode::CONFLICT);
    let usage = |reason| Problem::new(Code::Usage, reason, error.to_string());
    match error {
        CallerError::NotFound(_) => of("no_such_caller").next("GET /evergrant/v1/callers"),
        CallerError::NameTaken(name) => taken("name_taken")
            .next("choose another name; GET /evergrant/v1/callers lists those there are")
            .next(format!("new credentials for it: POST /evergrant/v1/callers/{name}/rotate")),
        CallerError::NoConnection(name) => no_connection(name),
        CallerError::AlreadyConnected(_) => taken("already_connected"),
        CallerError::NoApp => of("no_such_app").next("GET /evergrant/v1/connections shows client IDs"),
        CallerError::NothingToUse => usage("missing_input")
            .next("name its connections; GET /evergrant/v1/connections lists those there are")
            .next("exchange lets it make connections itself"),
        CallerError::RulesForDirect => {
            usage("rules_for_direct").next("leave rules out, or make it a proxied caller")
        }
        CallerError::ScopesForDirect => {
            usage("scopes_for_direct").next("leave scopes out, or make it a proxied caller")
        }
        CallerError::UnknownMethod(_) => {
            usage("unknown_method").next("write a rule such as GET /crm/*/Contacts*")
        }
        CallerError::IncompleteScope(_) => {
            usage("invalid_scope").next("write it as Zoho's page of the call does")
        }
        CallerError::LivesTooLong => {
            usage("expires_too_late").next("leave expires_at out, and it does not expire")
        }
        CallerError::OverlapTooLong => {
            usage("overlap_too_long").next("overlap_seconds is 31536000 at most")
        }
        CallerError::ExpiresInThePast => usage("expires_in_the_past"),
        CallerError::Adopted(name) => taken("adopted").next(format!(
            "if the software can be given new settings after all: DELETE /evergrant/v1/callers/{name}, then add it"
        )),
        CallerError::InOverlap { until, .. } => taken("in_overlap")
            .cause(format!("those work until {}", rfc3339(*until)))
            .next("wait until then")
            .next("\"force\": true ends them now, and lets those of the rotation before work for the overlap")
            .next("\"overlap_seconds\": 0 ends both now"),
        CallerError::Vault(error) => explain::vault(error),
        _ => explain::other(error),
    }
}

/// Says why a caller was not given a connection.
pub(super) fn not_connected(error: &CallerError, name: &CallerName) -> Problem {
    let said = caller(error);
    match error {
        CallerError::AlreadyConnected(_) => said
            .next(format!("GET /evergrant/v1/callers/{name}"))
            .next(format!(
                "new credentials, if they were lost: POST /evergrant/v1/callers/{name}/rotate"
            )),
        _ => said,
    }
}

/// Says that there is no caller of this name.
pub(super) fn no_caller(name: &CallerName) -> Problem {
    caller(&CallerError::NotFound(name.to_string()))
}
