//! Prints an access token of a connection that `evergrant exchange` keeps in a home folder.
//!
//! ```sh
//! evergrant --home ~/zoho exchange acme --self-client self_client.json --data-center eu
//! cargo run --example token -- ~/zoho acme
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the token is what was asked for, and a person reads the rest"
)]

use std::{env, error::Error, path::Path, process::ExitCode};

use evergrant::{
    Broker,
    broker::{BrokerError, Limits, TokenWarning, Wanted},
    clock::Clock,
    vault::{Folders, Vault, master_key::KeySource},
};
use rand::{SeedableRng, rngs::StdRng};
use zoho_oauth::TransportConfig;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [home, name] = &arguments[..] else {
        eprintln!("usage: token HOME CONNECTION");
        return ExitCode::from(2);
    };
    match print_token(Path::new(home), name).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn print_token(home: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let name = name.parse()?;
    let broker = open(home).await?;
    let token = match broker.token(&name, &Wanted::default()).await {
        Ok(token) => token,
        Err(error) => return Err(format!("{error}: {}", advice(&error, &broker)).into()),
    };
    for warning in token.warnings() {
        match warning {
            TokenWarning::Stale(why) => eprintln!("warning: this token dies soon: {why}"),
            other => eprintln!("warning: {other:?}"),
        }
    }
    println!("{}", token.access_token().expose_secret());
    Ok(())
}

/// Opens the vault in a home folder, and makes the one broker that a program needs.
async fn open(home: &Path) -> Result<Broker, Box<dyn Error>> {
    let folders = Folders {
        config: home.to_owned(),
        data: home.to_owned(),
        runtime: home.to_owned(),
        temporary: env::temp_dir(),
    };
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let vault = Vault::open(&folders, &Clock::system()).await?;
    let vault = vault.ok_or("there is no vault in this folder")?;
    let keys = [KeySource::File(folders.master_key())];
    let vault = vault.unlock(&keys, &mut rng).await?;
    Ok(Broker::new(
        vault.acting_as("the example token"),
        TransportConfig::default(),
        Limits::default(),
        rng,
    ))
}

/// Says what to do about an error.
fn advice(error: &BrokerError, broker: &Broker) -> String {
    // Who tries again earlier is told the same, without a request.
    if let Some(at) = error.retry_at() {
        let wait = broker.vault().vault().now().until(at);
        return format!("try again in {} seconds", wait.as_secs() + 1);
    }
    let advice = match error {
        BrokerError::NotFound(_) => "see `evergrant connections list`",
        BrokerError::NewGrantNeeded { .. } | BrokerError::Revoked { .. } => {
            "a person exchanges a new grant token with `evergrant exchange --replace`"
        }
        BrokerError::AppRefused { .. } => "see the app in Zoho's API console",
        BrokerError::CannotConnect { .. } => "see proxy, roots and accounts domain",
        BrokerError::Vault(_) => "see `evergrant doctor`",
        _ => "try again",
    };
    advice.to_owned()
}
