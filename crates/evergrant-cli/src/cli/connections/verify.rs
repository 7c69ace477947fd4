//! What importing and adding have in common: the app's values, the broker that proves them, the result.

use evergrant::{
    Broker,
    app::{self, App},
    broker::Token,
    connection::{self, ConnectionName},
    vault::UnlockedVault,
};
use evergrant_server::explain::warning;
use zoho_oauth::ApiDomain;

use super::{name_taken, shown::Shown};
use crate::{
    cli::{
        Context,
        app_inputs::AppInputArgs,
        error::CliError,
        exchange::{HttpArgs, run::not_found},
        time::rfc3339,
        vault::{self, rng},
    },
    http::HttpSettings,
    inputs::{
        complete::{ExchangeInputs, complete_app},
        given::{Given, app::GivenApp},
        import::Held,
        prompter::Prompter,
    },
};

/// Collects what is given, and warns of what is odd about it.
pub(super) fn collect(
    args: &AppInputArgs,
    held: Held,
    context: &mut Context<'_>,
) -> Result<GivenApp, CliError> {
    let children = context.environment_of_children()?;
    let stdin = context.stdin.secret();
    let given = GivenApp::collect(args, held, context.environment, &children, stdin)?;
    for found in &given.given.warnings {
        context.output.warn(found);
    }
    Ok(given)
}

/// Makes the broker, and on first use the vault.
pub(super) async fn broker(http: &HttpArgs, context: &Context<'_>) -> Result<Broker, CliError> {
    let config = context.config()?;
    let http = HttpSettings::resolve(http, context.environment, &config.http)?;
    let vault = context.unlocked_vault().await?;
    Ok(Broker::new(vault, http.transport, config.limits.0, rng()))
}

/// Fills the gaps from a stored app and by asking; a name that is taken is said before anybody is asked.
pub(super) async fn complete(
    args: &AppInputArgs,
    given: Given,
    name: &ConnectionName,
    vault: &UnlockedVault,
    context: &Context<'_>,
) -> Result<ExchangeInputs, CliError> {
    let explain = |error| vault::explain(&error);
    let taken = connection::find(vault.vault(), name)
        .await
        .map_err(explain)?;
    if taken.is_some() {
        return Err(name_taken(name));
    }
    let stored = match &args.connection {
        None => None,
        Some(name) => {
            let found = app::find_by_connection(vault, name.as_str()).await;
            Some(found.map_err(explain)?.ok_or_else(|| not_found(name))?)
        }
    };
    let mut terminal = context.prompter();
    let prompter = terminal
        .as_mut()
        .map(|terminal| terminal as &mut dyn Prompter);
    complete_app(given, stored, prompter)
}

/// Takes the app and its API domain.
pub(super) fn app_of(inputs: ExchangeInputs) -> (App, Option<ApiDomain>) {
    let app = App {
        client_id: inputs.client_id,
        accounts_domain: inputs.accounts_domain,
        client_secret: inputs.client_secret,
    };
    (app, inputs.api_domain)
}

/// Says that there is a new connection.
pub(super) async fn added(
    token: &Token,
    notes: &[String],
    broker: &Broker,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let (name, vault) = (token.connection(), broker.vault().vault());
    for found in token.warnings() {
        context.output.warn(&warning(found, name));
    }
    context.output.note(&format!(
        "{name}: it works; its first access token lives until {}",
        rfc3339(token.expires_at())
    ));
    for note in notes {
        context.output.note(note);
    }
    if token.api_domain().is_none() {
        context.output.note(&format!(
            "{name}: where its access tokens go is not known: evergrant connections set {name} --api-domain URL"
        ));
    }
    if context.output.is_json() {
        let found = connection::find(vault, name).await;
        let found = found.map_err(|error| vault::explain(&error))?;
        let limits = context.config()?.limits.0;
        let shown = found.as_ref().map(|found| Shown::new(found, &limits));
        context.output.result(&shown, |_| String::new())?;
    }
    vault.close().await;
    Ok(())
}
