//! Looking at a running server, from where its callers are.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use evergrant::clock::{Clock, Timestamp};
use evergrant_server::PublicUrl;
use http::Request;
use serde_json::Value;
use zoho_oauth::{Reply, Transport, TransportConfig};

use super::{Check, checks::PATIENCE};
use crate::{
    cli::{
        Context,
        error::CliError,
        exchange::{HttpArgs, explain},
        exit_code::Kind,
        time::span,
    },
    http::HttpSettings,
    socket::{self, Found},
};

/// How far two clocks may be apart: `Date` counts whole seconds, and a reply takes its time.
const CLOSE: Duration = Duration::from_secs(5);

/// Runs all checks of a server. One that needs what an earlier one found broken is left out.
pub(super) async fn all(
    url: &PublicUrl,
    ca_file: Option<&Path>,
    context: &Context<'_>,
) -> Vec<Check> {
    let transport = match transport(ca_file, context) {
        Ok(transport) => transport,
        Err(error) => return vec![Check::fail("server", &error)],
    };
    let described = match get(&transport, url, "/evergrant/v1/openapi.json").await {
        Ok(described) => described,
        Err(error) => return vec![Check::fail("server", &error)],
    };
    let mut checks = vec![reached(url), version(&described)];
    if checks[1].kind.is_none() {
        checks.push(clock(&described, Clock::system().now()));
        checks.push(public_url(&transport, url).await);
    }
    checks.push(socket(context));
    checks
}

fn transport(ca_file: Option<&Path>, context: &Context<'_>) -> Result<Transport, CliError> {
    let http = &context.config()?.http;
    let given = HttpArgs {
        ca_file: ca_file.map(Path::to_owned),
        ..HttpArgs::default()
    };
    let settings = HttpSettings::resolve(&given, context.environment, http)?;
    let settings = settings.transport;
    Ok(Transport::new(TransportConfig {
        silence: settings.silence.min(PATIENCE),
        ..settings
    }))
}

async fn get(transport: &Transport, url: &PublicUrl, path: &str) -> Result<Reply, CliError> {
    let origin = url.as_str();
    let failed = |kind, reason, next: &str, error: &dyn std::error::Error| {
        CliError::new(kind, reason, error.to_string()).next(next)
    };
    let connection = transport.connect(origin).await.map_err(|error| {
        let host = url.authority();
        let is_loopback = host.starts_with("127.") || host.starts_with("localhost");
        let (kind, reason, next) = explain::not_connected(&error, is_loopback);
        if reason == "certificate_not_trusted" {
            let next = match error.to_string().contains("CA:TRUE") {
                true => {
                    "give the server a certificate with basicConstraints CA:FALSE, of that authority or self-signed"
                }
                false => "name the authority of its certificate: --ca-file FILE",
            };
            return failed(kind, reason, next, &error);
        }
        if speaks_no_tls(&error) {
            let next = "it speaks no TLS there: begin the URL with http://";
            return failed(Kind::Config, "no_tls", next, &error);
        }
        match kind {
            Kind::Config => failed(kind, reason, next, &error),
            _ => failed(
                kind,
                reason,
                "see that `evergrant serve` runs there, and what lies between",
                &error,
            ),
        }
    })?;
    let request = Request::get(format!("{origin}{path}")).body(Bytes::new());
    let request = request.map_err(|error| {
        CliError::usage("invalid_input", "this is no server's address").cause(error)
    })?;
    connection.send(request).await.map_err(|error| {
        let next = match url.as_str().starts_with("http:") {
            true => {
                "begin the URL with https:// if it speaks TLS there; see what answers: curl -v URL"
            }
            false => "see what answers there: curl -v URL",
        };
        failed(Kind::Unavailable, "unavailable", next, &error)
    })
}

/// Tells whether something answered a handshake of TLS in another language.
fn speaks_no_tls(error: &dyn std::error::Error) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .any(|cause| cause.contains("InvalidContentType"))
}

fn reached(url: &PublicUrl) -> Check {
    let tls = match url.as_str().starts_with("https:") {
        true => "by TLS, with a certificate that is trusted",
        false => "without TLS",
    };
    Check::ok("server", format!("{} is reached {tls}", url.as_str()))
}

