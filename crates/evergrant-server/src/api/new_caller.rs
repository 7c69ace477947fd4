//! What the body of `POST /callers` says.

use evergrant::{
    app,
    caller::{ExchangeRight, Mode, NewCaller, Rule},
    clock::Timestamp,
    connection::ConnectionName,
    vault::Vault,
};
use serde::Deserialize;
use zoho_oauth::Scopes;

use super::input::unreadable;
use crate::{
    explain,
    problem::{Code, Problem},
};

/// A caller that is to be added, by the members that [`Caller`](crate::shown::Caller) shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    name: String,
    #[serde(default)]
    connections: Vec<String>,
    #[serde(default)]
    mode: DescribedMode,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<String>,
    exchange: Option<DescribedExchange>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DescribedMode {
    #[default]
    Proxied,
    Direct,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedExchange {
    name: String,
    client_id: String,
}

impl Described {
    /// Makes types of it, and finds the app that it may use.
    pub(super) async fn resolve(self, vault: &Vault) -> Result<NewCaller, Problem> {
        let name_of = |text: &String| text.parse::<ConnectionName>();
        let connections = self.connections.iter().map(name_of);
        let rules = self.rules.iter().map(|text| text.parse::<Rule>());
        Ok(NewCaller {
            name: self.name.parse().map_err(invalid("name"))?,
            connections: (connections.collect::<Result<_, _>>()).map_err(invalid("connections"))?,
            mode: match self.mode {
                DescribedMode::Proxied => Mode::Proxied,
                DescribedMode::Direct => Mode::Direct,
            },
            rules: (rules.collect::<Result<_, _>>()).map_err(invalid("rules"))?,
            scopes: Scopes::parse(&self.scopes.join(",")).map_err(invalid("scopes"))?,
            expires_at: self.expires_at.as_deref().map(moment).transpose()?,
            exchange: match self.exchange {
                Some(exchange) => Some(exchange.resolve(vault).await?),
                None => None,
            },
        })
    }
}

impl DescribedExchange {
    async fn resolve(self, vault: &Vault) -> Result<ExchangeRight, Problem> {
        let name = self.name.parse().map_err(invalid("exchange.name"))?;
        let apps = app::list(vault).await;
        let apps = apps.map_err(|error| explain::vault(&error))?;
        let mut its = apps
            .into_iter()
            .filter(|app| app.client_id.as_str() == self.client_id);
        match (its.next(), its.next()) {
            (Some(app), None) => Ok(ExchangeRight {
                name,
                app_id: app.id,
            }),
            (None, _) => Err(
                Problem::new(Code::Config, "no_such_app", "there is no such app")
                    .next("GET /evergrant/v1/connections shows client IDs"),
            ),
            (Some(_), Some(_)) => Err(unreadable(
                "ambiguous_app",
                "the vault knows several apps of this client ID, in several data centers",
            )
            .next_at_server("evergrant callers add NAME --allow-exchange NAME --app CONNECTION")),
        }
    }
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| unreadable("invalid_input", "expires_at is no time by RFC 3339"))?;
    Ok(Timestamp::from_millis(time.as_millisecond()))
}

/// Says which member is wrong, and why; the value is not repeated.
fn invalid<E: std::fmt::Display>(member: &'static str) -> impl Fn(E) -> Problem {
    move |error| unreadable("invalid_input", format!("{member}: {error}"))
}
