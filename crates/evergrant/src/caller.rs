//! Callers: programs that may have tokens of certain connections. Each is an OAuth client of Evergrant, with a
//! client ID, a client secret, and for every connection a [`Handle`] in the place of a refresh token.
//!
//! A *proxied* caller gets proxy tokens, which work only at Evergrant's server and can be held to [rules](Rule)
//! and scopes. A *direct* one gets Zoho's own access token, which nothing here can hold to anything.

mod add;
mod adopt;
mod change;
mod credentials;
mod error;
mod handle;
mod known;
mod name;
mod note;
mod read;
mod revoke;
mod rotate;
mod rule;

use zoho_oauth::{ClientId, ClientSecret, Scopes};

pub(crate) use self::change::connection_changed;
pub use self::{
    add::{add, connect},
    adopt::{Adoption, adopt},
    error::CallerError,
    handle::{HANDLE_MARKER, Handle, HandleId},
    known::{
        CallersVersion, Denied, Grant, KnownCaller, KnownCallers, PROXY_TOKEN_PREFIX, ProxyToken,
    },
    name::CallerName,
    note::{HandedOut, note_denied, note_handed_out, note_used},
    read::{exchange_apps, find, list, list_all},
    revoke::{revoke, revoke_handle},
    rotate::{Rotation, rotate, undo_rotation},
    rule::{InvalidRule, Rule},
};
use crate::{clock::Timestamp, connection::ConnectionName};

/// What a caller gets as access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A proxy token, which works only at Evergrant's server.
    Proxied,
    /// Zoho's own access token.
    Direct,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Proxied, Self::Direct];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxied => "proxied",
            Self::Direct => "direct",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// The right to exchange grant tokens: it makes connections, and never replaces one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRight {
    /// The name of the first connection; those after it get the next free names.
    pub name: ConnectionName,
    /// The row of the app that the grant tokens belong to.
    pub app_id: String,
}

/// A caller that is to be added.
#[derive(Clone, Debug)]
pub struct NewCaller {
    /// Its name.
    pub name: CallerName,
    /// The connections it may have tokens of; none only if it may make exchanges.
    pub connections: Vec<ConnectionName>,
    /// What it gets as access token.
    pub mode: Mode,
    /// What it may ask for; none allows everything. For proxied callers only.
    pub rules: Vec<Rule>,
    /// What its tokens are narrowed to; none narrows nothing. For proxied callers only.
    pub scopes: Scopes,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Whether it may exchange grant tokens.
    pub exchange: Option<ExchangeRight>,
}

/// What a caller needs to know of itself; it cannot be had a second time.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The caller.
    pub caller: Caller,
    /// Its client ID.
    pub client_id: ClientId,
    /// Its client secret.
    pub client_secret: ClientSecret,
    /// A handle for each of its connections.
    pub handles: Vec<(ConnectionName, Handle)>,
}

/// A caller as it may be shown: no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its row's id, which outlives its name.
    pub id: String,
    /// Its name.
    pub name: CallerName,
    /// Its client ID. Adopted callers may share one.
    pub client_id: ClientId,
    /// What it gets as access token.
    pub mode: Mode,
    /// What it may ask for; none allows everything.
    pub rules: Vec<Rule>,
    /// What its tokens are narrowed to; none narrows nothing.
    pub scopes: Scopes,
    /// Whether it may exchange grant tokens.
    pub exchange: Option<ExchangeRight>,
    /// Whether it goes on with the credentials that it had before.
    pub adopted: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Until when the credentials before its last rotation work, or worked; `None` if it was never rotated.
    pub previous_valid_until: Option<Timestamp>,
    /// When it last asked for a token, to the minute; `None` if it never has.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// Its connections, each by its handle's row.
    pub connections: Vec<CallerConnection>,
}

/// A connection of a caller, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerConnection {
    /// The id of the handle.
    pub handle_id: HandleId,
    /// The connection, by the name that it has now or had last.
    pub connection: ConnectionName,
    /// When the caller got it.
    pub created_at: Timestamp,
    /// Since when the handle alone is revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether the connection was removed: the handle gets no token then.
    pub is_removed: bool,
}
