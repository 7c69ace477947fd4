//! One exchange, from the inputs to the answer.

use std::{sync::Arc, time::Instant};

use evergrant::{
    app::{self, App},
    connection::ConnectionName,
    exchange::{self, Exchange, ExchangeError, Exchanged, Purpose},
    vault::UnlockedVault,
};
use zoho_oauth::{Scopes, Transport, TransportConfig};

use super::{
    ExchangeArgs, answer,
    explain::{self, Subject},
    send::send,
};
use crate::{
    cli::{
        Context,
        error::{CliError, GrantFate},
        exit_code::Kind,
        recover, revoke,
        vault::rng,
    },
    http::HttpSettings,
    inputs::{
        complete::{ExchangeInputs, ask_grant_token, complete},
        given::Given,
        prompter::{Prompter, Terminal},
    },
    lifecycle,
};

/// Runs the command.
pub(crate) fn run(args: &ExchangeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    if args.print_refresh_token && context.discarded {
        return Err(nobody_takes_it().grant(GrantFate::Unspent));
    }
    let children = context.environment_of_children();
    let children = children.map_err(|error| error.grant(GrantFate::Unspent))?;
    let given = Given::collect(args, context.environment, &children, context.stdin.secret())?;
    for warning in &given.warnings {
        context.output.warn(warning);
    }
    lifecycle::run(run_with(args, given, context))
}

async fn run_with(
    args: &ExchangeArgs,
    given: Given,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let Ready {
        http,
        transport,
        vault,
    } = ready_to_send(args, &given, context)
        .await
        .map_err(|error| error.grant(GrantFate::Unspent))?;
    let stored = stored_app(args, &vault).await?;
    let purpose = purpose(args);
    let mut terminal = context.prompter();
    if terminal.is_some() {
        check_name(&vault, &purpose).await?;
    }
    let prompter = terminal
        .as_mut()
        .map(|terminal| terminal as &mut dyn Prompter);
    let inputs = complete(given, stored, prompter, !args.check)?;
    if args.check {
        return check(&vault, &inputs, &purpose, context).await;
    }
    let exchange = ready(args, &vault, inputs, purpose, terminal, context).await?;
    let started = Instant::now();
    let exchanged = send(&vault, transport, &http, &exchange, context).await?;
    let to_revoke = args.revoke_old.then_some(http.transport);
    answer(args, &vault, exchanged, started, to_revoke, context).await
}

/// Refuses to hand over what would be lost: writing to where nobody reads succeeds.
fn nobody_takes_it() -> CliError {
    CliError::usage(
        "stdout_discarded",
        "the refresh token would be lost: standard output is closed or leads to /dev/null",
    )
    .cause("handed over, it is kept nowhere else; nothing was sent")
    .next("have a program or a file take it: evergrant exchange --print-refresh-token > FILE")
    .next("or keep it in the vault: evergrant exchange NAME")
}

/// What a request needs besides its inputs.
struct Ready {
    http: HttpSettings,
    transport: Transport,
    vault: Arc<UnlockedVault>,
}

/// Reads the settings, opens the vault and finishes what earlier exchanges left. Whatever fails, the
/// grant token is whole.
async fn ready_to_send(
    args: &ExchangeArgs,
    given: &Given,
    context: &mut Context<'_>,
) -> Result<Ready, CliError> {
    let mut http = HttpSettings::resolve(&args.http, context.environment, &context.config()?.http)?;
    http.max_retries = args.retries.max_retries.unwrap_or(http.max_retries);
    let transport = Transport::new(http.transport.clone());
    if let Some(domain) = given.destination().filter(|_| !args.check) {
        transport.connect_ahead(domain.as_str());
    }
    let vault = context.unlocked_vault().await?;
    recover::finish_earlier(&vault, context).await?;
    Ok(Ready {
        http,
        transport,
        vault: Arc::new(vault),
    })
}

/// Spares a person questions whose answers are of no use. Whatever else is wrong shows in its turn.
async fn check_name(vault: &UnlockedVault, purpose: &Purpose) -> Result<(), CliError> {
    match exchange::check_name(vault, purpose).await {
        Err(ExchangeError::NameTaken(name)) => Err(explain::name_taken(&name)),
        _ => Ok(()),
    }
}

