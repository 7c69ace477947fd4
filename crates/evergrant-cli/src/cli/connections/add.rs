//! `evergrant connections add`: an app that speaks for itself, without a refresh token.

use clap::Args;
use evergrant::{
    connection::ConnectionName,
    import::{self, ClientCredentials},
};
use zoho_oauth::Scopes;

use super::{
    not_added::{Subject, explain},
    verify::{added, app_of, broker, collect, complete},
};
use crate::{
    cli::{Context, app_inputs::AppInputArgs, error::CliError, exchange::HttpArgs, vault::rng},
    inputs::{given::required_scopes, import::Held},
};

/// Add a self client that gets access tokens by its own credentials, without a grant
///
/// One call proves that Zoho gives a token; if it does not, nothing is kept.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AddArgs {
    /// Keep the connection under this name
    pub(crate) name: ConnectionName,
    /// Ask with the app's client ID and client secret alone (OAuth's client_credentials)
    #[arg(long, required = true)]
    pub(crate) client_credentials: bool,
    /// What the access tokens may do: scopes or @bundles
    #[arg(long, value_name = "SCOPES", required = true)]
    pub(crate) scope: Vec<String>,
    /// The organisation, where the account has several: the service's name, a dot, the organisation's id
    #[arg(long, value_name = "SOID", value_parser = soid)]
    pub(crate) soid: Option<String>,
    #[command(flatten)]
    pub(crate) app: AppInputArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant connections add robot --client-credentials --scope ZohoCRM.modules.READ --data-center eu
  evergrant connections add robot --client-credentials --scope ZohoCRM.modules.READ \\
      --soid ZohoCRM.123 --app acme

Exit codes: 3 Zoho refuses the app or what it asks for, 6 try later, 7 Zoho cannot be reached";

/// Runs the command.
pub(super) async fn run(args: &AddArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let name = &args.name;
    let scopes: Scopes = required_scopes(&args.scope)?;
    if scopes.is_empty() {
        return Err(CliError::usage("invalid_scope", "--scope names no scope")
            .next("give one, as ZohoCRM.modules.READ"));
    }
    let given = collect(&args.app, Held::default(), context)?.given;
    let broker = broker(&args.http, context).await?;
    let inputs = complete(&args.app, given, name, broker.vault(), context).await?;
    let (app, api_domain) = app_of(inputs);
    let credentials = ClientCredentials {
        name: name.clone(),
        app,
        scopes,
        soid: args.soid.clone(),
        api_domain,
    };
    let token = import::add_client_credentials(&broker, &credentials, &mut rng()).await;
    let subject = Subject {
        name,
        app: &credentials.app,
        file: None,
    };
    match token {
        Ok(token) => {
            let note = format!("{name}: added, without a refresh token");
            added(&token, &[note], &broker, context).await
        }
        Err(error) => Err(explain(&error, &subject, &broker).await),
    }
}

/// Parses an organisation's name
/// (<https://www.zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>).
fn soid(text: &str) -> Result<String, String> {
    let part = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric());
    let parts = text.split_once('.');
    match parts.is_some_and(|(service, id)| part(service) && part(id)) {
        true => Ok(text.to_owned()),
        false => {
            Err("it is the service's name, a dot and the organisation's id, as ZohoCRM.123".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_is_a_service_and_an_id() {
        assert_eq!(soid("ZohoCRM.60012345").unwrap(), "ZohoCRM.60012345");
        for wrong in ["", "123", "ZohoCRM.", ".123", "ZohoCRM.1.2", "ZohoCRM.1 2"] {
            assert!(soid(wrong).is_err(), "{wrong}");
        }
    }
}
