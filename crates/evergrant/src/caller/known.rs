//! All that is needed to know callers by, in memory: a server asks the database for none of it.

mod denied;
mod load;
mod proxy_token;

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwapOption;
use subtle::ConstantTimeEq;
use zoho_oauth::{ClientId, Scopes};

use self::proxy_token::{Claims, ProxyTokenKey};
pub use self::{
    denied::Denied,
    proxy_token::{PROXY_TOKEN_PREFIX, ProxyToken},
};
use super::{
    CallerName, ExchangeRight, HandleId, Mode, Rule,
    credentials::{handle_hash, secret_hash},
};
use crate::{
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Fingerprint, IndexKey},
};

/// All callers of a vault as they were at one [version](Self::version). Whoever keeps one loads it anew when the
/// version has changed.
#[derive(Debug)]
pub struct KnownCallers {
    version: CallersVersion,
    index_key: IndexKey,
    proxy_tokens: ProxyTokenKey,
    handles: HashMap<HandleId, KnownHandle>,
    /// The handles of adopted callers, which are refresh tokens and hold no id.
    adopted: HashMap<Fingerprint, HandleId>,
    /// Callers by client ID; only adopted ones share one.
    clients: HashMap<String, Vec<Arc<KnownCaller>>>,
}

/// A moment in the life of all callers of a vault; of two, the greater is the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallersVersion {
    /// How often the vault was opened anew: an older copy may have come in its place.
    file: u64,
    number: i64,
}

/// A caller as a server knows it.
#[derive(Debug)]
pub struct KnownCaller {
    /// Its row's id.
    pub id: String,
    /// Its name.
    pub name: CallerName,
    /// Its client ID.
    pub client_id: ClientId,
    /// What it gets as access token.
    pub mode: Mode,
    /// What it may ask for; none allows everything. See [`allows`](Self::allows).
    pub rules: Vec<Rule>,
    /// What its tokens are narrowed to; none narrows nothing.
    pub scopes: Scopes,
    /// Whether it may exchange grant tokens.
    pub exchange: Option<ExchangeRight>,
    /// Whether it goes on with the credentials that it had before.
    pub adopted: bool,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The connections of its handles that work, by name.
    pub connections: Vec<ConnectionName>,
    is_revoked: bool,
    secret: Secret,
    handle_ids: Vec<HandleId>,
}

impl KnownCaller {
    /// Tells whether its rules allow a request, by the path as it was sent, without its query. Without rules,
    /// everything is allowed.
    pub fn allows(&self, method: &str, raw_path: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.allows(method, raw_path))
    }
}

/// One handle: a caller and a connection whose tokens it may have. A clone copies three pointers.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The caller.
    pub caller: Arc<KnownCaller>,
    /// The connection's name.
    pub connection: Arc<ConnectionName>,
    /// The connection's row.
    pub connection_id: Arc<str>,
    /// The handle.
    pub handle_id: HandleId,
    /// How many rotations were before it.
    pub epoch: u32,
}

/// A hash, and that of what it took the place of, with the moment until which that works.
#[derive(Debug)]
struct Secret {
    hash: Fingerprint,
    previous: Option<(Fingerprint, Timestamp)>,
}

#[derive(Debug)]
struct KnownHandle {
    grant: Grant,
    hash: Fingerprint,
    /// What the handle was before its last rotation.
    previous: Option<Previous>,
    /// Revoked alone, or its connection was removed.
    is_dead: bool,
    /// The proxy token that was made last: it is the same as long as the connection's token is.
    issued: ArcSwapOption<(Claims, ProxyToken)>,
}

#[derive(Debug)]
struct Previous {
    grant: Grant,
    hash: Fingerprint,
    valid_until: Timestamp,
}

