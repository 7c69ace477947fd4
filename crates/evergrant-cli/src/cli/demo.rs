//! `evergrant demo`: the whole story on this machine, without an account at Zoho.

mod crm;
mod program;
mod stage;

use clap::Args;
use evergrant::{clock::Timestamp, vault::escrow::Phase};
use serde::Serialize;
use zoho_oauth::GrantToken;

use self::{program::Child, stage::Stage};
use super::{
    Context,
    error::CliError,
    exit_code::Kind,
    time::{rfc3339, span},
};
use crate::lifecycle::{self, StopSignals};

/// See it work on this machine, without an account at Zoho
///
/// Starts a simulator of Zoho on loopback and a throw-away vault, makes an exchange, breaks one and recovers it.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave simulator and vault running until stopped
    #[arg(long)]
    pub(crate) keep: bool,
}

/// How often the exchange may be quicker than the kill: the simulator's console makes ten grants in ten
/// minutes, as Zoho's does.
const KILLS: u32 = 8;

/// The answer to `--json`: where simulator and vault are, if they are kept.
#[derive(Serialize)]
struct Left<'a> {
    kept: bool,
    accounts_domain: Option<&'a str>,
    control: Option<&'a str>,
    home: Option<String>,
}

impl<'a> Left<'a> {
    fn by(stage: &'a Stage, kept: bool) -> Self {
        Self {
            kept,
            accounts_domain: kept.then_some(stage.accounts_domain.as_str()),
            control: kept.then_some(stage.control.as_str()),
            home: kept.then(|| stage.home().display().to_string()),
        }
    }
}

/// Tells the story; every value in it is real.
pub(crate) fn run(args: &DemoArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let stage = Stage::set(context)?;
    lifecycle::run(async {
        context.output.note(&format!(
            "Evergrant demo: a Zoho simulator on {}, a throw-away vault. Nothing leaves this machine.",
            stage.accounts_domain
        ));
        let grant = stage.new_grant().await?;
        one_grant(&stage, &grant, context)?;
        exchange(&stage, context)?;
        same_grant_at_zoho(&stage, &grant, context).await?;
        killed(&stage, context).await?;
        access(&stage, context).await?;
        next_steps(&stage, context);
        let left = Left::by(&stage, args.keep);
        context.output.result(&left, |_| String::new())?;
        if args.keep {
            stay(&stage, context).await
        } else {
            Ok(())
        }
    })
}

fn one_grant(
    stage: &Stage,
    grant: &stage::Grant,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let life = span(
        stage
            .now()
            .until(Timestamp::from_millis(grant.expiry_time + 999)),
    );
    let shown = grant.code.get(..9).unwrap_or_default();
    let scope = grant.scope.join(",");
    context.output.note(&format!(
        "1  A grant token from the simulator's API console: {shown}… lives {life}, works once, scope {scope}"
    ));
    Ok(())
}

fn exchange(stage: &Stage, context: &mut Context<'_>) -> Result<(), CliError> {
    let arguments = stage.exchange_arguments("demo");
    context
        .output
        .note(&format!("2  {} {}", stage.program, arguments.join(" ")));
    let child = stage.evergrant.run(&arguments)?;
    let answer = child.answer()?;
    context.output.note(
        "     checks    vault, master key, escrow, name: fine         (the grant is still whole)",
    );
    let until = answer["access_token_expires_at"].as_str().unwrap_or("-");
    context.output.note(&format!(
        "     exchange  kept in {} ms: refresh token sealed in the vault, access token until {until}",
        child.took.as_millis()
    ));
    Ok(())
}

/// The vault would stop the second use of a grant before it is sent: this shows what Zoho would say.
async fn same_grant_at_zoho(
    stage: &Stage,
    grant: &stage::Grant,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let word = stage
        .exchange_elsewhere(&GrantToken::new(&grant.code))
        .await?;
    let again = stage.evergrant.run(&stage.exchange_arguments("again"))?;
    let code = again.exit_code();
    context.output.note(&format!(
        "3  The same grant once more: {word}, Zoho would say; our vault knows it and sends nothing (exit {code})"
    ));
    Ok(())
}

async fn killed(stage: &Stage, context: &mut Context<'_>) -> Result<(), CliError> {
    for attempt in 1..=KILLS {
        stage.new_grant().await?;
        let name = format!("killed-{attempt}");
        let child: Child = stage.evergrant.start(&stage.exchange_arguments(&name))?;
        if !stage.evergrant.kill_at(child, Phase::Replied)? {
            continue;
        }
        let recovered = stage.evergrant.run(&["recover".to_owned()])?.answer()?;
        let kept = recovered.as_array().is_some_and(|rows| {
            rows.iter()
                .any(|row| row["connection"] == name.as_str() && row["outcome"] == "kept")
        });
        if kept {
            context.output.note("4  evergrant exchange, killed (SIGKILL) just after the reply arrived … evergrant recover: kept");
            return Ok(());
        }
        let shown = stage
            .evergrant
            .run(&["connections", "show", &name].map(str::to_owned))?;
        // Killed between the commit and the end: there was nothing left to recover.
        shown.answer()?;
    }
    Err(broken("the exchange was quicker than the kill every time"))
}

async fn access(stage: &Stage, context: &mut Context<'_>) -> Result<(), CliError> {
    let token = stage.token("demo").await?;
    let contact = crm::first_contact(&token).await?;
    let product = crm::insert_product(&token).await?;
    context.output.note(&format!(
        "5  Access token used until {}: 1 contact read ({contact}), 1 product inserted ({product})",
        rfc3339(token.expires_at())
    ));
    Ok(())
}

fn next_steps(stage: &Stage, context: &mut Context<'_>) {
    let program = &stage.program;
    context.output.note(&format!(
        "Next: {program} exchange NAME --self-client FILE --data-center eu     with your own grant token\n      \
         {program} simulate                                              to test your own programs\n      \
         {program} --help"
    ));
}

async fn stay(stage: &Stage, context: &mut Context<'_>) -> Result<(), CliError> {
    let mut signals = StopSignals::listen().map_err(|error| {
        CliError::new(Kind::Internal, "signals", "cannot listen for signals").cause(error)
    })?;
    context.output.note(&format!(
        "Still running, until Ctrl-C: control port {}, vault --home {}",
        stage.control,
        stage.home().display()
    ));
    signals.next().await;
    Ok(())
}

/// Says that the demo itself is broken.
fn broken(message: impl Into<String>) -> CliError {
    CliError::new(Kind::Internal, "demo", message)
        .next("this is a mistake in Evergrant: please report it")
}
