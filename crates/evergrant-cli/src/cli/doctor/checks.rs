//! The checks, one function each.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use evergrant::{
    broker,
    connection::{self, Connection, PLACES, State},
    exchange,
    vault::{Vault, escrow::Phase, master_key},
};
use zoho_oauth::{AccountsDomain, Transport, TransportConfig};

use super::{Check, DoctorArgs};
use crate::{
    cli::{
        Context,
        error::CliError,
        exchange::{HttpArgs, explain},
        time::{rfc3339, span},
        vault,
    },
    config,
    http::HttpSettings,
};

/// How long an accounts server may take to greet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs all checks. One that needs what an earlier one found broken is left out.
pub(super) async fn all(args: &DoctorArgs, context: &Context<'_>) -> Vec<Check> {
    let mut checks = vec![configuration(context), folders(context)];
    let vault = match context.vault().await {
        Err(error) => {
            checks.push(Check::fail("vault", &error));
            return checks;
        }
        Ok(None) => {
            checks.push(Check::ok("vault", "none yet: the first exchange makes it"));
            return checks;
        }
        Ok(Some(vault)) => vault,
    };
    checks.push(database(&vault).await);
    checks.push(master_key(&vault, context).await);
    checks.push(escrow(&vault).await);
    match connection::list(&vault).await {
        Err(error) => checks.push(Check::fail("connections", &vault::explain(&error))),
        Ok(connections) => {
            checks.push(states(&connections));
            checks.push(places(&vault).await);
            checks.push(clock(&vault).await);
            if !args.offline {
                checks.extend(network(&connections, context).await);
            }
        }
    }
    checks
}

fn configuration(context: &Context<'_>) -> Check {
    let read = context
        .paths()
        .and_then(|paths| context.config().map(|_| paths));
    match read {
        Ok(paths) if paths.config.exists() => {
            Check::ok("configuration", paths.config.display().to_string())
        }
        Ok(_) => Check::ok("configuration", "none: every setting has its default"),
        Err(error) => Check::fail("configuration", &error),
    }
}

fn folders(context: &Context<'_>) -> Check {
    let folders = match context.paths() {
        Ok(paths) => paths.folders,
        Err(error) => return Check::fail("folders", &error),
    };
    let exposed = |folder: &&Path| {
        let mode = folder
            .metadata()
            .map_or(0, |metadata| metadata.permissions().mode());
        mode & 0o077 != 0
    };
    let both = [folders.data.as_path(), folders.config.as_path()];
    match both.iter().find(|folder| exposed(folder)) {
        None => Check::ok("folders", folders.data.display().to_string()),
        Some(folder) => {
            let folder = folder.display();
            Check::warn(
                "folders",
                format!("others can look into {folder}"),
                format!("chmod 700 {folder}"),
            )
        }
    }
}

async fn database(vault: &Vault) -> Check {
    match vault.check().await {
        Ok(()) => Check::ok("vault", vault.folders().vault().display().to_string()),
        Err(error) => Check::fail("vault", &vault::explain(&error)),
    }
}

async fn master_key(vault: &Vault, context: &Context<'_>) -> Check {
    let opened = async {
        let sources = context.key_sources()?;
        let keyring = master_key::read(&sources).map_err(|error| vault::explain(&error.into()))?;
        let origins: Vec<String> = sources.iter().map(ToString::to_string).collect();
        vault
            .check_keys(&keyring)
            .map_err(|error| vault::explain(&error))?;
        Ok::<_, CliError>(origins.join(", "))
    };
    match opened.await {
        Ok(origins) => Check::ok("master_key", origins),
        Err(error) => Check::fail("master_key", &error),
    }
}

async fn escrow(vault: &Vault) -> Check {
    match exchange::waiting(vault).await {
        Ok(waiting) if waiting.is_empty() => Check::ok("escrow", "empty"),
        Ok(waiting) => {
            let replied = waiting
                .iter()
                .filter(|one| one.phase == Phase::Replied)
                .count();
            let unknown = waiting.len() - replied;
            let message = format!(
                "replies that wait for the vault: {replied}; exchanges of unknown fate: {unknown}"
            );
            Check::warn("escrow", message, "evergrant recover")
        }
        Err(error) => Check::fail("escrow", &crate::cli::recover::explain(&error)),
    }
}

fn states(connections: &[Connection]) -> Check {
    // What a person revoked is as it should be.
    let ill = |one: &&Connection| match one.state {
        State::Revoked => false,
        State::Healthy => one.api_domain.is_none(),
        _ => true,
    };
    let ill: Vec<&str> = connections
        .iter()
        .filter(ill)
        .map(|one| one.name.as_str())
        .collect();
    match ill.as_slice() {
        [] => Check::ok("connections", format!("{}, none ill", connections.len())),
        [first, ..] => Check::warn(
            "connections",
            format!("not fit for use: {}", ill.join(", ")),
            format!("evergrant status {first}"),
        ),
    }
}

async fn places(vault: &Vault) -> Check {
    let most = match connection::most_places_used(vault).await {
        Ok(most) => most,
        Err(error) => return Check::fail("places", &vault::explain(&error)),
    };
    let message =
        format!("{most} of the {PLACES} refresh tokens that Zoho keeps for an app are ours");
    if most < PLACES {
        return Check::ok("places", message);
    }
    Check::warn(
        "places",
        message,
        "evergrant revoke NAME     for those that nobody uses, before Zoho pushes out the oldest",
    )
}

/// Looks how far this machine's clock was from Zoho's at the last refresh.
async fn clock(vault: &Vault) -> Check {
    let skew = match broker::last_skew(vault).await {
        Ok(Some(skew)) => skew,
        Ok(None) => return Check::ok("clock", "not compared with Zoho's yet"),
        Err(error) => return Check::fail("clock", &vault::explain(&error)),
    };
    let at = rfc3339(skew.at);
    let by = span(skew.difference());
    if skew.is_small() {
        return Check::ok("clock", format!("as Zoho's at {at}, to {by}"));
    }
    let side = if skew.ahead_millis > 0 {
        "behind"
    } else {
        "ahead of"
    };
    Check::warn(
        "clock",
        format!("{by} {side} Zoho's at {at}"),
        "set it: timedatectl set-ntp true",
    )
}

/// Greets every accounts server in use: name, network, proxy and certificate are looked at, nothing is sent.
async fn network(connections: &[Connection], context: &Context<'_>) -> Vec<Check> {
    let domains: BTreeMap<&str, &AccountsDomain> = connections
        .iter()
        .map(|one| (one.accounts_domain.as_str(), &one.accounts_domain))
        .collect();
    let unread = config::Http::default();
    let config = context.config().map_or(&unread, |config| &config.http);
    let settings = HttpSettings::resolve(&HttpArgs::default(), context.environment, config);
    let settings = match settings {
        Ok(settings) => settings.transport,
        Err(error) => return vec![Check::fail("network", &error)],
    };
    let transport = Transport::new(TransportConfig {
        silence: settings.silence.min(PATIENCE),
        ..settings
    });
    let mut checks = Vec::new();
    for (name, domain) in domains {
        checks.push(match transport.connect(name).await {
            Ok(_) => Check::ok("network", format!("{name} is reached")),
            Err(error) => {
                let (_, _, next) = explain::not_connected(&error, domain.is_loopback());
                Check::warn("network", error.to_string(), next)
            }
        });
    }
    checks
}
