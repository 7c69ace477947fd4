//! `evergrant connections import`: a refresh token that another program has, taken over.

use std::path::PathBuf;

use clap::Args;
use evergrant::{
    connection::ConnectionName,
    import::{self, Import},
};
use zoho_oauth::ApiDomain;

use super::{
    not_added::{Subject, explain},
    verify::{added, app_of, broker, collect, complete},
};
use crate::{
    cli::{
        Context, app_inputs::AppInputArgs, error::CliError, exchange::HttpArgs, output::Warning,
        vault::rng,
    },
    inputs::import::{Format, Held},
};

/// Take over a refresh token from another program's file
///
/// One refresh proves that it works; if it does not, nothing is kept. The file is left alone. What it does not
/// hold comes from the other options, the environment, or is asked for at a terminal.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// Keep the connection under this name
    pub(crate) name: ConnectionName,
    /// Read this file of another program
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// What the file is, if its content does not show it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<Format>,
    /// Take the row with this id, if the SDK's token store has several
    #[arg(long, value_name = "ID")]
    pub(crate) row: Option<String>,
    #[command(flatten)]
    pub(crate) app: AppInputArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant connections import acme --from sdk_tokens.txt
  evergrant connections import acme --from sdk_tokens.txt --row 9f1c2e --data-center eu
  evergrant connections import acme --from .env
  evergrant connections import acme --from tokens.json --client-id 1000.ABC \\
      --client-secret-file secret --data-center eu

Exit codes: 3 known already, or the app is refused, 4 the token is dead, 6 try later, 7 Zoho out of reach";

/// Runs the command.
pub(super) async fn run(args: &ImportArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let (path, name) = (&args.from, &args.name);
    let shown = path.display();
    let mut warnings = Vec::new();
    let held = Held::read(path, args.format, args.row.as_deref(), &mut warnings);
    warnings.iter().for_each(|found| context.output.warn(found));
    let held = held?;
    let missing = held.missing().join(", ");
    let mut given = collect(&args.app, held, context)?;
    let refresh_token = given.refresh_token.take().ok_or_else(|| {
        CliError::config(
            "no_refresh_token",
            format!("there is no refresh token in {shown}"),
        )
        .next("evergrant connections import --help")
    })?;
    let is_an_answer = given.api_domain_is_an_answer;
    let broker = broker(&args.http, context).await?;
    let completed = complete(&args.app, given.given, name, broker.vault(), context).await;
    let inputs = completed.map_err(|error| match missing.is_empty() {
        true => error,
        false => error.cause(format!("{shown} does not hold: {missing}")),
    })?;
    let (app, api_domain) = app_of(inputs);
    let domain = &app.accounts_domain;
    let is_foreign = |answer: &ApiDomain| ApiDomain::from_reply(answer.as_str(), domain).is_err();
    let api_domain = match api_domain {
        Some(answer) if is_an_answer && !args.app.custom_api_domain && is_foreign(&answer) => {
            context.output.warn(&Warning::new("foreign_api_domain", format!(
                "{answer} in {shown} is no API domain of Zoho's, and is not used: give --custom-api-domain if it is right"
            )));
            None
        }
        other => other,
    };
    let import = Import {
        name: name.clone(),
        app,
        refresh_token,
        api_domain,
    };
    let token = import::import(&broker, &import, &mut rng()).await;
    let subject = Subject {
        name,
        app: &import.app,
        file: Some(path),
    };
    let token = match token {
        Ok(token) => token,
        Err(error) => return Err(explain(&error, &subject, &broker).await),
    };
    let notes = [
        format!("{name}: taken over from {shown}"),
        format!(
            "{shown} is left alone, and holds its secrets in clear: delete it once every program asks Evergrant, \
             as by `evergrant token {name}`"
        ),
    ];
    added(&token, &notes, &broker, context).await
}
