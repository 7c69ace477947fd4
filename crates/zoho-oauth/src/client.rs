//! Request, sending and reading in one call, for programs that need nothing in between.

use bytes::Bytes;
use http::Request;

use crate::domain::AccountsDomain;
use crate::reply::Reply;
use crate::request::{self, App};
use crate::response::{
    Grant, Refusal, RevokeReply, TokenReply, Unreadable, UnreadableKind, read_revoke_as_app_reply,
    read_revoke_reply, read_token_reply,
};
use crate::scope::Scopes;
use crate::secret::{CodeVerifier, GrantToken, RefreshToken};
use crate::transport::{ConnectError, SendError, Transport, TransportConfig};

/// A client of Zoho's accounts servers.
///
/// It keeps nothing: store the refresh token of an exchange before anything else is done with it.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Makes a client.
    pub fn new(config: TransportConfig) -> Self {
        Self {
            transport: Transport::new(config),
        }
    }

    /// Exchanges a grant token; see [`request::exchange`].
    ///
    /// Look at the grant's `refresh_token`: without offline access there is none.
    ///
    /// # Errors
    ///
    /// If Zoho cannot be asked, refuses, or answers what cannot be read. If
    /// [`was_sent`](ClientError::was_sent) is true, the grant token may be spent.
    pub async fn exchange(
        &self,
        accounts: &AccountsDomain,
        app: App<'_>,
        grant: &GrantToken,
        redirect_uri: Option<&str>,
        code_verifier: Option<&CodeVerifier>,
    ) -> Result<Grant, ClientError> {
        let request = request::exchange(accounts, app, grant, redirect_uri, code_verifier);
        self.grant(accounts, request).await
    }

    /// Gets an access token for a refresh token; see [`request::refresh`].
    ///
    /// # Errors
    ///
    /// If Zoho cannot be asked, refuses, or answers what cannot be read. If
    /// [`was_sent`](ClientError::was_sent) is true, it counts as one of Zoho's ten in ten minutes.
    pub async fn refresh(
        &self,
        accounts: &AccountsDomain,
        app: App<'_>,
        token: &RefreshToken,
    ) -> Result<Grant, ClientError> {
        self.grant(accounts, request::refresh(accounts, app, token))
            .await
    }

    /// Gets an access token for a self client itself; see [`request::client_credentials`].
    ///
    /// # Errors
    ///
    /// If Zoho cannot be asked, refuses, or answers what cannot be read.
    pub async fn client_credentials(
        &self,
        accounts: &AccountsDomain,
        app: App<'_>,
        scopes: &Scopes,
        soid: Option<&str>,
    ) -> Result<Grant, ClientError> {
        self.grant(
            accounts,
            request::client_credentials(accounts, app, scopes, soid),
        )
        .await
    }

    /// Revokes a refresh token; see [`request::revoke`].
    ///
    /// # Errors
    ///
    /// If Zoho cannot be asked, refuses, or answers what cannot be read. If
    /// [`was_sent`](ClientError::was_sent) is true, the token may be revoked; asking again does no harm.
    pub async fn revoke(
        &self,
        accounts: &AccountsDomain,
        token: &RefreshToken,
    ) -> Result<(), ClientError> {
        let reply = self
            .send(accounts, request::revoke(accounts, token))
            .await?;
        revoked(read_revoke_reply(&reply))
    }

    /// Revokes a refresh token on Zoho's other path; see [`request::revoke_as_app`].
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_as_app(
        &self,
        accounts: &AccountsDomain,
        app: App<'_>,
        token: &RefreshToken,
    ) -> Result<(), ClientError> {
        let request = request::revoke_as_app(accounts, app, token);
        let reply = self.send(accounts, request).await?;
        revoked(read_revoke_as_app_reply(&reply))
    }

    async fn grant(
        &self,
        accounts: &AccountsDomain,
        request: Request<Bytes>,
    ) -> Result<Grant, ClientError> {
        match read_token_reply(&self.send(accounts, request).await?) {
            TokenReply::Granted(grant) => Ok(grant),
            TokenReply::Refused(refusal) => Err(refusal.into()),
            TokenReply::Unreadable(unreadable) => Err(unreadable.into()),
        }
    }

    async fn send(
        &self,
        accounts: &AccountsDomain,
        request: Request<Bytes>,
    ) -> Result<Reply, ClientError> {
        Ok(self
            .transport
            .connect(accounts)
            .await?
            .send(request)
            .await?)
    }
}

fn revoked(reply: RevokeReply) -> Result<(), ClientError> {
    match reply {
        RevokeReply::Revoked => Ok(()),
        RevokeReply::Refused(refusal) => Err(refusal.into()),
        RevokeReply::Unreadable(unreadable) => Err(unreadable.into()),
    }
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection could be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No reply came.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Zoho refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The reply says nothing that can be used.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl ClientError {
    /// Says whether Zoho may have seen the request, so that a grant token may be spent.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Connect(_) => false,
            Self::Send(error) => error.may_have_arrived(),
            Self::Refused(_) | Self::Unreadable(_) => true,
        }
    }

    /// Says whether the same call may succeed later; a throttled one needs about ten minutes.
    ///
    /// An exchange is better not repeated once it was sent: its grant token works once.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_transient(),
            Self::Send(error) => !matches!(error, SendError::OtherOrigin),
            Self::Refused(refusal) => refusal.word.is_throttle() || refusal.http_status >= 500,
            Self::Unreadable(unreadable) => {
                !matches!(unreadable.what, UnreadableKind::Redirect { .. })
            }
        }
    }
}
