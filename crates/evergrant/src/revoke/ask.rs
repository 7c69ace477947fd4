//! Asking Zoho, on the path that its discovery document and SDKs name first, and on its other one
//! where that brings nothing. Each is tried once.

use std::io;

use bytes::Bytes;
use http::Request;
use zoho_oauth::{
    AccountsDomain, ConnectError, Refusal, Reply, RevokeReply, Transport, read_revoke_as_app_reply,
    read_revoke_reply, request,
};

use super::{RevokeError, token::Token};
use crate::{app, vault::UnlockedVault};

/// What Zoho says of a token that works no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is revoked now.
    Revoked,
    /// It was not known: it works no longer either way.
    Unknown,
}

/// What one reply comes to.
#[derive(Debug)]
enum Said {
    Answer(Answer),
    Refused(Refusal),
    /// Nothing usable; another path may say more.
    Nothing(RevokeError),
}

/// Has a token revoked.
pub(super) async fn ask(
    vault: &UnlockedVault,
    transport: &Transport,
    token: &Token,
) -> Result<Answer, RevokeError> {
    let accounts = &token.accounts_domain;
    let request = token.secret.request(accounts);
    let reply = send(transport, accounts, request).await?;
    let nothing = match judge(read_revoke_reply(&reply)) {
        Said::Answer(answer) => return Ok(answer),
        Said::Refused(refusal) => return Err(RevokeError::Refused(refusal)),
        Said::Nothing(error) => error,
    };
    tracing::info!(
        host = accounts.host(),
        status = reply.status,
        "the other path is tried"
    );
    match as_app(vault, transport, token).await {
        Ok(Some(Said::Answer(answer))) => Ok(answer),
        Ok(Some(Said::Refused(refusal))) => Err(RevokeError::Refused(refusal)),
        // Two times nothing: the first path is the one that should have answered.
        Ok(Some(Said::Nothing(_)) | None) => Err(nothing),
        Err(error) => {
            tracing::warn!(%error, "the other path brought nothing");
            Err(nothing)
        }
    }
}

/// Asks on the path that wants the app's secret; `None` if the vault has none.
async fn as_app(
    vault: &UnlockedVault,
    transport: &Transport,
    token: &Token,
) -> Result<Option<Said>, RevokeError> {
    let Some(app) = app::find_by_id(vault, &token.app_id).await? else {
        return Ok(None);
    };
    let (accounts, of) = (&token.accounts_domain, app.client_id.clone());
    let app = request::App {
        client_id: &of,
        client_secret: &app.client_secret,
    };
    let request = token.secret.request_as_app(accounts, app);
    let reply = send(transport, accounts, request).await?;
    Ok(Some(judge(read_revoke_as_app_reply(&reply))))
}

fn judge(reply: RevokeReply) -> Said {
    match reply {
        RevokeReply::Revoked => Said::Answer(Answer::Revoked),
        RevokeReply::Refused(refusal) if refusal.word.is_about_the_token() => {
            Said::Answer(Answer::Unknown)
        }
        RevokeReply::Refused(refusal) if is_about_the_path(&refusal) => {
            Said::Nothing(RevokeError::Refused(refusal))
        }
        RevokeReply::Refused(refusal) => Said::Refused(refusal),
        RevokeReply::Unreadable(unreadable) => Said::Nothing(RevokeError::Unreadable(unreadable)),
    }
}

/// Says whether a server may have refused the path rather than what was asked on it.
fn is_about_the_path(refusal: &Refusal) -> bool {
    matches!(refusal.http_status, 404 | 405 | 410 | 501) && !refusal.word.is_throttle()
}

async fn send(
    transport: &Transport,
    accounts: &AccountsDomain,
    request: Request<Bytes>,
) -> Result<Reply, RevokeError> {
    let connection = transport.connect(accounts.as_str()).await?;
    tracing::info!(host = accounts.host(), "the revocation leaves");
    let reply = connection.send(request).await.map_err(|error| {
        if error.may_have_arrived() {
            return RevokeError::AnswerLost(error);
        }
        let (host, source) = (accounts.host().to_owned(), io::Error::other(error));
        RevokeError::Connect(ConnectError::Unreachable { host, source })
    })?;
    tracing::info!(status = reply.status, bytes = reply.body.len(), end = ?reply.end, "the reply is here");
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use zoho_oauth::ErrorWord;

    use super::*;

    fn refused(word: &str, http_status: u16) -> Said {
        judge(RevokeReply::Refused(Refusal {
            word: ErrorWord::of(word),
            description: None,
            http_status,
        }))
    }

    #[test]
    fn a_token_that_is_not_known_is_dead_whatever_the_status() {
        for (word, status) in [
            ("invalid_token", 400),
            ("invalid_code", 200),
            ("invalid_token", 404),
        ] {
            let said = refused(word, status);
            assert!(matches!(said, Said::Answer(Answer::Unknown)), "{said:?}");
        }
    }

    #[test]
    fn only_a_path_that_is_not_known_is_left_for_the_other() {
        for (word, status) in [("not_found", 404), ("general_error", 405)] {
            let said = refused(word, status);
            assert!(matches!(said, Said::Nothing(_)), "{said:?}");
        }
        for (word, status) in [
            ("Access Denied", 404),
            ("invalid_client", 400),
            ("general_error", 500),
        ] {
            let said = refused(word, status);
            assert!(matches!(said, Said::Refused(_)), "{said:?}");
        }
    }
}
