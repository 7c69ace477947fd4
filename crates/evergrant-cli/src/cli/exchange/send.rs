//! The request in a task of its own, and what a person's Ctrl-C means meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use evergrant::{
    exchange::{self, Exchange, ExchangeError, Exchanged, Progress, Purpose},
    vault::UnlockedVault,
};
use tokio::sync::mpsc;
use zoho_oauth::Transport;

use super::explain::{self, Subject};
use crate::{
    cli::{Context, error::CliError, exit_code::Kind, output::Warning, vault::rng},
    http::HttpSettings,
    lifecycle::{StopSignal, StopSignals},
};

/// Sends it in a task of its own, which a signal does not end while a reply may be on its way.
pub(super) async fn send(
    vault: &Arc<UnlockedVault>,
    transport: Transport,
    http: &HttpSettings,
    exchange: &Exchange,
    context: &mut Context<'_>,
) -> Result<Exchanged, CliError> {
    let retries = http.retries();
    let outstanding = Arc::new(AtomicBool::new(false));
    let (sender, mut progress) = mpsc::unbounded_channel();
    let mut task = {
        let (vault, exchange) = (vault.clone(), exchange.clone());
        let outstanding = outstanding.clone();
        tokio::spawn(async move {
            let tell = move |progress: Progress| {
                outstanding.store(matches!(progress, Progress::Sent), Ordering::SeqCst);
                // Nobody listens any more once a person has given up.
                sender.send(progress).ok();
            };
            exchange::exchange(&vault, &transport, &exchange, retries, &mut rng(), &tell).await
        })
    };
    let mut signals = StopSignals::listen().map_err(|error| {
        CliError::new(Kind::Internal, "signals", "cannot listen for signals").cause(error)
    })?;
    let mut asked_to_stop: Option<StopSignal> = None;
    let mut ever_sent = false;
    let outcome: Result<Exchanged, ExchangeError> = loop {
        tokio::select! {
            biased;
            ended = &mut task => break ended.map_err(|error| {
                CliError::new(Kind::Internal, "panicked", "the exchange broke off")
                    .cause(error)
                    .next("evergrant recover")
            })?,
            Some(progress) = progress.recv() => {
                ever_sent |= matches!(progress, Progress::Sent | Progress::AnswerLostBefore);
                match asked_to_stop {
                    // The answer was lost: whoever asked to stop did not ask for another try.
                    Some(signal) if matches!(progress, Progress::Retrying { .. }) => stop(signal, ever_sent, context),
                    _ => show(&progress, context),
                }
            }
            signal = signals.next() => {
                let outstanding = outstanding.load(Ordering::SeqCst);
                if asked_to_stop.is_some() || !outstanding {
                    stop(signal, ever_sent || outstanding, context);
                }
                asked_to_stop = Some(signal);
                let text = "the request has left: waiting for Zoho's answer, which holds the only refresh token; once more to give it up";
                context.output.warn(&Warning::new("waiting", text));
            }
        }
    };
    outcome.map_err(|error| {
        let name = match &exchange.purpose {
            Purpose::Keep { name, .. } => Some(name.as_str()),
            Purpose::HandOver => None,
        };
        let accounts_domain = &exchange.accounts_domain;
        explain::explain(
            &error,
            &Subject {
                name,
                accounts_domain,
                now: vault.vault().now(),
            },
        )
    })
}

/// Ends the process; the escrow record stays.
fn stop(signal: StopSignal, sent: bool, context: &mut Context<'_>) -> ! {
    let text = explain::stopped(sent);
    context.output.warn(&Warning::new("stopped", text));
    // The runtime would wait for the task: only the process's end gives it up.
    std::process::exit(signal.exit_code().into());
}

fn show(progress: &Progress, context: &mut Context<'_>) {
    if let Progress::Retrying {
        attempt,
        after,
        reason,
    } = progress
    {
        let seconds = after.as_secs_f32();
        context
            .output
            .note(&format!("{reason}; attempt {attempt} in {seconds:.1} s"));
    }
}