impl KnownCallers {
    /// Returns the grant of a handle, if client ID and client secret are those of its caller: for the grant type
    /// `refresh_token`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, in the order of [`Denied`].
    pub fn by_handle(
        &self,
        client_id: &str,
        client_secret: &str,
        refresh_token: &str,
        now: Timestamp,
    ) -> Result<&Grant, Denied> {
        let secret = secret_hash(&self.index_key, client_secret);
        let found = self.find(refresh_token, now);
        let own =
            found.filter(|found| same_text(found.grant().caller.client_id.as_str(), client_id));
        let Some(found) = own else {
            let client = self.client(client_id, secret, now)?;
            return Err(Denied::WrongHandle(Some(client.clone())));
        };
        let grant = found.grant();
        if !grant.caller.secret.is(secret, now) {
            return Err(Denied::WrongSecret(Some(grant.caller.clone())));
        }
        found.check(now)
    }

    /// Returns the caller of a client ID and a client secret: for the grant types `client_credentials` and
    /// `authorization_code`. Adopted callers are none: they are known by their refresh tokens only.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, in the order of [`Denied`].
    pub fn by_client(
        &self,
        client_id: &str,
        client_secret: &str,
        now: Timestamp,
    ) -> Result<&Arc<KnownCaller>, Denied> {
        let secret = secret_hash(&self.index_key, client_secret);
        let caller = self.client(client_id, secret, now)?;
        if caller.adopted {
            return Err(Denied::UnknownClient);
        }
        check_caller(caller, now)?;
        Ok(caller)
    }

    /// Returns the grant of a handle that comes alone, as to the endpoints that revoke one; `None` also if it does
    /// not work any more, or was rotated: whoever holds an old one cannot end the new one by it.
    pub fn by_token_alone(&self, handle: &str, now: Timestamp) -> Option<&Grant> {
        match self.find(handle, now)? {
            found @ Found::Current(_) => found.check(now).ok(),
            Found::Previous(..) => None,
        }
    }

    /// Returns the grant of a proxy token.
    ///
    /// # Errors
    ///
    /// [`Denied::WrongHandle`] if this vault has not issued it or its handle was rotated away since,
    /// [`Denied::Expired`] if the token or its caller has expired, or [`Denied::Revoked`].
    pub fn by_proxy_token(&self, token: &str, now: Timestamp) -> Result<&Grant, Denied> {
        let claims = self
            .proxy_tokens
            .open(token)
            .ok_or(Denied::WrongHandle(None))?;
        let handle = self
            .handles
            .get(&claims.handle_id)
            .ok_or(Denied::WrongHandle(None))?;
        let caller = || handle.grant.caller.clone();
        let found = handle.of_epoch(claims.epoch, now);
        let found = found.ok_or_else(|| Denied::WrongHandle(Some(caller())))?;
        let grant = found.check(now)?;
        if claims.expires <= now {
            return Err(Denied::Expired(caller()));
        }
        Ok(grant)
    }

    /// Tells whether a grant that was found a while ago, perhaps among earlier callers, still is one: for whoever has
    /// waited since.
    pub fn still_have(&self, grant: &Grant, now: Timestamp) -> bool {
        let Some(handle) = self.handles.get(&grant.handle_id) else {
            return false;
        };
        let found = handle.of_epoch(grant.epoch, now);
        let works = found.is_some_and(|found| found.check(now).is_ok());
        works && handle.grant.connection_id == grant.connection_id
    }

    /// Returns from when on a grant is refused, because its caller expires or the overlap of a rotation ends; `None` for
    /// never.
    pub fn end_of(&self, grant: &Grant) -> Option<Timestamp> {
        let handle = self.handles.get(&grant.handle_id);
        let before = handle.and_then(|handle| handle.previous.as_ref());
        let before = before.filter(|before| before.grant.epoch == grant.epoch);
        let overlap = before.map(|before| before.valid_until);
        [grant.caller.expires_at, overlap]
            .into_iter()
            .flatten()
            .min()
    }

