//! Reads what the token endpoint answered: by the body, never by the status alone.
//!
//! Zoho sends errors with status 200 and with 400, and tokens may come beside an error, in a cut body or in one that
//! is no JSON at all. A refresh token that came whole is never given up.

mod revocation;

use std::time::Duration;

use serde_json::Value;
use url::Url;

pub use revocation::{RevokeReply, read_revoke_as_app_reply, read_revoke_reply};

use crate::error::{ErrorWord, clean};
use crate::fields::Fields;
use crate::reply::{Reply, ReplyEnd};
use crate::scope::Scopes;
use crate::secret::{AccessToken, RefreshToken};

/// What a reply of the token endpoint says.
#[derive(Clone, Debug)]
pub enum TokenReply {
    /// A token came.
    Granted(Grant),
    /// Zoho refused, and said by which word.
    Refused(Refusal),
    /// No token and no refusal can be made out.
    Unreadable(Unreadable),
}

/// The tokens of a reply and what it says about them.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The access token; missing only if something was wrong with the reply.
    pub access_token: Option<AccessToken>,
    /// The refresh token; an exchange without offline access, and every refresh, comes without.
    pub refresh_token: Option<RefreshToken>,
    /// How long the access token lives from now on.
    pub expires_in: Option<Duration>,
    /// The scopes that were granted; not every reply names them.
    pub scopes: Option<Scopes>,
    /// The API domain as it came: see [`ApiDomain::from_reply`](crate::ApiDomain::from_reply) before using it.
    pub api_domain: Option<String>,
    /// The kind of token, `Bearer`.
    pub token_type: Option<String>,
    /// What was wrong with a reply that brought a token all the same.
    pub defect: Option<Defect>,
}

/// What was wrong with a reply that brought a token all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// An error stood beside the token.
    ErrorBeside(ErrorWord),
    /// The body was cut.
    Cut,
    /// The body was longer than is read.
    TooLarge,
    /// The body was no whole JSON object, so the token was picked out of it.
    Broken,
    /// The status was not one of success.
    Status(u16),
}

/// A refusal in Zoho's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Zoho refuses: {word}{}", description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
pub struct Refusal {
    /// The `error`.
    pub word: ErrorWord,
    /// The `error_description`, cleaned and cut to 300 characters.
    pub description: Option<String>,
    /// The HTTP status.
    pub http_status: u16,
}

impl Refusal {
    /// Says whether the same request may succeed in a moment: a server error with no word that explains it.
    pub fn is_transient(&self) -> bool {
        let unexplained = matches!(self.word, ErrorWord::GeneralError | ErrorWord::Other(_));
        unexplained && (self.http_status >= 500 || self.http_status == 429)
    }
}

/// A reply that says nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply, of status {http_status}, {what}")]
pub struct Unreadable {
    /// What it is instead.
    pub what: UnreadableKind,
    /// The HTTP status.
    pub http_status: u16,
    /// The `Content-Type` header, cleaned and cut to 100 characters.
    pub content_type: Option<String>,
}

/// What a reply is that says nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableKind {
    /// There is no body.
    #[error("is empty")]
    Empty,
    /// The body ended too early.
    #[error("was cut")]
    Cut,
    /// The body was longer than is read.
    #[error("is too large")]
    TooLarge,
    /// A page for people, as proxies and overloaded servers send.
    #[error("is a page for people")]
    Html,
    /// The body is no JSON.
    #[error("is no JSON")]
    NotJson,
    /// The body is no UTF-8.
    #[error("is no UTF-8")]
    NotUtf8,
    /// JSON without token and without error.
    #[error("holds neither token nor error")]
    WrongShape,
    /// A redirect, which no token endpoint sends: the address is wrong, or a proxy wants a login.
    #[error("leads to {}", host.as_deref().unwrap_or("another address"))]
    Redirect {
        /// The host it leads to; None if it stays on the same host or names none.
        host: Option<String>,
    },
}

/// Reads a reply of the token endpoint.
///
/// A whole refresh token wins over everything: an error beside it, the status, a cut or broken body. Then an error is
/// a refusal whatever the status; then a redirect; then an access token alone is a grant.
pub fn read_token_reply(reply: &Reply) -> TokenReply {
    let body = reply
        .body
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(&reply.body);
    let Some((fields, broken)) = fields_of(body) else {
        return TokenReply::Unreadable(unreadable(reply, body));
    };
    if fields.text("refresh_token").is_none() {
        if let Some(word) = fields.error() {
            return TokenReply::Refused(refusal(word, &fields, reply));
        }
        if is_redirect(reply) || fields.text("access_token").is_none() {
            return TokenReply::Unreadable(unreadable(reply, body));
        }
    }
    granted(&fields, reply, broken)
}

