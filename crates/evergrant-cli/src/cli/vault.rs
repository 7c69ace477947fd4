//! Opening the vault: where its keys come from, and what to say when it does not open.

use std::{ffi::OsStr, path::Path};

use evergrant::{
    clock::Clock,
    exchange::ExchangeError,
    vault::{
        UnlockedVault, Vault, VaultError,
        master_key::{KeyCommand, KeySource},
    },
};
use rand::{SeedableRng, rngs::StdRng};

use super::{Context, error::CliError, exit_code::Kind};
use crate::config::{Config, MasterKey};

/// The variable that holds a master key.
const VARIABLE: &str = "EVERGRANT_MASTER_KEY";

/// The systemd credential that holds one (<https://systemd.io/CREDENTIALS/>).
const CREDENTIAL: &str = "evergrant.master-key";

impl Context<'_> {
    /// Opens the vault without its keys; `None` if none was made yet.
    pub(crate) async fn vault(&self) -> Result<Option<Vault>, CliError> {
        let vault = Vault::open(&self.paths()?.folders, &Clock::system()).await;
        vault.map_err(|error| explain(&error))
    }

    /// Opens the vault with its keys; on first use makes both.
    pub(crate) async fn unlocked_vault(&self) -> Result<UnlockedVault, CliError> {
        let (folders, sources) = (self.paths()?.folders, self.key_sources()?);
        let (clock, mut rng) = (Clock::system(), rng());
        self.may_have_changed.set(true);
        let vault = UnlockedVault::open_or_make(&folders, &sources, &clock, &mut rng).await;
        let vault = vault.map_err(|error| explain(&error))?;
        Ok(vault.acting_as(&this_user()))
    }

    /// Opens the vault with its keys, if there is one: nothing is made.
    pub(crate) async fn existing_vault(&self) -> Result<Option<UnlockedVault>, CliError> {
        let Some(vault) = self.vault().await? else {
            return Ok(None);
        };
        self.may_have_changed.set(true);
        let unlocked = vault.unlock(&self.key_sources()?, &mut rng()).await;
        let unlocked = unlocked.map_err(|error| explain(&error))?;
        Ok(Some(unlocked.acting_as(&this_user())))
    }

    /// Lists where master keys come from: the configuration's list, else the environment, else the
    /// file that is made on first use.
    pub(crate) fn key_sources(&self) -> Result<Vec<KeySource>, CliError> {
        let Config { master_key, .. } = self.config()?;
        if !master_key.is_empty() {
            return master_key.iter().map(|key| self.key_source(key)).collect();
        }
        if let Some(source) = self.key_from_variable(VARIABLE)? {
            return Ok(vec![source]);
        }
        if let Some(folder) = self.environment.path("CREDENTIALS_DIRECTORY") {
            let path = folder.join(CREDENTIAL);
            if path.exists() {
                return Ok(vec![key_from_text_file(&path)?]);
            }
        }
        Ok(vec![KeySource::File(self.paths()?.folders.master_key())])
    }

    fn key_source(&self, key: &MasterKey) -> Result<KeySource, CliError> {
        match key {
            MasterKey::File(path) => Ok(KeySource::File(path.clone())),
            MasterKey::Command(words) => {
                let environment = self.environment_of_children()?;
                Ok(KeySource::Command(KeyCommand {
                    words: words.clone(),
                    environment: environment.to_vec(),
                }))
            }
            MasterKey::Env(name) => self.key_from_variable(name)?.ok_or_else(|| {
                let message = format!("the environment variable {name} holds no master key");
                CliError::new(Kind::Vault, "master_key_missing", message)
                    .cause("config.toml names it as a source of master keys")
                    .next(format!("set {name}, or name another source in config.toml"))
            }),
        }
    }

    /// Reads a key from a variable, or from the file that its `_FILE` twin names.
    fn key_from_variable(&self, name: &str) -> Result<Option<KeySource>, CliError> {
        let twin = format!("{name}_FILE");
        match (self.environment.find(name), self.environment.path(&twin)) {
            (Some(_), Some(_)) => {
                let message = format!("both {name} and {twin} are set");
                Err(CliError::usage("two_sources", message)
                    .next(format!("unset one of {name} and {twin}")))
            }
            (Some(text), None) => Ok(Some(key_from_text(name, text))),
            (None, Some(path)) => Ok(Some(KeySource::File(path))),
            (None, None) => Ok(None),
        }
    }
}

/// Names who runs the program, for the audit.
fn this_user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

fn key_from_text(origin: &str, text: &OsStr) -> KeySource {
    KeySource::Value {
        origin: origin.to_owned(),
        text: text.to_string_lossy().into_owned().into(),
    }
}

/// Reads a credential that systemd guards: its mode shows the access control list's mask, which says
/// nothing about who can read it.
fn key_from_text_file(path: &Path) -> Result<KeySource, CliError> {
    let text = fs_err::read_to_string(path).map_err(|error| {
        let message = "cannot read the master key from systemd's credentials";
        CliError::new(Kind::Vault, "master_key_missing", message)
            .cause(error)
            .next(format!(
                "see that LoadCredential={CREDENTIAL} of the service names the key file"
            ))
    })?;
    Ok(KeySource::Value {
        origin: format!("credential {CREDENTIAL}"),
        text: text.into(),
    })
}

/// Makes the source of randomness of one command.
pub(crate) fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}

/// Says that the answer was given, and that its record could not be cleared away.
pub(crate) fn not_finished(error: &ExchangeError) -> CliError {
    CliError::new(
        Kind::Vault,
        "not_finished",
        "done, but the escrow record could not be cleared away",
    )
    .causes_of(error)
    .next("evergrant recover")
}

/// Says what cannot be said better.
pub(crate) fn explain_other(error: &dyn std::error::Error) -> CliError {
    evergrant_server::explain::other(error).into()
}

/// Says what to do when the vault refuses.
pub(crate) fn explain(error: &VaultError) -> CliError {
    evergrant_server::explain::vault(error).into()
}