    /// Makes a proxy token that works until `expires`, to the second below, and no longer than its grant.
    pub fn issue_proxy_token(&self, grant: &Grant, expires: Timestamp) -> ProxyToken {
        let claims = Claims::new(grant.handle_id, grant.epoch, expires);
        let Some(handle) = self.handles.get(&grant.handle_id) else {
            return self.proxy_tokens.issue(&claims);
        };
        if let Some(issued) = &*handle.issued.load()
            && issued.0 == claims
        {
            return issued.1.clone();
        }
        let token = self.proxy_tokens.issue(&claims);
        handle.issued.store(Some(Arc::new((claims, token.clone()))));
        token
    }

    /// Lists the grants of a caller's handles that work, by the connection's name.
    pub fn grants_of(&self, caller: &KnownCaller) -> impl Iterator<Item = &Grant> {
        let handles = caller
            .handle_ids
            .iter()
            .filter_map(|id| self.handles.get(id));
        handles.map(|handle| &handle.grant)
    }

    /// Lists all callers that are not revoked, in no order.
    pub fn callers(&self) -> impl Iterator<Item = &Arc<KnownCaller>> {
        self.clients
            .values()
            .flatten()
            .filter(|caller| !caller.is_revoked)
    }

    /// Finds a handle, or a refresh token that serves as one, whoever shows it.
    fn find(&self, handle: &str, now: Timestamp) -> Option<Found<'_>> {
        let hash = handle_hash(&self.index_key, handle);
        let by_id = HandleId::of(handle).and_then(|id| self.handles.get(&id));
        let known = match by_id {
            Some(known) => known,
            None => self.handles.get(self.adopted.get(&hash)?)?,
        };
        if known.hash.is(hash) {
            return Some(Found::Current(known));
        }
        let before = known.previous.as_ref()?;
        (before.hash.is(hash) && now < before.valid_until).then_some(Found::Previous(known, before))
    }

    /// Finds who has this client ID and this secret.
    fn client(
        &self,
        client_id: &str,
        secret: Fingerprint,
        now: Timestamp,
    ) -> Result<&Arc<KnownCaller>, Denied> {
        let known = self.clients.get(client_id).ok_or(Denied::UnknownClient)?;
        let found = known.iter().find(|caller| caller.secret.is(secret, now));
        found.ok_or_else(|| {
            let only = match known.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            };
            Denied::WrongSecret(only)
        })
    }
}

impl KnownHandle {
    /// Finds what this handle was at an epoch, if that still works.
    fn of_epoch(&self, epoch: u32, now: Timestamp) -> Option<Found<'_>> {
        match &self.previous {
            _ if epoch == self.grant.epoch => Some(Found::Current(self)),
            Some(before) if epoch == before.grant.epoch && now < before.valid_until => {
                Some(Found::Previous(self, before))
            }
            _ => None,
        }
    }
}

/// A handle as it was shown.
enum Found<'a> {
    Current(&'a KnownHandle),
    Previous(&'a KnownHandle, &'a Previous),
}

impl<'a> Found<'a> {
    fn grant(&self) -> &'a Grant {
        match self {
            Self::Current(handle) => &handle.grant,
            Self::Previous(_, before) => &before.grant,
        }
    }

    fn check(&self, now: Timestamp) -> Result<&'a Grant, Denied> {
        let (Self::Current(handle) | Self::Previous(handle, _)) = self;
        let grant = self.grant();
        if handle.is_dead {
            return Err(Denied::Revoked(grant.caller.clone()));
        }
        check_caller(&grant.caller, now)?;
        Ok(grant)
    }
}

fn check_caller(caller: &Arc<KnownCaller>, now: Timestamp) -> Result<(), Denied> {
    if caller.is_revoked {
        Err(Denied::Revoked(caller.clone()))
    } else if caller.expires_at.is_some_and(|end| end <= now) {
        Err(Denied::Expired(caller.clone()))
    } else {
        Ok(())
    }
}

impl Secret {
    fn is(&self, shown: Fingerprint, now: Timestamp) -> bool {
        let before = self.previous.filter(|(_, until)| now < *until);
        self.hash.is(shown) || before.is_some_and(|(hash, _)| hash.is(shown))
    }
}

fn same_text(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