/// Returns the members of a body, and whether they had to be picked out of a broken one.
fn fields_of(body: &[u8]) -> Option<(Fields, bool)> {
    let whole = Fields::whole(body);
    // A server that repeats our own request inside its error has granted nothing: what is nested does not count then.
    let decided =
        |fields: &Fields| fields.text("refresh_token").is_some() || fields.error().is_some();
    if !whole.as_ref().is_some_and(decided) {
        let salvaged = Fields::salvaged(body);
        if salvaged.text("refresh_token").is_some() {
            return Some((salvaged, true));
        }
    }
    whole.map(|fields| (fields, false))
}

fn granted(fields: &Fields, reply: &Reply, broken: bool) -> TokenReply {
    TokenReply::Granted(Grant {
        access_token: fields.text("access_token").map(AccessToken::new),
        refresh_token: fields.text("refresh_token").map(RefreshToken::new),
        expires_in: expires_in(fields),
        scopes: fields.text("scope").map(Scopes::parse_leniently),
        api_domain: fields.text("api_domain").map(str::to_owned),
        token_type: fields.text("token_type").map(|text| clean(text, 100)),
        defect: defect(fields, reply, broken),
    })
}

/// Replies of before 2020 held milliseconds in `expires_in` and seconds in `expires_in_sec` beside it.
///
/// Source: <https://github.com/schmorrison/Zoho/pull/18>.
fn expires_in(fields: &Fields) -> Option<Duration> {
    let name = if fields.has("expires_in_sec") {
        "expires_in_sec"
    } else {
        "expires_in"
    };
    fields.number(name).map(Duration::from_secs)
}

fn defect(fields: &Fields, reply: &Reply, broken: bool) -> Option<Defect> {
    match (fields.error(), reply.end) {
        (Some(word), _) => Some(Defect::ErrorBeside(word)),
        (None, ReplyEnd::Cut) => Some(Defect::Cut),
        (None, ReplyEnd::TooLarge) => Some(Defect::TooLarge),
        (None, ReplyEnd::Complete) if broken => Some(Defect::Broken),
        (None, ReplyEnd::Complete) => {
            (!(200..300).contains(&reply.status)).then_some(Defect::Status(reply.status))
        }
    }
}

fn refusal(word: ErrorWord, fields: &Fields, reply: &Reply) -> Refusal {
    let description = fields
        .text("error_description")
        .map(|text| clean(text, 300));
    Refusal {
        word,
        description,
        http_status: reply.status,
    }
}

fn unreadable(reply: &Reply, body: &[u8]) -> Unreadable {
    Unreadable {
        what: unreadable_kind(reply, body.trim_ascii()),
        http_status: reply.status,
        content_type: reply.content_type.as_deref().map(|text| clean(text, 100)),
    }
}

fn unreadable_kind(reply: &Reply, body: &[u8]) -> UnreadableKind {
    if is_redirect(reply) {
        return UnreadableKind::Redirect {
            host: redirect_host(reply),
        };
    }
    match reply.end {
        ReplyEnd::Cut => return UnreadableKind::Cut,
        ReplyEnd::TooLarge => return UnreadableKind::TooLarge,
        ReplyEnd::Complete if body.is_empty() => return UnreadableKind::Empty,
        ReplyEnd::Complete => {}
    }
    if body.starts_with(b"<") {
        UnreadableKind::Html
    } else if std::str::from_utf8(body).is_err() {
        UnreadableKind::NotUtf8
    } else if is_json(body) {
        UnreadableKind::WrongShape
    } else {
        UnreadableKind::NotJson
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok()
}

fn is_redirect(reply: &Reply) -> bool {
    (300..400).contains(&reply.status)
}

fn redirect_host(reply: &Reply) -> Option<String> {
    let location = reply.location.as_deref()?.trim();
    let absolute = match location.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => location.to_owned(),
    };
    Url::parse(&absolute)
        .ok()?
        .host_str()
        .map(|host| clean(host, 100))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
