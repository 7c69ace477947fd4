//! What to say when an exchange brought nothing: what happened, why, what to do next.

mod refusal;

use evergrant::{
    clock::Timestamp,
    connection::ConnectionName,
    exchange::{Earlier, ExchangeError, GrantFate, KnownToken, NotKept},
};
use zoho_oauth::{AccountsDomain, ConnectError, Unreadable, UnreadableKind};

use self::refusal::refused;
use super::answer::ago;
use crate::cli::{
    error::{self, CliError, ZohoAnswer},
    exit_code::Kind,
    time, vault,
};

/// Whose exchange failed, and when.
pub(crate) struct Subject<'a> {
    /// The connection that it was for.
    pub(crate) name: Option<&'a str>,
    pub(crate) accounts_domain: &'a AccountsDomain,
    pub(crate) now: Timestamp,
}

impl Subject<'_> {
    /// Returns the command that begins anew.
    fn again(&self) -> String {
        format!(
            "evergrant exchange {}",
            self.name.unwrap_or("--print-refresh-token")
        )
    }

    /// Says where a new grant token is made.
    fn new_grant(&self) -> String {
        match self.accounts_domain.data_center() {
            Some(center) => format!(
                "make a new grant token: {}, your self client, Generate Code",
                center.api_console
            ),
            None => "make a new grant token".to_owned(),
        }
    }
}

/// Turns an error into what is said of it.
pub(crate) fn explain(error: &ExchangeError, subject: &Subject<'_>) -> CliError {
    let explained = explain_kind(error, subject).grant(fate(error.grant()));
    match subject.name {
        Some(name) => explained.connection(name),
        None => explained,
    }
}

fn fate(fate: GrantFate) -> error::GrantFate {
    match fate {
        GrantFate::Unspent => error::GrantFate::Unspent,
        GrantFate::Unknown => error::GrantFate::Unknown,
        GrantFate::Spent => error::GrantFate::Spent,
    }
}

fn explain_kind(error: &ExchangeError, subject: &Subject<'_>) -> CliError {
    match error {
        ExchangeError::NameTaken(name) => name_taken(name),
        ExchangeError::GrantExpired { at } => {
            let message = format!("the grant token died {}", ago(*at, subject.now));
            CliError::new(Kind::GrantDead, "grant_expired", message)
                .cause("nothing was sent")
                .next(subject.new_grant())
                .next(subject.again())
        }
        ExchangeError::KnownGrant(earlier) => known_grant(earlier, subject),
        ExchangeError::KnownToken(known) => known_token(known, subject),
        ExchangeError::Vault(error) => {
            vault::explain(error).cause("nothing was sent: the grant token is whole")
        }
        ExchangeError::Escrow(source) => {
            CliError::new(Kind::Vault, "no_escrow", "the escrow file cannot be made")
                .cause(source)
                .cause("without it a reply could be lost, so nothing was sent: the grant token is whole")
                .next("make room on the disk, or see that the data folder is yours to write")
        }
        ExchangeError::Connect { error, attempts } => connect(error, *attempts, subject),
        ExchangeError::NoAnswer => {
            CliError::new(Kind::GrantDead, "no_answer", "Zoho did not answer, and what became of the grant token is unknown")
                .cause("the request was sent once and not again: a server may revoke what the first one brought")
                .cause("if Zoho did act on it, an unused refresh token holds one of the twenty places")
                .next(subject.new_grant())
                .next(subject.again())
        }
        ExchangeError::AnswerLost { attempts, reason } => {
            CliError::new(Kind::Unavailable, "answer_lost", format!("Zoho's answer was lost{}", times(*attempts)))
                .cause(reason)
                .cause("what became of the grant token is unknown")
                .next(format!("{}     while the grant token lives", subject.again()))
        }
        ExchangeError::Refused { refusal, answer_lost, attempts } => {
            refused(refusal, *answer_lost, *attempts, subject).zoho(ZohoAnswer {
                http_status: Some(refusal.http_status),
                error: Some(refusal.word.as_str().to_owned()),
                error_description: refusal.description.clone(),
            })
        }
        ExchangeError::Unreadable { unreadable, attempts } => {
            unreadable_reply(unreadable, *attempts, subject).zoho(ZohoAnswer {
                http_status: Some(unreadable.http_status),
                error: None,
                error_description: None,
            })
        }
        ExchangeError::NoRefreshToken => {
            CliError::new(Kind::NewGrantNeeded, "no_refresh_token", "Zoho sent an access token, but no refresh token")
                .cause("the consent was given without offline access, or this user had consented before")
                .next("ask for consent with access_type=offline and prompt=consent, or make the grant token in a self client")
                .next(subject.again())
        }
        ExchangeError::NotKept(not_kept) => not_in_vault(not_kept),
        _ => CliError::new(Kind::Internal, "exchange", error.to_string()),
    }
}

