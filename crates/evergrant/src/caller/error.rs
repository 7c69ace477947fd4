//! What can go wrong with a caller.

use zoho_oauth::Scope;

use super::CallerName;
use crate::{clock::Timestamp, connection::ConnectionName, vault::VaultError};

/// Why a caller was not added or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallerError {
    /// There is none of this name or id, or it was revoked.
    #[error("there is no caller {0}")]
    NotFound(String),
    /// The name is another caller's.
    #[error("the name {0} is taken")]
    NameTaken(CallerName),
    /// There is no connection of this name.
    #[error("there is no connection {0}")]
    NoConnection(ConnectionName),
    /// There is no app of the row that was named.
    #[error("there is no such app")]
    NoApp,
    /// The caller would have no connection and could make none.
    #[error("a caller needs a connection, or the right to make one")]
    NothingToUse,
    /// The caller has this connection already.
    #[error("the caller has the connection {0} already")]
    AlreadyConnected(ConnectionName),
    /// Rules for a direct caller.
    #[error(
        "a direct caller cannot be held to rules: it holds Zoho's own token, which opens every path"
    )]
    RulesForDirect,
    /// Scopes for a direct caller.
    #[error(
        "a direct caller cannot be held to scopes: it holds Zoho's own token with all its scopes"
    )]
    ScopesForDirect,
    /// A rule is for a method that nobody speaks.
    #[error(
        "{0} in a rule is no method of HTTP: it is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, or * for every one"
    )]
    UnknownMethod(String),
    /// A scope has not the shape of Zoho's.
    #[error(
        "{0} is no scope of Zoho's: those are a service, a part and an operation, such as ZohoCRM.modules.READ"
    )]
    IncompleteScope(Scope),
    /// The caller would live for longer than anybody looks ahead.
    #[error("a caller that expires does so within 10 years (3650 days)")]
    LivesTooLong,
    /// Old credentials would work for longer than anybody looks after them.
    #[error("the credentials before work for a year (365 days) at most")]
    OverlapTooLong,
    /// What was to be adopted is too simple to be Zoho's, so that somebody might guess it.
    #[error("the {0} is too short or too simple to be one that Zoho made")]
    TooSimple(&'static str),
    /// Client secret and refresh token are the same.
    #[error("client secret and refresh token are the same value: one of them is the wrong one")]
    SameForBoth,
    /// What was to be adopted as refresh token was made by Evergrant.
    #[error("the refresh token is one of Evergrant's own credentials, not one of Zoho's")]
    OwnCredential,
    /// The caller would be over when it begins.
    #[error("the caller would have expired before it begins")]
    ExpiresInThePast,
    /// The refresh token is another adopted caller's handle.
    #[error("the caller {0} was adopted with this refresh token")]
    AlreadyAdopted(CallerName),
    /// The caller was adopted because its credentials cannot be changed.
    #[error(
        "the caller {0} was adopted with the refresh token that its software holds: there is nothing new to give it"
    )]
    Adopted(CallerName),
    /// The credentials before the last rotation still work, and another rotation would end them.
    #[error(
        "the caller {name} was rotated a while ago: another rotation would end the credentials from before at once"
    )]
    InOverlap {
        /// The caller.
        name: CallerName,
        /// Until when they work.
        until: Timestamp,
    },
    /// There is no rotation to take back.
    #[error("the caller {0} has no credentials to go back to")]
    NotRotated(CallerName),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
