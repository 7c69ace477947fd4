//! Adding a caller, and a connection to a caller.

use std::time::Duration;

use http::Method;
use rand::CryptoRng;
use zoho_oauth::{ClientId, ClientSecret, Scopes};

use super::{
    Caller, CallerError, CallerName, ExchangeRight, Handle, HandleId, Issued, Mode, NewCaller,
    Rule,
    change::{Change, NewHandle},
    credentials::{hash_of, new_client_id, new_client_secret, secret_hash},
};
use crate::{
    audit::Event, clock::Timestamp, connection::ConnectionName, id::new_id, vault::UnlockedVault,
};

/// For how long a caller may be added that expires. What is further away is a slip.
const LONGEST_LIFE: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// The methods that a rule may be for. A vault may hold others, from before they were looked at.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Adds a caller and makes its credentials, of which only keyed hashes are kept.
///
/// # Errors
///
/// If the name is taken, a connection or the app is not there, or what is wanted makes no sense, for this
/// [`Mode`] or for any; or the vault's. Then nothing was added.
pub async fn add(
    vault: &UnlockedVault,
    new: NewCaller,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Issued, CallerError> {
    check_limits(new.mode, &new.rules, &new.scopes)?;
    if new.connections.is_empty() && new.exchange.is_none() {
        return Err(CallerError::NothingToUse);
    }
    let mut change = Change::begin(vault).await?;
    let (client_id, client_secret) = (new_client_id(rng), new_client_secret(rng));
    let row = NewRow {
        name: &new.name,
        client_id: &client_id,
        client_secret: &client_secret,
        mode: new.mode,
        rules: &new.rules,
        scopes: &new.scopes,
        expires_at: new.expires_at,
        exchange: new.exchange.as_ref(),
        adopted: false,
    };
    let id = row.insert(&mut change, rng).await?;
    let mut handles: Vec<(ConnectionName, Handle)> = Vec::new();
    for name in new.connections {
        if handles.iter().all(|(known, _)| *known != name) {
            let handle = give(&mut change, &id, &name, rng).await?;
            handles.push((name, handle));
        }
    }
    let caller = change.caller_of(&id).await?;
    let event = Event {
        event: "caller_added",
        connection_id: None,
        detail: told(&caller),
    };
    change.commit(&id, event).await?;
    Ok(Issued {
        caller,
        client_id,
        client_secret,
        handles,
    })
}

/// Gives a caller one connection more, such as that which it made by an exchange, and returns the handle.
///
/// # Errors
///
/// If there is no such caller or connection, if the caller has it already or was adopted; or the vault's.
pub async fn connect(
    vault: &UnlockedVault,
    caller_id: &str,
    connection: &ConnectionName,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Handle, CallerError> {
    let mut change = Change::begin(vault).await?;
    let caller = change.caller_of(caller_id).await?;
    if caller.adopted {
        return Err(CallerError::Adopted(caller.name));
    }
    let connection_id = change.connection_id(connection).await?;
    let has = |own: &super::CallerConnection| {
        own.connection == *connection && !own.is_removed && own.revoked_at.is_none()
    };
    if caller.connections.iter().any(has) {
        return Err(CallerError::AlreadyConnected(connection.clone()));
    }
    let handle = give(&mut change, caller_id, connection, rng).await?;
    let event = Event {
        event: "handle_added",
        connection_id: Some(&connection_id),
        detail: format!("{}: {} for {connection}", caller.name, handle.id()),
    };
    change.commit(caller_id, event).await?;
    Ok(handle)
}

/// A row of `callers` that is to be entered.
pub(super) struct NewRow<'a> {
    pub(super) name: &'a CallerName,
    pub(super) client_id: &'a ClientId,
    pub(super) client_secret: &'a ClientSecret,
    pub(super) mode: Mode,
    pub(super) rules: &'a [Rule],
    pub(super) scopes: &'a Scopes,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) exchange: Option<&'a ExchangeRight>,
    pub(super) adopted: bool,
}

impl NewRow<'_> {
    /// Enters it and returns its id.
    pub(super) async fn insert(
        &self,
        change: &mut Change<'_>,
        rng: &mut (dyn CryptoRng + Send),
    ) -> Result<String, CallerError> {
        if self.expires_at.is_some_and(|end| end <= change.now) {
            return Err(CallerError::ExpiresInThePast);
        }
        if self.expires_at > Some(change.now.plus(LONGEST_LIFE)) {
            return Err(CallerError::LivesTooLong);
        }
        change.check_name(self.name).await?;
        if let Some(exchange) = self.exchange {
            check_app(change, &exchange.app_id).await?;
        }
        let id = new_id(change.now, rng);
        let hash = secret_hash(&change.vault.index_key, self.client_secret.expose_secret());
        let rules: Vec<String> = self.rules.iter().map(Rule::to_string).collect();
        let sql = "INSERT INTO callers (id, name, client_id, secret_hash, mode, rules, scopes,
                     exchange_name, exchange_app_id, adopted, created_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let insert = sqlx::query(sql).bind(&id).bind(self.name.as_str());
        let insert = insert.bind(self.client_id.as_str()).bind(hash.as_bytes());
        let insert = insert.bind(self.mode.as_str()).bind(rules.join("\n"));
        let insert = insert.bind(self.scopes.to_string());
        let insert = insert.bind(self.exchange.map(|right| right.name.as_str()));
        let insert = insert.bind(self.exchange.map(|right| right.app_id.as_str()));
        let insert = insert
            .bind(self.adopted)
            .bind(change.now)
            .bind(self.expires_at);
        let inserted = insert.execute(&mut *change.transaction).await;
        inserted.map_err(|error| change.error(error))?;
        Ok(id)
    }
}