/// Says that another connection has the name.
pub(crate) fn name_taken(name: &ConnectionName) -> CliError {
    CliError::config("name_taken", format!("the name {name} is taken"))
        .cause("nothing was sent: the grant token is whole")
        .next(format!(
            "evergrant exchange {name} --replace     to put the new refresh token in its place"
        ))
        .next("or choose another name; `evergrant connections list` shows those there are")
        .grant(error::GrantFate::Unspent)
        .connection(name.as_str())
}

fn known_grant(earlier: &Earlier, subject: &Subject<'_>) -> CliError {
    let when = ago(earlier.at, subject.now);
    let name = earlier.name.as_deref().unwrap_or("its refresh token");
    let became = match (earlier.state, &earlier.reason) {
        ("done", _) if earlier.name.is_none() => {
            format!("{when} it brought its refresh token, which was handed over and is not kept")
        }
        ("done", _) => format!("{when} it brought {name}, which is kept"),
        ("spent", Some(reason)) => format!("{when} Zoho answered {reason}"),
        ("prepared", _) => format!("another process began to exchange it {when}"),
        ("discarded", _) => format!("its exchange was given up {when}"),
        _ => format!("it was sent {when} and no answer is here: what became of it is unknown"),
    };
    let error = CliError::new(
        Kind::GrantDead,
        "grant_used",
        "this grant token was used before",
    )
    .cause(became)
    .cause("nothing was sent");
    match earlier.state {
        "done" if earlier.name.is_none() => error
            .next("look for the refresh token where that exchange's standard output led")
            .next(subject.new_grant()),
        "done" => error
            .next("evergrant connections list")
            .next(subject.new_grant()),
        "prepared" => error.next("wait for the other process, then `evergrant recover`"),
        _ => error.next(subject.new_grant()).next(subject.again()),
    }
}

fn known_token(known: &KnownToken, subject: &Subject<'_>) -> CliError {
    let what = match known {
        KnownToken::RefreshToken(name) => {
            format!("it is the refresh token of the connection {name}")
        }
        KnownToken::AccessToken => "it is an access token".to_owned(),
    };
    CliError::config("not_a_grant_token", "this is not a grant token")
        .cause(what)
        .cause("all three kinds look alike; nothing was sent")
        .next(subject.new_grant())
}

fn connect(error: &ConnectError, attempts: u32, subject: &Subject<'_>) -> CliError {
    let message = format!("{error}{}", times(attempts));
    let (kind, reason, next) = not_connected(error, subject.accounts_domain.is_loopback());
    let explained =
        CliError::new(kind, reason, message).cause("nothing was sent: the grant token is whole");
    let source = std::error::Error::source(error).map(ToString::to_string);
    source
        .into_iter()
        .fold(explained, CliError::cause)
        .next(next)
}

