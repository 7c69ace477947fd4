//! A server that runs: signals, new settings, and what the supervisor is told.

use std::{io, pin::pin};

use evergrant_server::{Reloader, Server};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use super::{
    explain::{not_renewed, not_started},
    settings::Settings,
    warnings,
};
use crate::{
    cli::{Context, error::CliError},
    config::Config,
    lifecycle::StopSignals,
    supervisor::{News, Supervisor},
    telemetry,
};

/// The signals that a server knows.
pub(super) struct Signals {
    stop: StopSignals,
    reload: Signal,
}

impl Signals {
    /// Takes them over from the system, which would end the program at once.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            stop: StopSignals::listen()?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

/// Runs until a signal stops it; the second one ends it at once.
pub(super) async fn run(
    server: Server,
    mut settings: Settings<'_>,
    mut signals: Signals,
    supervisor: Supervisor,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let reloader = server.reloader();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    let mut running = pin!(server.run_until(async {
        // A sender that is gone has stopped too.
        let _ = stopped.await;
    }));
    supervisor.tell(News::Ready);
    tokio::spawn(warn_of_unknown(reloader.clone()));
    let mut heartbeat = interval(supervisor.heartbeat());
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What it began with, and goes on with where a change needs another start.
    let began_with = Config::read(&context.paths()?)?;
    loop {
        tokio::select! {
            ended = &mut running => {
                ended.map_err(|error| not_started(&error))?;
                tracing::info!("stopped");
                return Ok(());
            }
            signal = signals.stop.next() => match stop.take() {
                Some(stop) => {
                    tracing::info!("stopping: requests that are under way come to their end");
                    supervisor.tell(News::Stopping);
                    let _ = stop.send(());
                }
                None => {
                    context.exit_code = signal.exit_code();
                    return Ok(());
                }
            },
            _ = signals.reload.recv(), if stop.is_some() => {
                supervisor.tell(News::Reloading);
                if let Err(error) = reload(&reloader, &mut settings, &began_with, context) {
                    let (message, next) = (error.to_line(), error.steps().join("; "));
                    tracing::error!(error = message, next, "the settings stay as they were");
                } else {
                    // The vault may take its time, and the server waits for this loop.
                    tokio::spawn(warn_of_unknown(reloader.clone()));
                }
                supervisor.tell(News::Ready);
            }
            _ = heartbeat.tick() => supervisor.tell(News::Alive),
        }
    }
}

/// Takes in what of the configuration may change while the server runs, and says what may not.
fn reload(
    reloader: &Reloader,
    settings: &mut Settings<'_>,
    began_with: &Config,
    context: &Context<'_>,
) -> Result<(), CliError> {
    let new = Config::read(&context.paths()?)?;
    let log =
        telemetry::Settings::resolve_for_server(&context.options, context.environment, &new.log)?;
    let resolved = settings.resolve(&new)?;
    let key = resolved.tls.as_ref().map(|tls| tls.key.clone());
    let reloaded = reloader.reload(resolved, new.limits.0);
    reloaded.map_err(|error| not_renewed(&error))?;
    if let Some(warning) = key.as_deref().and_then(warnings::of_key) {
        tracing::warn!(code = %warning.code, "{}", warning.message);
    }
    if let Some(started) = &context.log {
        started.set_level(&log);
    }
    let waiting = fixed(began_with, &new);
    if !waiting.is_empty() {
        tracing::warn!(
            settings = waiting.join(", "),
            "these settings have changed since the start and need another one"
        );
    }
    tracing::info!("the settings were read again");
    Ok(())
}

/// Warns of connections that `[[server.local]]` names and the vault does not know: by a slip, or not yet.
async fn warn_of_unknown(reloader: Reloader) {
    match reloader.unknown_connections().await {
        Ok(unknown) if unknown.is_empty() => {}
        Ok(unknown) => {
            let unknown: Vec<_> = unknown.iter().map(ToString::to_string).collect();
            let connections = unknown.join(", ");
            tracing::warn!(
                connections,
                "[[server.local]] names connections that are not there"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "the connections of [[server.local]] could not be looked for")
        }
    }
}

/// Lists what has changed since the start and cannot be taken in.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let (before, after) = (&old.server, &new.server);
    let changes = [
        ("http.ca_file", old.http.ca_file != new.http.ca_file),
        ("http.silence", old.http.silence != new.http.silence),
        (
            "http.max_retries",
            old.http.max_retries != new.http.max_retries,
        ),
        (
            "http.retry_delay",
            old.http.retry_delay != new.http.retry_delay,
        ),
        ("[[master_key]]", old.master_key != new.master_key),
        ("log.format", old.log.format != new.log.format),
        ("server.public_url", before.public_url != after.public_url),
        ("server.listen", before.listen != after.listen),
        ("server.unix", before.unix != after.unix),
        (
            "server.in_the_clear",
            before.in_the_clear != after.in_the_clear,
        ),
        ("server.workers", before.workers != after.workers),
        (
            "TLS where there was none, or none where there was TLS",
            before.tls_cert.is_some() != after.tls_cert.is_some(),
        ),
    ];
    let changed = changes.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_another_start_is_named() {
        let (old, mut new) = (Config::default(), Config::default());
        new.server.hosts = vec!["a".into()];
        assert!(fixed(&old, &new).is_empty());
        new.server.in_the_clear = true;
        new.server.tls_cert = Some("cert.pem".into());
        new.http.max_retries = Some(1);
        let named = fixed(&old, &new);
        assert_eq!(named.len(), 3);
        assert!(named.contains(&"http.max_retries"));
    }
}
