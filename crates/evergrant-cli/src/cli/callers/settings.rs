//! What a caller's software needs in its settings, printed once.

use clap::ValueEnum;
use evergrant::{
    caller::{Caller, Handle, Issued, Mode},
    connection::ConnectionName,
    vault::Vault,
};
use evergrant_server::shown::Credentials;
use serde_json::{Map, Value};
use zoho_oauth::ClientSecret;

use super::shown::Shown;
use crate::cli::{Context, error::CliError, exit_code::Kind, vault};

/// A form in which the settings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A JSON object of process variables: AccountsDomain, ApiDomain, ZohoClientId, ZohoClientSecret,
    /// ZohoRefreshToken. With several connections, an object of such objects by their names
    Variables,
    /// The same as lines of an `.env` file: ZOHO_ACCOUNTS_DOMAIN and so on. For one connection
    Env,
    /// One JSON object with the caller too, as with --json
    Json,
}

impl Format {
    /// Chooses the form: a flag, else `--json`, else process variables. Fails if two were asked for, or if the form
    /// does not hold as many connections.
    pub(super) fn choose(
        asked: Option<Self>,
        connections: usize,
        context: &Context<'_>,
    ) -> Result<Self, CliError> {
        match (asked, context.output.is_json()) {
            (None | Some(Self::Json), true) => Ok(Self::Json),
            (Some(_), true) => Err(CliError::usage(
                "two_formats",
                "--json and --format ask for two forms of the settings",
            )
            .next("give one of them")),
            (Some(Self::Env), false) if connections > 1 => Err(CliError::usage(
                "too_many_connections",
                "an .env file holds the settings of one connection",
            )
            .next("--format variables or --format json")
            .next("or a caller for each connection")),
            (asked, false) => Ok(asked.unwrap_or(Self::Variables)),
        }
    }
}

/// Refuses to make what nobody would see.
pub(super) fn check_taken(context: &Context<'_>) -> Result<(), CliError> {
    if !context.discarded {
        return Ok(());
    }
    Err(CliError::usage(
        "stdout_discarded",
        "standard output is closed or leads to /dev/null: the credentials would be lost",
    )
    .cause("they are shown once; nothing was done")
    .next("lead standard output to a file that only you can read, or to a program"))
}

/// All that is printed of a caller.
pub(super) struct Settings {
    accounts_domain: String,
    pub(super) caller: Caller,
    /// `None` if it goes on with the one that it has.
    client_secret: Option<ClientSecret>,
    handles: Vec<(ConnectionName, Handle)>,
    /// The API domain of each handle, where it is known.
    api_domains: Vec<Option<String>>,
}

/// One setting by both its names.
type Setting = (&'static str, &'static str, String);

impl Settings {
    pub(super) async fn new(
        issued: Issued,
        vault: &Vault,
        context: &Context<'_>,
    ) -> Result<Self, CliError> {
        let secret = Some(issued.client_secret);
        Self::of(issued.caller, secret, issued.handles, vault, context).await
    }

    /// Returns those of handles that a caller got beside the client secret which it has.
    pub(super) async fn connected(
        caller: Caller,
        handles: Vec<(ConnectionName, Handle)>,
        vault: &Vault,
        context: &Context<'_>,
    ) -> Result<Self, CliError> {
        Self::of(caller, None, handles, vault, context).await
    }

    async fn of(
        caller: Caller,
        client_secret: Option<ClientSecret>,
        handles: Vec<(ConnectionName, Handle)>,
        vault: &Vault,
        context: &Context<'_>,
    ) -> Result<Self, CliError> {
        let ours = context.config()?.server.public_url();
        let api_domains = Credentials::api_domains(caller.mode, &handles, ours.as_str(), vault);
        let api_domains = api_domains.await.map_err(|error| vault::explain(&error))?;
        Ok(Self {
            accounts_domain: ours.as_str().to_owned(),
            caller,
            client_secret,
            handles,
            api_domains,
        })
    }

