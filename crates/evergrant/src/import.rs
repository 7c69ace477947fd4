//! Connections that no exchange made: a refresh token from elsewhere, or an app that speaks for itself.
//!
//! Each is written first and then proved by one refresh through the broker, whose token is shared like any
//! other. What Zoho does not give a token for is taken back: nothing stays in the vault that never worked.

mod known;
mod rows;

use rand::CryptoRng;
use zoho_oauth::{ApiDomain, ErrorWord, RefreshToken, Scopes};

use self::rows::{Made, Means, New};
use crate::{
    app::App,
    broker::{Broker, BrokerError, Token, Wanted},
    connection::ConnectionName,
    vault::VaultError,
};

/// A refresh token that another program had.
#[derive(Clone, Debug)]
pub struct Import {
    /// The name that the connection gets.
    pub name: ConnectionName,
    /// The app that the refresh token was made for.
    pub app: App,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// Where its access tokens go; `None` takes the data center's, or what Zoho answers.
    pub api_domain: Option<ApiDomain>,
}

/// An app that gets access tokens by its own credentials, without a refresh token
/// (<https://www.zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>).
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The name that the connection gets.
    pub name: ConnectionName,
    /// The app, which must be a self client.
    pub app: App,
    /// What its access tokens may do.
    pub scopes: Scopes,
    /// The organisation, as `ZohoCRM.123`, where the account has several.
    pub soid: Option<String>,
    /// Where its access tokens go; `None` takes the data center's, or what Zoho answers.
    pub api_domain: Option<ApiDomain>,
}

/// Why there is no new connection. The vault is as it was, but for [`ImportError::NotVerified`] where it
/// says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A connection has this name.
    #[error("the name {0} is taken")]
    NameTaken(ConnectionName),
    /// A connection has this refresh token, or asks by the same client credentials for the same.
    #[error("the connection {0} has it already")]
    Known(ConnectionName),
    /// A connection had this refresh token before it got another.
    #[error("the connection {0} had this refresh token before its present one")]
    KnownAsFormer(ConnectionName),
    /// It is an access token of a connection here.
    #[error("this is an access token, and no refresh token")]
    KnownAsAccessToken,
    /// It is a grant token that was exchanged here.
    #[error("this is a grant token, and no refresh token")]
    KnownAsGrantToken,
    /// Zoho refuses the refresh token.
    #[error("Zoho refuses the refresh token: {word}")]
    Dead {
        /// Zoho's word.
        word: ErrorWord,
        /// Whether the vault is as it was.
        taken_back: bool,
    },
    /// Zoho gave no access token, for another reason.
    #[error("no access token came of it")]
    NotVerified {
        /// Why.
        source: BrokerError,
        /// Whether the vault is as it was.
        taken_back: bool,
    },
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Takes a refresh token in under a free name, and proves by one refresh that it works. Returns the access
/// token that came of that.
///
/// # Errors
///
/// If the vault knows the token or the name, or if Zoho gives no access token for it; see [`ImportError`].
pub async fn import(
    broker: &Broker,
    import: &Import,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Token, ImportError> {
    let new = New {
        name: &import.name,
        app: &import.app,
        means: Means::RefreshToken(&import.refresh_token),
        api_domain: import.api_domain.clone(),
    };
    verified(broker, new, rng).await
}

/// Adds an app that speaks for itself under a free name, and proves that Zoho lets it. Returns the access
/// token that came of that.
///
/// # Errors
///
/// As [`import`].
pub async fn add_client_credentials(
    broker: &Broker,
    credentials: &ClientCredentials,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Token, ImportError> {
    let new = New {
        name: &credentials.name,
        app: &credentials.app,
        means: Means::ClientCredentials {
            scopes: &credentials.scopes,
            soid: credentials.soid.as_deref(),
        },
        api_domain: credentials.api_domain.clone(),
    };
    verified(broker, new, rng).await
}

async fn verified(
    broker: &Broker,
    mut new: New<'_>,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Token, ImportError> {
    let data_center = new.app.accounts_domain.data_center();
    new.api_domain = new.api_domain.or_else(|| data_center.map(ApiDomain::from));
    let made = rows::make(broker.vault(), &new, rng).await?;
    // No token of this credential is alive, so this is a refresh; a person waits for it, who may use what is
    // kept for people.
    let wanted = Wanted {
        reserve: true,
        ..Wanted::default()
    };
    match broker.token(new.name, &wanted).await {
        Ok(token) => {
            if let Err(error) = rows::reopen_others(broker.vault(), &made).await {
                tracing::warn!(%error, "the other connections of the app could not be let try again");
            }
            Ok(token)
        }
        Err(error) => Err(taken_back(broker, &new, &made, error).await),
    }
}

/// Takes back what was made, and says why there is no connection.
///
/// The broker asks a second time before it calls a refresh token dead that has worked. This one has not:
/// one refusal is enough.
async fn taken_back(
    broker: &Broker,
    new: &New<'_>,
    made: &Made,
    error: BrokerError,
) -> ImportError {
    let vault = broker.vault();
    let word = match (&new.means, rows::last_refusal(vault, made).await) {
        (Means::RefreshToken(_), Ok(word)) => word.filter(ErrorWord::is_about_the_token),
        _ => None,
    };
    let why = match &word {
        Some(word) => word.to_string(),
        None => error.to_string(),
    };
    let taken_back = match rows::take_back(vault, new.name, made, &why, word.is_some()).await {
        Ok(taken_back) => taken_back,
        Err(error) => {
            tracing::warn!(%error, connection = %new.name, "what was made could not be taken back");
            false
        }
    };
    match word {
        Some(word) => ImportError::Dead { word, taken_back },
        None => ImportError::NotVerified {
            source: error,
            taken_back,
        },
    }
}

#[cfg(test)]
mod tests;