/// Says of a failure to connect of what kind it is, by which word it goes, and what to do next.
pub(crate) fn not_connected(
    error: &ConnectError,
    to_loopback: bool,
) -> (Kind, &'static str, &'static str) {
    match error {
        ConnectError::Untrusted { .. } => (
            Kind::Config,
            "certificate_not_trusted",
            "if a proxy of yours shows its own certificate, name its authority: --ca-file FILE of an exchange, or ca_file under [http] in config.toml",
        ),
        ConnectError::BadRoots { .. } => (
            Kind::Config,
            "bad_roots",
            "name a file of certificate authorities in PEM form: --ca-file FILE",
        ),
        ConnectError::BadProxy { .. } => (
            Kind::Config,
            "bad_proxy",
            "correct HTTPS_PROXY: http://[user:password@]host[:port]",
        ),
        ConnectError::InvalidOrigin => (
            Kind::Config,
            "unknown_host",
            "evergrant data-centers     lists Zoho's accounts domains",
        ),
        ConnectError::Dns { .. } => (
            Kind::Unavailable,
            "host_not_found",
            "see that the accounts domain is right and that this machine resolves names",
        ),
        ConnectError::Tls { .. } => (
            Kind::Unavailable,
            "not_reached",
            "see that what answers there speaks TLS, and that nothing on the way breaks it",
        ),
        _ if to_loopback => (
            Kind::Unavailable,
            "not_reached",
            "see that the server on this machine runs; `evergrant simulate` is one",
        ),
        _ => (
            Kind::Unavailable,
            "not_reached",
            "see that this machine reaches the internet, or set HTTPS_PROXY",
        ),
    }
}

fn unreadable_reply(unreadable: &Unreadable, attempts: u32, subject: &Subject<'_>) -> CliError {
    let what = match &unreadable.what {
        UnreadableKind::Redirect { host } => {
            let to = host.as_deref().unwrap_or("itself");
            return CliError::new(Kind::Config, "redirected", format!("the answer is a redirect to {to}"))
                .cause("Zoho's token endpoint never redirects: the address is wrong, or a proxy wants a login")
                .next("see that the accounts domain is right, and that the way to it is open")
                .next(subject.again());
        }
        UnreadableKind::Empty => "empty".to_owned(),
        UnreadableKind::Cut => "cut short".to_owned(),
        UnreadableKind::TooLarge => "longer than 60 KiB".to_owned(),
        UnreadableKind::Html => "a web page".to_owned(),
        UnreadableKind::NotJson => "no JSON".to_owned(),
        UnreadableKind::NotUtf8 => "no text".to_owned(),
        _ => "neither a token nor an error".to_owned(),
    };
    let message = format!("the answer is {what}{}", times(attempts));
    CliError::new(Kind::Unavailable, "unreadable_reply", message)
        .cause(format!("HTTP status {}", unreadable.http_status))
        .cause("what became of the grant token is unknown")
        .next(format!(
            "{}     while the grant token lives",
            subject.again()
        ))
}

fn not_in_vault(not_kept: &NotKept) -> CliError {
    match not_kept {
        NotKept::InEscrow(source) => {
            CliError::new(Kind::Vault, "in_escrow", "the refresh token is safe in escrow, but not yet in the vault")
                .causes_of(source)
                .next("mend that, then: evergrant recover")
        }
        NotKept::OnlyHere { record, source } => {
            CliError::new(Kind::Vault, "only_here", "neither vault nor escrow took the refresh token: keep this text, it is all there is")
                .causes_of(source)
                .cause(record)
                .next("save the text from BEGIN to END, mend the disk, then: evergrant recover --paste < FILE")
        }
        _ => CliError::new(Kind::Vault, "not_kept", not_kept.to_string()),
    }
}

fn times(attempts: u32) -> String {
    match attempts {
        0 | 1 => String::new(),
        _ => format!(", {attempts} times"),
    }
}

/// Says that a person stopped the exchange.
pub(crate) fn stopped(sent: bool) -> &'static str {
    if sent {
        "given up; what became of the grant token is unknown, and `evergrant recover` says whether a reply is here"
    } else {
        "stopped before anything was sent: the grant token is whole"
    }
}

/// Says when a throttled program may go on.
pub(crate) fn life_left(expires_at: Timestamp, now: Timestamp) -> String {
    format!(
        "the grant token lives for another {}",
        time::span(now.until(expires_at))
    )
}