/// Makes a handle and enters its hash.
async fn give(
    change: &mut Change<'_>,
    caller_id: &str,
    connection: &ConnectionName,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Handle, CallerError> {
    let handle = Handle::generate(HandleId::generate(rng), rng);
    let new = NewHandle {
        id: handle.id(),
        caller_id,
        connection_id: &change.connection_id(connection).await?,
        hash: hash_of(&change.vault.index_key, &handle),
    };
    change.insert_handle(new).await?;
    Ok(handle)
}

/// Refuses what nobody can hold a direct caller to, and what would never let a proxied one do anything.
pub(super) fn check_limits(mode: Mode, rules: &[Rule], scopes: &Scopes) -> Result<(), CallerError> {
    match mode {
        Mode::Direct if !rules.is_empty() => return Err(CallerError::RulesForDirect),
        Mode::Direct if !scopes.is_empty() => return Err(CallerError::ScopesForDirect),
        Mode::Direct | Mode::Proxied => {}
    }
    let mut methods = rules.iter().filter_map(Rule::method);
    if let Some(unknown) = methods.find(|method| !METHODS.contains(method)) {
        return Err(CallerError::UnknownMethod(unknown.to_string()));
    }
    match scopes.iter().find(|scope| !scope.is_complete()) {
        Some(scope) => Err(CallerError::IncompleteScope(scope.clone())),
        None => Ok(()),
    }
}

async fn check_app(change: &mut Change<'_>, app_id: &str) -> Result<(), CallerError> {
    let sql = "SELECT count(*) FROM apps WHERE id = $1 AND removed_at IS NULL";
    let query = sqlx::query_scalar::<_, i64>(sql).bind(app_id);
    let found = query.fetch_one(&mut *change.transaction).await;
    match found.map_err(|error| change.error(error))? {
        0 => Err(CallerError::NoApp),
        _ => Ok(()),
    }
}

/// Says in one line what a caller may do.
pub(super) fn told(caller: &Caller) -> String {
    let names = caller.connections.iter().map(|own| own.connection.as_str());
    let names: Vec<&str> = names.collect();
    let mut line = format!("{}: {}", caller.name, caller.mode.as_str());
    if !names.is_empty() {
        line += &format!(", for {}", names.join(" "));
    }
    if let Some(exchange) = &caller.exchange {
        line += &format!(", may make {}", exchange.name);
    }
    line
}
