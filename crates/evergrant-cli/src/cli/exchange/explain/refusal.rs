//! What Zoho means when it refuses, word by word.

use std::time::Duration;

use zoho_oauth::{DataCenter, ErrorWord, Refusal};

use super::{Subject, times};
use crate::cli::{error::CliError, exit_code::Kind};

/// How long Zoho refuses after too many requests
/// (<https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>).
const THROTTLED: Duration = Duration::from_secs(600);

/// Explains a refusal: what Zoho means by it, the likeliest cause, the next step.
pub(super) fn refused(
    refusal: &Refusal,
    answer_lost: bool,
    attempts: u32,
    subject: &Subject<'_>,
) -> CliError {
    let word = &refusal.word;
    let start = |kind, message: String| {
        let error = CliError::new(kind, word.as_str().to_owned(), message);
        refusal.description.iter().fold(error, |error, text| {
            error.cause(format!("Zoho says: {text}"))
        })
    };
    let host = subject.accounts_domain.host();
    let explained = match word {
        ErrorWord::InvalidCode | ErrorWord::InvalidGrant => {
            let error = start(Kind::GrantDead, format!("Zoho refused the grant token ({word})"));
            let error = if answer_lost {
                error
                    .cause("an earlier try, whose answer was lost, probably spent it")
                    .cause("an unused refresh token may hold one of the twenty places at Zoho")
            } else {
                error.cause("it is older than the minutes it was made for, was used before, or was made for another app")
            };
            error.next(subject.new_grant()).next(subject.again())
        }
        ErrorWord::InvalidClient => invalid_client(&start, host, subject),
        ErrorWord::InvalidClientSecret => {
            start(Kind::Config, format!("Zoho refused the client secret ({word})"))
                .cause(format!("it is wrong, was renewed, or is that of another data center than {host}"))
                .next("copy the client secret anew from the API console, Client Secret")
                .next(subject.again())
        }
        ErrorWord::InvalidRedirectUri => {
            start(Kind::Config, format!("Zoho refused the redirect URI ({word})"))
                .cause("a server-based app must send exactly the one it was registered with; a self client needs none")
                .next("give it as it stands in the API console: --redirect-uri URI")
        }
        ErrorWord::TooManyRequests | ErrorWord::AccessDenied => {
            start(Kind::Throttled, "Zoho refuses more requests for now".to_owned())
                .cause("ten requests for tokens in ten minutes are allowed; asking meanwhile can make it last longer")
                .next(subject.new_grant())
                .next(subject.again())
                .retry_at(subject.now.plus(THROTTLED))
        }
        _ if refusal.is_transient() => {
            start(Kind::Unavailable, format!("Zoho is unwell: {word}{}", times(attempts)))
                .next(format!("{}     while the grant token lives", subject.again()))
        }
        ErrorWord::GeneralError => start(Kind::Config, format!("Zoho refused: {word}"))
            .cause("Zoho documents no reason for it: something failed on its side, or it did not like the request as a whole")
            .next(subject.again()),
        _ => start(Kind::Config, format!("Zoho refused: {word}"))
            .next("look the word up in Zoho's documentation of its accounts server")
            .next(subject.again()),
    };
    if word.is_about_the_token() || word.is_throttle() {
        return explained;
    }
    explained.cause("whether this used up the grant token, Zoho does not say: while it lives, it may be tried again")
}

fn invalid_client(
    start: &dyn Fn(Kind, String) -> CliError,
    host: &str,
    subject: &Subject<'_>,
) -> CliError {
    let here = subject.accounts_domain.data_center();
    let others = DataCenter::all()
        .iter()
        .filter(|center| here.is_none_or(|here| here.code != center.code));
    let others: Vec<_> = others.map(|center| center.code).collect();
    start(Kind::Config, "Zoho does not know the client ID here (invalid_client)".to_owned())
        .cause(format!("{host} knows only the apps that were registered there"))
        .cause("most often the account lives in another data center: the address of Zoho's pages after signing in ends in its code")
        .next(format!("look in the other data centers: {}", others.join(", ")))
        .next(format!("{} --data-center CODE", subject.again()))
}
