//! The reply into the vault. From here on nothing refuses: whatever is odd about a reply that holds
//! a refresh token is kept first and reported second.

use std::time::Duration;

use rand::rngs::StdRng;
use sqlx::SqliteConnection;
use zoho_oauth::{AccountsDomain, ApiDomain, ClientId, Defect, ForeignApiDomain, Grant, Scopes};

use super::{
    ExchangeError, Exchanged, NotKept, Purpose,
    context::Context,
    journal,
    send::{Held, Sent},
};
use crate::{
    audit::{self, Event},
    clock::Timestamp,
    connection::{self, ConnectionName, NewConnection, Stored},
    vault::{UnlockedVault, VaultError, escrow::ExchangeId},
};

/// How long an access token lives if the answer does not say
/// (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html>).
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// The name of a connection whose reply was to be handed over, and was found in escrow instead.
const RECOVERED: &str = "recovered";

/// What is known of a connection that was just made.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its name; `None` if it was handed over, or finished by others and removed since.
    pub name: Option<ConnectionName>,
    /// The name that was wished for, if it was taken meanwhile.
    pub wished: Option<ConnectionName>,
    /// Whether it took the place of another refresh token.
    pub replaced: bool,
    /// Where its tokens come from.
    pub accounts_domain: AccountsDomain,
    /// Where its access tokens go.
    pub api_domain: Option<ApiDomain>,
    /// What is odd about that.
    pub api_domain_doubt: Option<ApiDomainDoubt>,
    /// Its app.
    pub client_id: ClientId,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether Zoho said so; else the scopes are those that the grant was made for.
    pub scopes_are_zohos: bool,
    /// The required scopes that are not there.
    pub missing_scopes: Scopes,
    /// Until when its access token works.
    pub access_token_expires_at: Option<Timestamp>,
    /// What is odd about the reply.
    pub defect: Option<Defect>,
    /// How often the request was sent.
    pub attempts: u32,
    /// How many of Zoho's places the app's refresh tokens take, as far as the vault knows.
    pub places_used: u32,
}

/// What is odd about the API domain of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiDomainDoubt {
    /// The reply named none; the data center's stands in, if there is one.
    Missing,
    /// The reply named a host that is not Zoho's. It is not kept: access tokens would be sent there.
    Foreign(ForeignApiDomain),
}

/// Writes what was sent for into the vault; or, if it is to be handed over, says what is known.
pub(super) async fn keep(
    vault: &UnlockedVault,
    sent: Sent,
    rng: &mut StdRng,
) -> Result<Exchanged, ExchangeError> {
    if sent.context.purpose == Purpose::HandOver {
        let kept = describe(vault, &sent).await;
        let refresh_token = sent.grant.refresh_token.clone();
        return Ok(Exchanged {
            kept,
            refresh_token,
            sent,
        });
    }
    match store(vault, &sent, rng).await {
        Ok(Some(kept)) => Ok(Exchanged {
            kept,
            refresh_token: None,
            sent,
        }),
        // `recover` was quicker.
        Ok(None) => {
            let mut kept = describe(vault, &sent).await;
            kept.name = match journal::connection_of(vault, sent.context.grant).await {
                Ok(name) => name,
                Err(error) => return Err(not_kept(&sent, error)),
            };
            Ok(Exchanged {
                kept,
                refresh_token: None,
                sent,
            })
        }
        Err(error) => Err(not_kept(&sent, error)),
    }
}

/// Takes the reply out of escrow, and notes it if it was handed over.
pub(super) async fn finish(
    vault: &UnlockedVault,
    exchanged: Exchanged,
) -> Result<(), ExchangeError> {
    let sent = exchanged.sent;
    if exchanged.refresh_token.is_some() {
        let mut transaction = vault.store().begin().await?;
        let finished = note_done(
            &mut transaction,
            vault,
            &sent,
            "refresh_token_handed_over",
            None,
        );
        finished.await.map_err(|error| vault.store().error(error))?;
        transaction
            .commit()
            .await
            .map_err(|error| vault.store().error(error))?;
    }
    sent.held.release().map_err(ExchangeError::Escrow)
}

