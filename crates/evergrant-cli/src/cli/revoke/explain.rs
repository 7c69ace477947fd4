//! What to say when a refresh token was not revoked.

use evergrant::{
    clock::Timestamp,
    connection::{ConnectionName, REFRESH_WINDOW},
    revoke::RevokeError,
};
use zoho_oauth::{ConnectError, Refusal, Unreadable, UnreadableKind};

use crate::cli::{
    error::{CliError, ZohoAnswer},
    exchange::{explain::not_connected, run::not_found},
    exit_code::Kind,
    vault,
};

const UNCHANGED: &str = "nothing changed in the vault";

/// Of which connection a refresh token was not revoked, and when.
pub(super) struct Subject<'a> {
    pub(super) name: &'a ConnectionName,
    /// The option that the command was called with.
    pub(super) option: &'static str,
    pub(super) now: Timestamp,
}

impl Subject<'_> {
    /// Returns the command that tries again.
    fn again(&self) -> String {
        format!("evergrant revoke {}{}", self.name, self.option)
    }
}

/// Turns an error into what is said of it.
pub(super) fn explain(error: &RevokeError, subject: &Subject<'_>) -> CliError {
    let explained = match error {
        RevokeError::NotFound(name) => not_found(name),
        RevokeError::NothingToRevoke(name) => {
            CliError::config("nothing_to_revoke", error.to_string())
                .cause("it gets its access tokens by its app's own credentials, and each ends by itself within the hour")
                .next(format!("evergrant connections remove {name}     ends its use here"))
                .next("to lock the app out everywhere, renew its client secret in the API console")
        }
        RevokeError::Connect(error) => connect(error, subject),
        RevokeError::AnswerLost(error) => {
            unknown(CliError::new(Kind::Unavailable, "answer_lost", error.to_string()), subject)
        }
        RevokeError::Refused(refusal) => refused(refusal, subject),
        RevokeError::Unreadable(unreadable) => unreadable_reply(unreadable, subject),
        RevokeError::NotNoted(source) => {
            CliError::new(Kind::Vault, "not_noted", error.to_string())
                .causes_of(source)
                .next(format!("mend that, then: {}", subject.again()))
        }
        RevokeError::Vault(error) => vault::explain(error).cause("nothing was sent"),
        _ => vault::explain_other(error),
    };
    explained.connection(subject.name.as_str())
}

fn connect(error: &ConnectError, subject: &Subject<'_>) -> CliError {
    let (kind, reason, next) = not_connected(error, false);
    let explained = CliError::new(kind, reason, error.to_string());
    let source = std::error::Error::source(error).map(ToString::to_string);
    let explained = source.into_iter().fold(explained, CliError::cause);
    explained
        .cause(format!("nothing was sent, {UNCHANGED}"))
        .next(next)
        .next(subject.again())
}

fn refused(refusal: &Refusal, subject: &Subject<'_>) -> CliError {
    let word = &refusal.word;
    let start = |kind, message: String| {
        let error = CliError::new(kind, word.as_str().to_owned(), message);
        let said = refusal.description.iter();
        said.fold(error, |error, text| {
            error.cause(format!("Zoho says: {text}"))
        })
        .cause(UNCHANGED)
    };
    let explained = if word.is_throttle() {
        start(
            Kind::Throttled,
            "Zoho refuses more requests for now".to_owned(),
        )
        .next(subject.again())
        .retry_at(subject.now.plus(REFRESH_WINDOW))
    } else if refusal.is_transient() {
        start(Kind::Unavailable, format!("Zoho is unwell: {word}")).next(subject.again())
    } else {
        start(
            Kind::Config,
            format!("Zoho refused to revoke the refresh token: {word}"),
        )
        .next("revoke it by hand: your account at Zoho, Sessions, Connected Apps")
        .next(subject.again())
    };
    explained.zoho(ZohoAnswer {
        http_status: Some(refusal.http_status),
        error: Some(word.as_str().to_owned()),
        error_description: refusal.description.clone(),
    })
}

fn unreadable_reply(unreadable: &Unreadable, subject: &Subject<'_>) -> CliError {
    let (kind, reason) = match unreadable.what {
        UnreadableKind::Redirect { .. } => (Kind::Config, "redirected"),
        _ => (Kind::Unavailable, "unreadable_reply"),
    };
    let explained = unknown(CliError::new(kind, reason, unreadable.to_string()), subject);
    explained.zoho(ZohoAnswer {
        http_status: Some(unreadable.http_status),
        error: None,
        error_description: None,
    })
}

fn unknown(error: CliError, subject: &Subject<'_>) -> CliError {
    error
        .cause(format!(
            "whether the refresh token is revoked is unknown; {UNCHANGED}"
        ))
        .next(format!(
            "{}     to revoke twice does no harm",
            subject.again()
        ))
}
