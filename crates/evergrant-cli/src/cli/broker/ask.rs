//! Asking for a token, and what a person's Ctrl-C means meanwhile.

use std::pin::{Pin, pin};

use evergrant::{
    Broker,
    broker::{Token, Wanted},
    connection::ConnectionName,
};

use super::explain;
use crate::{
    cli::{
        error::CliError,
        output::{Output, Warning},
    },
    lifecycle::StopSignals,
};

/// Asks for a token. A refresh that has begun is not broken off by a first signal.
///
/// Before one begins, a signal ends this process as any other: nothing is half done, and listening for it
/// would be in the way of a token that is there.
pub(crate) async fn ask(
    broker: &Broker,
    name: &ConnectionName,
    wanted: &Wanted,
    output: &mut Output,
) -> Result<Token, CliError> {
    let mut asking = pin!(broker.token(name, wanted));
    let token = tokio::select! {
        biased;
        token = &mut asking => token,
        () = broker.refreshing() => or_stop(asking, broker, output).await,
    };
    match token {
        Ok(token) => Ok(token),
        Err(error) => Err(explain(&error, name, broker).await),
    }
}

/// Waits for what was asked for. A first signal ends the process as soon as no refresh is under way, the
/// second at once.
async fn or_stop<T>(
    mut asking: Pin<&mut impl Future<Output = T>>,
    broker: &Broker,
    output: &mut Output,
) -> T {
    let Ok(mut signals) = StopSignals::listen() else {
        return asking.await;
    };
    let signal = tokio::select! {
        biased;
        token = &mut asking => return token,
        signal = signals.next() => signal,
    };
    if broker.is_refreshing() {
        let text = "a refresh is under way: waiting for Zoho's answer, so that its token is kept and nobody \
                    waits in vain; once more to give it up";
        output.warn(&Warning::new("waiting", text));
        tokio::select! {
            biased;
            () = broker.finish() => {}
            _ = signals.next() => {
                let text = "stopped: the refresh counts at Zoho all the same, and whoever asks within ten \
                            seconds waits for it";
                output.warn(&Warning::new("stopped", text));
            }
        }
    }
    // The runtime would wait for a look-up of names: only the process's end gives it up.
    std::process::exit(signal.exit_code().into());
}