fn purpose(args: &ExchangeArgs) -> Purpose {
    match &args.name {
        Some(name) if !args.print_refresh_token => Purpose::Keep {
            name: name.clone(),
            replace: args.replace,
        },
        _ => Purpose::HandOver,
    }
}

async fn stored_app(args: &ExchangeArgs, vault: &UnlockedVault) -> Result<Option<App>, CliError> {
    let name = match (&args.inputs.app.connection, args.replace) {
        (Some(name), _) => Some(name),
        (None, true) => args.name.as_ref(),
        (None, false) => None,
    };
    let Some(name) = name else { return Ok(None) };
    let found = app::find_by_connection(vault, name.as_str()).await;
    let found =
        found.map_err(|error| crate::cli::vault::explain(&error).grant(GrantFate::Unspent))?;
    if found.is_none() && args.inputs.app.connection.is_some() {
        return Err(not_found(name).grant(GrantFate::Unspent));
    }
    Ok(found)
}

/// Says that there is no such connection.
pub(crate) fn not_found(name: &ConnectionName) -> CliError {
    evergrant_server::explain::no_connection(name).into()
}

/// Makes all checks and sends nothing.
async fn check(
    vault: &UnlockedVault,
    inputs: &ExchangeInputs,
    purpose: &Purpose,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let subject = subject(inputs, purpose, vault);
    let explain = |error| explain::explain(&error, &subject);
    exchange::check(vault, purpose, &mut rng())
        .await
        .map_err(explain)?;
    let expires_at = inputs.grant_expires_at;
    if let Some(token) = &inputs.grant_token {
        exchange::check_grant(vault, token, expires_at)
            .await
            .map_err(explain)?;
    }
    let grant = match (&inputs.grant_token, expires_at) {
        (None, _) => "no grant token was given".to_owned(),
        (Some(_), None) => "the grant token's life is not known".to_owned(),
        (Some(_), Some(at)) => explain::life_left(at, vault.vault().now()),
    };
    context.output.note(&format!(
        "checks: vault, master key, escrow, name: fine; {grant}; nothing was sent"
    ));
    if context.output.is_json() {
        context.output.data("{\"checked\":true}\n")?;
    }
    Ok(())
}

fn subject<'a>(
    inputs: &'a ExchangeInputs,
    purpose: &'a Purpose,
    vault: &UnlockedVault,
) -> Subject<'a> {
    let name = match purpose {
        Purpose::Keep { name, .. } => Some(name.as_str()),
        Purpose::HandOver => None,
    };
    Subject {
        name,
        accounts_domain: &inputs.accounts_domain,
        now: vault.vault().now(),
    }
}

/// Asks for the grant token last, when everything else is known to be fine.
async fn ready(
    args: &ExchangeArgs,
    vault: &UnlockedVault,
    inputs: ExchangeInputs,
    purpose: Purpose,
    terminal: Option<Terminal>,
    context: &mut Context<'_>,
) -> Result<Exchange, CliError> {
    let grant_token = match (&inputs.grant_token, terminal) {
        (Some(token), _) => token.clone(),
        (None, Some(mut terminal)) => {
            let subject = subject(&inputs, &purpose, vault);
            let checked = exchange::check(vault, &purpose, &mut rng()).await;
            checked.map_err(|error| explain::explain(&error, &subject))?;
            let scopes = scopes_to_ask_for(args, &inputs, vault).await?;
            ask_grant_token(&mut terminal, &inputs, &scopes)?
        }
        (None, None) => {
            return Err(CliError::usage(
                "missing_input",
                "the grant token is missing",
            ));
        }
    };
    let grant_expires_at = inputs.grant_expires_at;
    let now = vault.vault().now();
    if let Some(at) = grant_expires_at.filter(|at| *at > now) {
        context.output.note(&explain::life_left(at, now));
    }
    Ok(Exchange {
        purpose,
        accounts_domain: inputs.accounts_domain,
        client_id: inputs.client_id,
        client_secret: inputs.client_secret,
        grant_token,
        grant_expires_at,
        redirect_uri: inputs.redirect_uri,
        code_verifier: inputs.code_verifier,
        api_domain: inputs.api_domain,
        requested_scopes: inputs.grant_scopes.unwrap_or_default(),
        required_scopes: inputs.required_scopes,
        caller_id: None,
    })
}

