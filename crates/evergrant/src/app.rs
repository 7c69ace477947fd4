//! Apps: the registered OAuth clients that connections belong to.

mod accept;
mod change;
mod enter;
mod entry;
mod reopen;
mod secrets;
#[cfg(test)]
mod tests;

use zoho_oauth::{AccountsDomain, ClientId, ClientSecret};

pub(crate) use self::{
    accept::{accept, accepted},
    enter::{Entered, enter, take_back},
    reopen::{Why, reopen},
    secrets::{find_by_id, secrets_in_order},
};
pub use self::{
    change::{Added, AppError, add_secret, remove, retire_secret},
    entry::{AppEntry, InvalidSecretId, SecretEntry, SecretId, find, list},
    secrets::find_by_connection,
};
use crate::vault::{UnlockedVault, seal::Place};

/// An app as the vault has it, with the secret that Zoho accepted last.
#[derive(Clone, Debug)]
pub struct App {
    /// Its client ID.
    pub client_id: ClientId,
    /// Where it is registered.
    pub accounts_domain: AccountsDomain,
    /// Its secret.
    pub client_secret: ClientSecret,
}

/// Names the place of a client secret.
fn secret_place(vault: &UnlockedVault, id: &str, accounts_domain: &str, client_id: &str) -> Place {
    let clear = [accounts_domain, client_id];
    vault.place("app_secrets", "secret_sealed", id, &clear)
}
