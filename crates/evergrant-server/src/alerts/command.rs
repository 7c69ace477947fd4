//! A program that is told of a change on its standard input.

use std::{io, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::AlertCommand;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs it to its end, or ends it when its time is over. What it prints is nobody's: it could be a secret.
pub(super) async fn run(command: &AlertCommand, json: &str) {
    match timeout(LIMIT, told(command, json)).await {
        Ok(Ok(status)) if status.success() => {}
        Ok(Ok(status)) => {
            tracing::error!(%status, "alert_command failed: nobody may have been told")
        }
        Ok(Err(error)) => tracing::error!(%error, "alert_command cannot be run: nobody was told"),
        Err(_) => tracing::error!("alert_command took too long and was ended"),
    }
}

async fn told(command: &AlertCommand, json: &str) -> io::Result<std::process::ExitStatus> {
    let (program, arguments) = command
        .words
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(
            command
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read is told all the same.
        let _ = stdin.write_all(json.as_bytes()).await;
    }
    child.wait().await
}