/// Chooses the scopes that a person is told to paste: the required ones, else those that the
/// connection has.
async fn scopes_to_ask_for(
    args: &ExchangeArgs,
    inputs: &ExchangeInputs,
    vault: &UnlockedVault,
) -> Result<Scopes, CliError> {
    if !inputs.required_scopes.is_empty() || !args.replace {
        return Ok(inputs.required_scopes.clone());
    }
    let Some(name) = &args.name else {
        return Ok(Scopes::default());
    };
    let found = evergrant::connection::find(vault.vault(), name).await;
    let found = found.map_err(|error| crate::cli::vault::explain(&error))?;
    Ok(found
        .map(|connection| connection.scopes)
        .unwrap_or_default())
}

/// Answers, and only then lets go of the escrow.
async fn answer(
    args: &ExchangeArgs,
    vault: &UnlockedVault,
    exchanged: Exchanged,
    started: Instant,
    to_revoke: Option<TransportConfig>,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let kept = exchanged.kept.clone();
    let token = exchanged.refresh_token.as_ref();
    let not_taken = |error| answer::not_taken(error, &kept);
    if context.output.is_json() {
        let answer = answer::Answer::new(&kept, token);
        // Unwrap safety: strings and numbers in a struct always serialise.
        let line = serde_json::to_string(&answer).map_err(|error| {
            CliError::new(Kind::Internal, "json", "the answer cannot be written").cause(error)
        })?;
        context
            .output
            .hand_over(&(line + "\n"))
            .map_err(not_taken)?;
    } else if let Some(token) = token {
        context
            .output
            .hand_over(&format!("{}\n", token.expose_secret()))
            .map_err(not_taken)?;
    }
    context
        .output
        .note(&answer::for_people(&kept, Some(started.elapsed())));
    if args.replace && !kept.replaced {
        context
            .output
            .note("there was nothing to replace: a new connection was made");
    }
    for warning in answer::warnings(&kept) {
        context.output.warn(&warning);
    }
    let finished = exchanged.finish(vault).await;
    finished.map_err(|error| crate::cli::vault::not_finished(&error))?;
    if let Some(transport) = to_revoke {
        revoke::old(vault, transport, &kept, context).await;
    }
    vault.vault().close().await;
    forget_self_client(args, context).await?;
    if kept.missing_scopes.is_empty() {
        Ok(())
    } else {
        Err(answer::missing_scopes(&kept))
    }
}

/// Deletes the self_client.json, which holds the client secret in clear, if the person says so.
async fn forget_self_client(
    args: &ExchangeArgs,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let Some(path) = &args.inputs.self_client else {
        return Ok(());
    };
    let shown = path.display();
    let mut answer = Ok(args.inputs.delete_self_client);
    if answer == Ok(false) && context.attended {
        let question = format!("{shown} holds your client secret in clear. Delete it?");
        answer = lifecycle::ask_meanwhile(move || confirm(&question)).await;
    }
    if answer.is_err() {
        // The cursor stands behind the question still.
        Terminal::open()
            .and_then(|mut terminal| terminal.say(""))
            .ok();
    }
    if answer != Ok(true) {
        context.output.note(&format!(
            "{shown} still holds your client secret in clear: delete it"
        ));
    }
    match answer {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        // The person's answer is still waited for in a thread: only the process's end gives it up.
        Err(signal) => std::process::exit(signal.exit_code().into()),
    }
    fs_err::remove_file(path).map_err(|error| {
        CliError::config(
            "not_deleted",
            format!("{shown} could not be deleted; the connection is kept"),
        )
        .cause(error)
        .next(format!("rm {shown}"))
    })
}

/// Asks at the terminal; without one, and without an answer, the answer is no.
fn confirm(question: &str) -> bool {
    Terminal::open()
        .and_then(|mut terminal| terminal.confirm(question))
        .unwrap_or(false)
}