    /// Lists the connections whose API domain nobody knows yet.
    pub(super) fn without_api_domain(&self) -> impl Iterator<Item = &ConnectionName> {
        let handles = self.handles.iter().zip(&self.api_domains);
        handles.filter_map(|((name, _), domain)| domain.is_none().then_some(name))
    }

    /// Writes them in this form.
    pub(super) async fn text(&self, format: Format, vault: &Vault) -> Result<String, CliError> {
        match format {
            Format::Variables => pretty(&self.variables()),
            Format::Env => Ok(self.lines()),
            Format::Json => {
                let caller = Shown::one(&self.caller, vault).await;
                let caller = caller.map_err(|error| vault::explain(&error))?;
                let (ours, api_domains) = (&self.accounts_domain, &self.api_domains);
                let (of, handles) = (&self.caller, &self.handles);
                let answer = Credentials::new(of, handles, caller, ours, api_domains);
                let answer = Credentials {
                    client_secret: self.client_secret.as_ref().map(ClientSecret::expose_secret),
                    ..answer
                };
                let line = serde_json::to_string(&answer).map_err(unwritable)?;
                Ok(line + "\n")
            }
        }
    }

    fn variables(&self) -> Value {
        let object = |settings: Vec<Setting>| {
            let pairs = settings.into_iter();
            let pairs = pairs.map(|(name, _, value)| (name.to_owned(), Value::String(value)));
            Value::Object(pairs.collect())
        };
        let mut all = self.each();
        match all.len() {
            0 => object(self.shared(self.own_api_domain())),
            1 => object(all.remove(0).1),
            _ => {
                let named = all
                    .into_iter()
                    .map(|(name, own)| (name.to_string(), object(own)));
                Value::Object(named.collect::<Map<_, _>>())
            }
        }
    }

    fn lines(&self) -> String {
        let own = self
            .each()
            .pop()
            .map_or_else(|| self.shared(self.own_api_domain()), |(_, own)| own);
        own.iter()
            .map(|(_, name, value)| format!("{name}={value}\n"))
            .collect()
    }

    /// Returns the API domain of connections that are still to come, where it is the same for all of them.
    fn own_api_domain(&self) -> Option<&str> {
        (self.caller.mode == Mode::Proxied).then_some(self.accounts_domain.as_str())
    }

    /// Lists the settings for each connection.
    fn each(&self) -> Vec<(&ConnectionName, Vec<Setting>)> {
        let handles = self.handles.iter().zip(&self.api_domains);
        handles
            .map(|((name, handle), api_domain)| {
                let mut own = self.shared(api_domain.as_deref());
                let handle = handle.expose_secret().to_owned();
                own.push(("ZohoRefreshToken", "ZOHO_REFRESH_TOKEN", handle));
                (name, own)
            })
            .collect()
    }

    fn shared(&self, api_domain: Option<&str>) -> Vec<Setting> {
        let mut settings = vec![(
            "AccountsDomain",
            "ZOHO_ACCOUNTS_DOMAIN",
            self.accounts_domain.clone(),
        )];
        let api_domain = api_domain.map(str::to_owned);
        settings.extend(api_domain.map(|domain| ("ApiDomain", "ZOHO_API_DOMAIN", domain)));
        let client_id = self.caller.client_id.to_string();
        settings.push(("ZohoClientId", "ZOHO_CLIENT_ID", client_id));
        settings.extend(self.client_secret.as_ref().map(|secret| {
            let secret = secret.expose_secret().to_owned();
            ("ZohoClientSecret", "ZOHO_CLIENT_SECRET", secret)
        }));
        settings
    }
}

fn pretty(value: &Value) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value).map_err(unwritable)?;
    Ok(text + "\n")
}

fn unwritable(error: serde_json::Error) -> CliError {
    let message = "the settings cannot be written as JSON";
    CliError::new(Kind::Internal, "json", message).cause(error)
}
