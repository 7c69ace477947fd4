//! Registered OAuth clients.

use serde::Deserialize;

use super::State;

/// The registration types of the API console.
/// Source: <https://zoho.com/accounts/protocol/oauth/self-client/overview.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientKind {
    #[default]
    #[serde(rename = "self", alias = "self-client")]
    SelfClient,
    #[serde(alias = "server-based")]
    Server,
    #[serde(alias = "mobile-based")]
    Mobile,
}

/// An OAuth client, registered in one data center.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) kind: ClientKind,
    pub(crate) data_center: &'static str,
    pub(crate) redirect_uris: Vec<String>,
}

const UPPER_ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

impl State {
    /// Registers a client and returns it.
    pub(crate) fn add_client(
        &mut self,
        kind: ClientKind,
        data_center: &'static str,
        redirect_uris: Vec<String>,
    ) -> Client {
        let id = format!("1000.{}", self.random_text(UPPER_ALPHANUMERIC, 30));
        let client = Client {
            id: id.clone(),
            secret: self.random_hex(42),
            kind,
            data_center,
            redirect_uris,
        };
        self.clients.insert(id, client.clone());
        client
    }

    /// Gives a client a new secret and returns it; `None` when there is no such client.
    pub(crate) fn renew_client_secret(&mut self, client_id: &str) -> Option<String> {
        let secret = self.random_hex(42);
        self.clients.get_mut(client_id)?.secret.clone_from(&secret);
        Some(secret)
    }

    /// Forgets everything that a user gave consent to.
    pub(crate) fn forget_user(&mut self, user: &str) {
        self.grants.retain(|_, grant| grant.user != user);
        self.refresh_tokens.retain(|_, token| token.user != user);
        self.access_tokens.retain(|_, token| token.user != user);
    }

    /// Deletes a client with all that was made for it; returns whether there was one.
    pub(crate) fn delete_client(&mut self, client_id: &str) -> bool {
        self.grants.retain(|_, grant| grant.client_id != client_id);
        self.refresh_tokens
            .retain(|_, token| token.client_id != client_id);
        self.access_tokens
            .retain(|_, token| token.client_id != client_id);
        self.clients.remove(client_id).is_some()
    }
}
