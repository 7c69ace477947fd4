//! What a successful exchange says: one object on standard output, or words for a person.

use evergrant::{
    clock::Timestamp,
    connection::PLACES,
    exchange::{ApiDomainDoubt, Kept},
};
use serde::Serialize;
use zoho_oauth::{Defect, RefreshToken};

use crate::cli::{
    error::{CliError, GrantFate},
    exit_code::Kind,
    output::Warning,
    time,
};

/// The object of `--json`.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    connection: Option<&'a str>,
    outcome: &'static str,
    data_center: Option<&'static str>,
    accounts_domain: &'a str,
    api_domain: Option<&'a str>,
    client_id: &'a str,
    scopes: Vec<String>,
    missing_scopes: Vec<String>,
    access_token_expires_at: Option<String>,
    attempts: u32,
    places: Places,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

#[derive(Serialize)]
struct Places {
    used: u32,
    of: u32,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(kept: &'a Kept, refresh_token: Option<&'a RefreshToken>) -> Self {
        let words = |scopes: &zoho_oauth::Scopes| {
            scopes
                .iter()
                .map(|scope| scope.as_str().to_owned())
                .collect()
        };
        Self {
            connection: kept
                .name
                .as_ref()
                .map(evergrant::connection::ConnectionName::as_str),
            outcome: match (refresh_token, kept.replaced) {
                (Some(_), _) => "handed_over",
                (None, true) => "replaced",
                (None, false) => "created",
            },
            data_center: kept.accounts_domain.data_center().map(|center| center.code),
            accounts_domain: kept.accounts_domain.as_str(),
            api_domain: kept.api_domain.as_ref().map(zoho_oauth::ApiDomain::as_str),
            client_id: kept.client_id.as_str(),
            scopes: words(&kept.scopes),
            missing_scopes: words(&kept.missing_scopes),
            access_token_expires_at: kept.access_token_expires_at.map(time::rfc3339),
            attempts: kept.attempts,
            places: Places {
                used: kept.places_used,
                of: PLACES,
            },
            refresh_token: refresh_token.map(RefreshToken::expose_secret),
        }
    }
}

/// Tells a person what was kept.
pub(crate) fn for_people(kept: &Kept, took: Option<std::time::Duration>) -> String {
    let took = took
        .map(|took| format!(" in {} ms", took.as_millis()))
        .unwrap_or_default();
    let what = match &kept.name {
        Some(name) if kept.replaced => {
            format!("{name}: the new refresh token is kept{took}, the old one too")
        }
        Some(name) => format!("{name}: kept{took}, the refresh token sealed in the vault"),
        None => format!("the refresh token was handed over{took}, and is not kept"),
    };
    let mut text = what;
    let mut line = |label: &str, value: &str| text.push_str(&format!("\n  {label:<13}{value}"));
    line("accounts", kept.accounts_domain.as_str());
    line(
        "API",
        kept.api_domain
            .as_ref()
            .map_or("unknown", zoho_oauth::ApiDomain::as_str),
    );
    let scopes = kept.scopes.to_console_string();
    line(
        "scopes",
        if scopes.is_empty() {
            "Zoho did not say"
        } else {
            &scopes
        },
    );
    if let Some(expires_at) = kept.access_token_expires_at {
        line(
            "access token",
            &format!("until {}", time::rfc3339(expires_at)),
        );
    }
    line(
        "places",
        &format!(
            "{} of the {PLACES} refresh tokens that Zoho keeps are ours",
            kept.places_used
        ),
    );
    text
}

/// Lists what is odd about it.
pub(crate) fn warnings(kept: &Kept) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, message| warnings.push(Warning::new(code, message));
    let name = kept
        .name
        .as_ref()
        .map_or("NAME", evergrant::connection::ConnectionName::as_str);
    if let Some(wished) = &kept.wished {
        warn(
            "name_taken",
            format!("the name {wished} was taken meanwhile; the connection is kept as {name}"),
        );
    }
    let set = format!("evergrant connections set {name} --api-domain URL");
    match &kept.api_domain_doubt {
        Some(ApiDomainDoubt::Foreign(foreign)) => warn(
            "foreign_api_domain",
            format!(
                "{foreign}: it is not stored, since access tokens would be sent there; if it is right, say so: {set} --custom-api-domain"
            ),
        ),
        Some(ApiDomainDoubt::Missing) => match &kept.api_domain {
            Some(domain) => warn(
                "no_api_domain",
                format!("Zoho named no API domain; {domain} of the data center stands in"),
            ),
            None => warn(
                "no_api_domain",
                format!("Zoho named no API domain; say which it is: {set}"),
            ),
        },
        _ => {}
    }
    if let Some(defect) = &kept.defect {
        warn(
            "odd_reply",
            format!(
                "Zoho's reply was odd: {}; its refresh token is taken all the same",
                odd(defect)
            ),
        );
    }
    if kept.places_used > PLACES {
        warn(
            "places_full",
            format!("Zoho keeps {PLACES} refresh tokens and has pushed out the oldest"),
        );
    } else if kept.places_used == PLACES {
        warn(
            "places_full",
            format!(
                "all {PLACES} places at Zoho are taken: the next exchange pushes out the oldest refresh token"
            ),
        );
    }
    if kept.scopes.is_empty() && !kept.scopes_are_zohos {
        warn(
            "scopes_unknown",
            "Zoho did not say which scopes were granted, so none could be checked".to_owned(),
        );
    }
    warnings
}

fn odd(defect: &Defect) -> String {
    match defect {
        Defect::ErrorBeside(word) => format!("the error {word} stands beside the tokens"),
        Defect::Cut => "it was cut short".to_owned(),
        Defect::TooLarge => "it is longer than 60 KiB".to_owned(),
        Defect::Broken => "it is no whole JSON object".to_owned(),
        Defect::Status(status) => format!("its HTTP status is {status}"),
        _ => "it is not as Zoho documents it".to_owned(),
    }
}

/// Says which scopes are missing, after all is kept.
pub(crate) fn missing_scopes(kept: &Kept) -> CliError {
    let missing = kept.missing_scopes.to_console_string();
    let message = format!("the refresh token is safe, but lacks scopes: {missing}");
    let error = CliError::new(Kind::ScopeMissing, "scope_missing", message)
        .cause("a refresh cannot widen scopes: that takes a new grant token")
        .next(format!(
            "make a grant token with these scopes: {}",
            kept.scopes.with(&kept.missing_scopes).to_console_string()
        ));
    match &kept.name {
        Some(name) => error
            .next(format!("evergrant exchange {name} --replace"))
            .connection(name.as_str()),
        None => error,
    }
}

/// Says where the refresh token is when standard output did not take the answer.
pub(crate) fn not_taken(error: CliError, kept: &Kept) -> CliError {
    let error = error.grant(GrantFate::Spent);
    match &kept.name {
        Some(name) => error
            .cause(format!("{name} is kept in the vault all the same"))
            .next(format!("evergrant connections show {name}"))
            .connection(name.as_str()),
        None => error
            .cause("the refresh token is safe in escrow, and nowhere else")
            .next("evergrant recover     puts it into the vault"),
    }
}

/// Tells the past of an exchange.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    match at.until(now) {
        past if past.as_secs() < 10 => "just now".to_owned(),
        past => format!("{} ago", time::span(past)),
    }
}