/// Writes the connection in one transaction and reads it back; `None` if that was done before.
pub(super) async fn store(
    vault: &UnlockedVault,
    sent: &Sent,
    rng: &mut StdRng,
) -> Result<Option<Kept>, VaultError> {
    let Some(refresh_token) = &sent.grant.refresh_token else {
        return Ok(None);
    };
    let failed = |error| vault.store().error(error);
    let mut connection = vault.store().connection().await?;
    let mut transaction = vault.store().begin_on(&mut connection).await?;
    let (wished, replace) = wish(&sent.context.purpose);
    let name = match replace {
        true => wished.clone(),
        false => connection::free_name(&mut transaction, &wished)
            .await
            .map_err(failed)?,
    };
    let mut kept = judge(&sent.context, &sent.grant, sent.attempts);
    if kept.api_domain.is_none() && replace {
        kept.api_domain = earlier_api_domain(&mut transaction, &name)
            .await
            .map_err(failed)?;
    }
    let life = sent.grant.expires_in.unwrap_or(USUAL_LIFE);
    let new = NewConnection {
        name: &name,
        replace,
        app: &sent.context.app,
        refresh_token,
        access_token: sent.grant.access_token.as_ref().map(|token| (token, life)),
        scopes: &kept.scopes,
        api_domain: kept.api_domain.as_ref(),
        requested_at: sent.requested_at,
    };
    let stored = connection::store(&mut transaction, vault, &new, rng)
        .await
        .map_err(failed)?;
    let noted = note_done(
        &mut transaction,
        vault,
        sent,
        event(&stored),
        Some(&stored.id),
    )
    .await;
    if !noted.map_err(failed)? {
        return Ok(None);
    }
    let places = connection::places_used(&mut transaction, &sent.context.app).await;
    kept.places_used = places.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    tracing::info!(exchange = %sent.id, connection = %name, "the connection is in the vault");

    read_back(&mut connection, vault, &stored.id, &new).await?;
    kept.wished = (name != wished).then_some(wished);
    kept.name = Some(name);
    kept.replaced = stored.replaced;
    kept.access_token_expires_at = stored.access_token_expires_at;
    Ok(Some(kept))
}

fn event(stored: &Stored) -> &'static str {
    if stored.replaced {
        "refresh_token_replaced"
    } else {
        "connection_created"
    }
}

fn wish(purpose: &Purpose) -> (ConnectionName, bool) {
    match purpose {
        Purpose::Keep { name, replace } => (name.clone(), *replace),
        // Unwrap safety: the word is a name, as a test shows.
        Purpose::HandOver => (RECOVERED.parse().expect("a name"), false),
    }
}

/// Says what is known of a refresh token that is not written by this call. A vault that cannot be read
/// is no reason to keep the token back.
async fn describe(vault: &UnlockedVault, sent: &Sent) -> Kept {
    let mut kept = judge(&sent.context, &sent.grant, sent.attempts);
    let life = sent.grant.expires_in.unwrap_or(USUAL_LIFE);
    let access_token = sent.grant.access_token.as_ref();
    kept.access_token_expires_at = access_token.map(|_| sent.requested_at.plus(life));
    let places = async {
        let mut reader = vault.store().reader().acquire().await?;
        connection::places_used(&mut reader, &sent.context.app).await
    };
    // The new one is not in the vault, and takes a place all the same.
    kept.places_used = 1 + places.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the places in use could not be counted");
        0
    });
    kept
}

/// Judges a reply: what it says, what is odd, what is missing.
fn judge(context: &Context, grant: &Grant, attempts: u32) -> Kept {
    let (api_domain, api_domain_doubt) = api_domain(context, grant);
    let scopes = grant.scopes.as_ref().unwrap_or(&context.requested_scopes);
    let judged = grant.scopes.is_some() || !scopes.is_empty();
    let missing = scopes.missing(&context.required_scopes);
    Kept {
        name: None,
        wished: None,
        replaced: false,
        accounts_domain: context.app.accounts_domain.clone(),
        api_domain,
        api_domain_doubt,
        client_id: context.app.client_id.clone(),
        scopes: scopes.clone(),
        scopes_are_zohos: grant.scopes.is_some(),
        missing_scopes: if judged { missing } else { Scopes::default() },
        access_token_expires_at: None,
        defect: grant.defect.clone(),
        attempts,
        places_used: 0,
    }
}

