//! Adopting software whose refresh token cannot be changed.

use std::collections::HashSet;

use rand::CryptoRng;
use zoho_oauth::{ClientId, ClientSecret, RefreshToken, Scopes};

use super::{
    Caller, CallerError, CallerName, Handle, HandleId, Mode, PROXY_TOKEN_PREFIX, Rule,
    add::{NewRow, check_limits, told},
    change::{Change, NewHandle},
    credentials::handle_hash,
};
use crate::{
    audit::Event,
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Fingerprint, UnlockedVault},
};

/// How many bytes a credential of Zoho's has at least.
const SHORTEST: usize = 16;

/// How many different characters it has at least.
const FEWEST_KINDS: usize = 6;

/// A caller that goes on with what it holds: nothing is made for it.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// Its name.
    pub name: CallerName,
    /// The connection whose tokens it gets, whatever its refresh token once was for.
    pub connection: ConnectionName,
    /// The client ID that it holds. Several adopted callers may have the same.
    pub client_id: ClientId,
    /// The client secret that it holds.
    pub client_secret: ClientSecret,
    /// The refresh token that it holds, which is its handle from now on.
    pub refresh_token: RefreshToken,
    /// What it gets as access token.
    pub mode: Mode,
    /// What it may ask for; none allows everything. For proxied callers only.
    pub rules: Vec<Rule>,
    /// What its tokens are narrowed to; none narrows nothing. For proxied callers only.
    pub scopes: Scopes,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// Adds a caller that is known by the credentials that its software has, of which only keyed hashes are kept. It
/// has no other ones: it cannot be rotated, and is found by its refresh token alone, not as a client.
///
/// # Errors
///
/// If the name is taken, the connection is not there, the credentials cannot be Zoho's, or another caller was adopted with this refresh token; or
/// the vault's. Then nothing was added.
pub async fn adopt(
    vault: &UnlockedVault,
    adoption: &Adoption,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Caller, CallerError> {
    check_limits(adoption.mode, &adoption.rules, &adoption.scopes)?;
    check_credentials(adoption)?;
    let mut change = Change::begin(vault).await?;
    let hash = handle_hash(&vault.index_key, adoption.refresh_token.expose_secret());
    check_new(&mut change, hash).await?;
    let row = NewRow {
        name: &adoption.name,
        client_id: &adoption.client_id,
        client_secret: &adoption.client_secret,
        mode: adoption.mode,
        rules: &adoption.rules,
        scopes: &adoption.scopes,
        expires_at: adoption.expires_at,
        exchange: None,
        adopted: true,
    };
    let id = row.insert(&mut change, rng).await?;
    let new = NewHandle {
        id: HandleId::generate(rng),
        caller_id: &id,
        connection_id: &change.connection_id(&adoption.connection).await?,
        hash,
    };
    let connection_id = new.connection_id.to_owned();
    change.insert_handle(new).await?;
    let caller = change.caller_of(&id).await?;
    let event = Event {
        event: "caller_adopted",
        connection_id: Some(&connection_id),
        detail: told(&caller),
    };
    change.commit(&id, event).await?;
    Ok(caller)
}

/// Refuses what Zoho cannot have made, and so somebody might guess, or what was taken for something else. Zoho
/// documents no shape: its [examples](https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html) are far
/// from these bounds.
fn check_credentials(adoption: &Adoption) -> Result<(), CallerError> {
    let secret = adoption.client_secret.expose_secret();
    let token = adoption.refresh_token.expose_secret();
    if secret == token {
        return Err(CallerError::SameForBoth);
    }
    if token.starts_with(PROXY_TOKEN_PREFIX) || Handle::parse(token).is_some() {
        return Err(CallerError::OwnCredential);
    }
    let both = [("client secret", secret), ("refresh token", token)];
    match both.iter().find(|(_, value)| is_simple(value)) {
        Some((what, _)) => Err(CallerError::TooSimple(what)),
        None => Ok(()),
    }
}

fn is_simple(value: &str) -> bool {
    let kinds: HashSet<char> = value.chars().collect();
    value.len() < SHORTEST || kinds.len() < FEWEST_KINDS
}

async fn check_new(change: &mut Change<'_>, hash: Fingerprint) -> Result<(), CallerError> {
    // A revoked caller's refresh token may be adopted again: its handle was revoked with it.
    let sql = "SELECT c.name FROM caller_connections h JOIN callers c ON c.id = h.caller_id
               WHERE h.handle_hash = $1 AND h.revoked_at IS NULL";
    let query = sqlx::query_scalar::<_, String>(sql).bind(hash.as_bytes());
    let found = query.fetch_optional(&mut *change.transaction).await;
    match found.map_err(|error| change.error(error))? {
        None => Ok(()),
        Some(name) => Err(match name.parse() {
            Ok(name) => CallerError::AlreadyAdopted(name),
            Err(_) => super::read::damaged("callers", "name", &name).into(),
        }),
    }
}
