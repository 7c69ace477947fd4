//! The checks, one function each.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use evergrant::{
    audit, broker,
    connection::{self, Connection, PLACES, State},
    exchange,
    vault::{Vault, escrow::Phase, master_key, seal::Keyring},
};
use zoho_oauth::{AccountsDomain, Transport, TransportConfig};

use super::{Check, DoctorArgs};
use crate::{
    cli::{
        Context,
        error::CliError,
        exchange::{HttpArgs, explain},
        serve::warnings,
        time::{rfc3339, span},
        vault,
    },
    config,
    http::HttpSettings,
};

/// How long an accounts server may take to greet.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Runs all checks. One that needs what an earlier one found broken is left out.
pub(super) async fn all(args: &DoctorArgs, context: &Context<'_>) -> Vec<Check> {
    let mut checks = vec![configuration(context), folders(context)];
    checks.extend(serving(context));
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
    checks.push(writing(&vault).await);
    // Which keys there are and how many refreshes are made stands in the configuration.
    let config = context.config().ok();
    if config.is_some() {
        checks.extend(keys(&vault, context).await);
    }
    checks.push(escrow(&vault).await);
    let limits = config.map_or_else(broker::Limits::default, |config| config.limits.0);
    match connection::list_within(&vault, &limits).await {
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

/// Looks at what the configuration says of the server, and warns.
fn serving(context: &Context<'_>) -> Vec<Check> {
    let Ok(config) = context.config() else {
        return Vec::new();
    };
    let server = &config.server;
    let of_url = server.public_url.as_ref().and_then(warnings::of_url);
    let of_key = server.tls_key.as_deref().and_then(warnings::of_key);
    let found = [
        of_url.map(|found| (found, "correct public_url under [server]")),
        of_key.map(|found| (found, "let only the server's user or group read it")),
    ];
    let found = found.into_iter().flatten();
    found
        .map(|(found, next)| Check::warn("server", found.message, next))
        .collect()
}

async fn database(vault: &Vault) -> Check {
    match vault.check().await {
        Ok(()) => Check::ok("vault", vault.folders().vault().display().to_string()),
        Err(error) => Check::fail("vault", &vault::explain(&error)),
    }
}

/// Looks whether a token could be kept: also a folder may forbid it.
async fn writing(vault: &Vault) -> Check {
    match vault.check_writable().await {
        Ok(()) => Check::ok("writing", "the vault can be written"),
        Err(error) => Check::fail("writing", &vault::explain(&error)),
    }
}

/// Looks at the master keys, and at what takes them.
async fn keys(vault: &Vault, context: &Context<'_>) -> Vec<Check> {
    match keyring(vault, context) {
        Err(error) => vec![Check::fail("master_key", &error)],
        Ok((keyring, origins)) => vec![
            Check::ok("master_key", origins),
            audit(vault, &keyring).await,
        ],
    }
}

/// Reads the keys and says where they came from; fails if they do not open this vault.
fn keyring(vault: &Vault, context: &Context<'_>) -> Result<(Keyring, String), CliError> {
    let sources = context.key_sources()?;
    let keyring = master_key::read(&sources).map_err(|error| vault::explain(&error.into()))?;
    let origins: Vec<String> = sources.iter().map(ToString::to_string).collect();
    let fitting = vault.check_keys(&keyring);
    fitting.map_err(|error| vault::explain(&error))?;
    Ok((keyring, origins.join(", ")))
}

async fn audit(vault: &Vault, keyring: &Keyring) -> Check {
    match audit::check(vault, keyring).await {
        Ok(verified) => Check::ok(
            "audit",
            format!("rows as they were written: {}", verified.checked),
        ),
        Err(error) => Check::fail("audit", &crate::cli::audit::explain::explain(&error)),
    }
}

async fn escrow(vault: &Vault) -> Check {
    let waiting = match exchange::waiting(vault).await {
        Ok(waiting) if waiting.is_empty() => return Check::ok("escrow", "empty"),
        Ok(waiting) => waiting,
        Err(error) => return Check::fail("escrow", &crate::cli::recover::explain(&error)),
    };
    let unknown: Vec<_> = waiting
        .iter()
        .filter(|one| one.phase == Phase::Sending)
        .collect();
    let replied = waiting
        .iter()
        .filter(|one| one.phase == Phase::Replied)
        .count();
    let message = format!(
        "replies that wait for the vault: {replied}; exchanges of unknown fate: {}",
        unknown.len()
    );
    // What became of a grant nobody can find out here: such a record is only to be let go of.
    let mut next: Vec<String> = unknown
        .iter()
        .map(|one| format!("evergrant recover --discard {}", one.id))
        .collect();
    if unknown.len() < waiting.len() {
        next.insert(0, "evergrant recover".to_owned());
    }
    Check {
        next,
        ..Check::warn("escrow", message, "")
    }
}

fn states(connections: &[Connection]) -> Check {
    // What a person revoked is as it should be.
    let ill = connections.iter().filter(|one| match one.state {
        State::Revoked => false,
        State::Healthy => one.api_domain.is_none(),
        _ => true,
    });
    let has_a_token =
        |one: &&Connection| one.state == State::Healthy || one.access_token_expires_at.is_some();
    let (to_look_at, unfit): (Vec<&Connection>, Vec<&Connection>) = ill.partition(has_a_token);
    let named = |what: &str, these: &[&Connection]| {
        let names: Vec<&str> = these.iter().map(|one| one.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    let found = [
        named("not fit for use", &unfit),
        named("to be looked at", &to_look_at),
    ];
    let found: Vec<String> = found.into_iter().flatten().collect();
    match unfit.first().or(to_look_at.first()) {
        None => Check::ok("connections", format!("{}, none ill", connections.len())),
        Some(first) => Check::warn(
            "connections",
            found.join("; "),
            format!("evergrant status {}", first.name),
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