fn api_domain(context: &Context, grant: &Grant) -> (Option<ApiDomain>, Option<ApiDomainDoubt>) {
    if let Some(given) = &context.api_domain {
        return (Some(given.clone()), None);
    }
    let accounts_domain = &context.app.accounts_domain;
    let Some(text) = &grant.api_domain else {
        let usual = accounts_domain
            .data_center()
            .and_then(|data_center| ApiDomain::parse(data_center.api_domain).ok());
        return (usual, Some(ApiDomainDoubt::Missing));
    };
    match ApiDomain::from_reply(text, accounts_domain) {
        Ok(domain) => (Some(domain), None),
        Err(foreign) => (None, Some(ApiDomainDoubt::Foreign(foreign))),
    }
}

async fn earlier_api_domain(
    connection: &mut SqliteConnection,
    name: &ConnectionName,
) -> Result<Option<ApiDomain>, sqlx::Error> {
    let sql = "SELECT api_domain FROM connections WHERE name = $1 AND removed_at IS NULL";
    let query = sqlx::query_scalar::<_, Option<String>>(sql).bind(name.as_str());
    let found = query.fetch_optional(connection).await?.flatten();
    Ok(found.and_then(|domain| ApiDomain::parse(&domain).ok()))
}

async fn note_done(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    sent: &Sent,
    event: &'static str,
    connection_id: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let (grant, now) = (sent.context.grant, vault.clock().now());
    if !journal::finish(&mut *connection, sent.id, grant, connection_id, now).await? {
        return Ok(false);
    }
    let detail = format!("exchange {}", sent.id);
    let event = Event {
        event,
        connection_id,
        detail,
    };
    audit::append(connection, vault, event).await?;
    Ok(true)
}

/// Reads the refresh token back in a statement of its own, and opens it.
async fn read_back(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    id: &str,
    new: &NewConnection<'_>,
) -> Result<(), VaultError> {
    let sql = "SELECT refresh_token_sealed FROM connections WHERE id = $1";
    let query = sqlx::query_scalar::<_, Vec<u8>>(sql).bind(id);
    let sealed = query.fetch_one(connection).await;
    let sealed = sealed.map_err(|error| vault.store().error(error))?;
    let app = (&new.app.accounts_domain, &new.app.client_id);
    let place = connection::refresh_token_place(vault, id, app, new.api_domain);
    let opened = vault.open(&place, &sealed, "the refresh token that was just written")?;
    if opened != new.refresh_token.expose_secret() {
        let (table, column) = ("connections", "refresh_token_sealed");
        return Err(VaultError::Damaged {
            table,
            column,
            row: id.to_owned(),
        });
    }
    Ok(())
}

fn not_kept(sent: &Sent, source: VaultError) -> ExchangeError {
    ExchangeError::NotKept(match &sent.held {
        Held::Nowhere(_, record) => NotKept::OnlyHere {
            record: record.to_text(),
            source,
        },
        _ => NotKept::InEscrow(source),
    })
}

/// Puts what was found in escrow into the vault, as far as [`keep`] had not.
pub(super) async fn keep_found(
    vault: &UnlockedVault,
    id: ExchangeId,
    context: Context,
    grant: Grant,
    rng: &mut StdRng,
) -> Result<Option<Kept>, VaultError> {
    // The access token's life is counted from the earliest moment at which it can have begun.
    let requested_at = context.started_at;
    let sent = Sent {
        id,
        context,
        grant,
        attempts: 0,
        requested_at,
        held: Held::Text,
    };
    store(vault, &sent, rng).await
}

#[cfg(test)]
mod tests;