fn version(described: &Reply) -> Check {
    let info = serde_json::from_slice(&described.body)
        .map(|description: Value| description["info"].clone());
    let info = info.unwrap_or_default();
    match (info["title"].as_str(), info["version"].as_str()) {
        (Some("Evergrant"), Some(version)) => {
            let ours = env!("CARGO_PKG_VERSION");
            let message = format!("Evergrant {version}");
            match version == ours {
                true => Check::ok("version", message),
                false => Check::warn(
                    "version",
                    format!("{message}, and this is {ours}"),
                    "install the same version on both",
                ),
            }
        }
        _ => {
            let message = format!(
                "what answers there is no Evergrant: status {}",
                described.status
            );
            let error = CliError::config("no_evergrant", message)
                .next("see the address, and where what is in front of the server leads");
            Check::fail("version", &error)
        }
    }
}

fn clock(reply: &Reply, now: Timestamp) -> Check {
    let date = reply
        .date
        .as_deref()
        .and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(theirs) = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok()) else {
        return Check::warn(
            "clock",
            "the server does not say what time it is",
            "see what is in front of it",
        );
    };
    let ours = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
    let apart = ours.abs_diff(theirs);
    if apart <= CLOSE {
        return Check::ok("clock", "as the server's");
    }
    let message = format!("{} apart from the server's", span(apart));
    Check::warn("clock", message, "set both: timedatectl set-ntp true")
}

/// Looks whether what callers are told as the server's address leads to it.
async fn public_url(transport: &Transport, url: &PublicUrl) -> Check {
    let told = match get(transport, url, "/oauth/serverinfo").await {
        Ok(told) => told,
        Err(error) => return Check::fail("public_url", &error),
    };
    let Some(public) = location(&told) else {
        let message = "the server does not say by what it is known";
        return Check::warn("public_url", message, "see what is in front of it");
    };
    let back = get(transport, &public, "/oauth/serverinfo").await;
    let is_same = back
        .as_ref()
        .is_ok_and(|back| location(back) == Some(public.clone()));
    let public = public.as_str();
    match is_same {
        true => Check::ok("public_url", format!("{public} leads to it")),
        false => {
            let why = match back {
                Ok(back) => format!("something else answers there: status {}", back.status),
                Err(error) => error.to_string(),
            };
            let message =
                format!("callers are told {public}, which does not lead to it from here: {why}");
            let next =
                "name in the server's config.toml what leads to it: public_url under [server]";
            Check::warn("public_url", message, next)
        }
    }
}

fn location(reply: &Reply) -> Option<PublicUrl> {
    let told: Value = serde_json::from_slice(&reply.body).ok()?;
    let locations = told["locations"].as_object()?;
    locations.values().next()?.as_str()?.parse().ok()
}

/// Looks whether a server of this machine answers this user without a key.
fn socket(context: &Context<'_>) -> Check {
    for place in socket::places(context.options.home.as_deref(), context.environment) {
        let shown = place.display();
        match socket::connect(&place) {
            Found::Nobody => {}
            Found::Untrusted => {
                let next = "see who put it there, or name another: EVERGRANT_SOCKET=PATH";
                return Check::warn("socket", format!("{shown} is another user's"), next);
            }
            Found::Server(stream) => match socket::may_ask(stream) {
                Ok(()) => return Check::ok("socket", format!("{shown} answers this user")),
                Err(error) => {
                    let next = error.steps().first().cloned().unwrap_or_default();
                    return Check::warn("socket", format!("{shown}: {error}"), next);
                }
            },
        }
    }
    Check::ok(
        "socket",
        "none here: `evergrant token` works on the vault itself",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_said() {
        let reply = |date: &str| Reply {
            status: 200,
            content_type: None,
            location: None,
            date: Some(date.to_owned()),
            body: Vec::new().into(),
            end: zoho_oauth::ReplyEnd::Complete,
        };
        let now = Timestamp::from_millis(1_800_000_000_000);
        let status = |date: &str| clock(&reply(date), now).status;
        assert_eq!(
            status("Fri, 15 Jan 2027 08:00:02 GMT"),
            super::super::Status::Ok
        );
        assert_eq!(
            status("Fri, 15 Jan 2027 07:59:00 GMT"),
            super::super::Status::Warn
        );
        assert_eq!(status("noon"), super::super::Status::Warn);
    }
}
