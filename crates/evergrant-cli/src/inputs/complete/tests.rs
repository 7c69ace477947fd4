use clap::Parser;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::{Environment, cli::exchange::ExchangeArgs, inputs::prompter::Script};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    exchange: ExchangeArgs,
}

/// Collects what a line gives, with a client secret and a grant token in the environment where they are named.
fn given(line: &str, variables: &[(&str, &str)]) -> Given {
    let args = CommandLine::parse_from(
        ["evergrant", "acme"]
            .into_iter()
            .chain(line.split_whitespace()),
    );
    let environment: Environment = variables.iter().copied().collect();
    Given::collect(&args.exchange, &environment, &environment, &mut io::empty()).unwrap()
}

fn stored() -> App {
    App {
        accounts_domain: accounts_domain_of("eu", zoho_oauth::CustomHosts::Refused).unwrap(),
        client_id: "1000.STORED".parse().unwrap(),
        client_secret: ClientSecret::new("stored-secret"),
    }
}

fn plain(error: &CliError) -> String {
    anstream::adapter::strip_str(&error.to_text()).to_string()
}

const SECRETS: [(&str, &str); 2] = [
    ("ZOHO_CLIENT_SECRET", "secret"),
    ("ZOHO_GRANT_TOKEN", "grant"),
];

#[test]
fn what_was_given_is_enough_without_a_terminal() {
    let inputs = complete(
        given("--data-center eu --client-id 1000.A", &SECRETS),
        None,
        None,
        true,
    )
    .unwrap();
    assert_eq!(inputs.client_secret.expose_secret(), "secret");
    assert_eq!(inputs.grant_token.unwrap().expose_secret(), "grant");
}

#[test]
fn without_a_terminal_all_that_is_missing_is_named_at_once() {
    let error = complete(given("", &[]), None, None, true).unwrap_err();
    assert_data_eq!(
        plain(&error),
        str![[r#"
error: missing: accounts domain, client ID, client secret, grant token
  nobody can be asked: there is no terminal, or --no-input was given
next: accounts domain: --data-center CODE, --accounts-domain URL or ZOHO_ACCOUNTS_DOMAIN
next: client ID: --client-id ID or ZOHO_CLIENT_ID
next: client secret: --client-secret-file FILE, --client-secret-stdin, --client-secret-command CMD or ZOHO_CLIENT_SECRET
next: grant token: --grant-token-file FILE, --grant-token-stdin, --grant-token-command CMD or ZOHO_GRANT_TOKEN

"#]]
    );
    assert!(
        error.to_json().contains(r#""reason":"missing_input""#)
            && error.to_json().contains(r#""grant":"unspent""#)
    );
    let error = complete(given("--data-center eu", &SECRETS), None, None, true).unwrap_err();
    assert_eq!(error.to_string(), "missing: client ID");
}

#[test]
fn a_check_needs_no_grant() {
    let line = "--data-center eu --client-id 1000.A";
    assert!(
        complete(given(line, &SECRETS[..1]), None, None, false)
            .unwrap()
            .grant_token
            .is_none()
    );
}

#[test]
fn a_stored_app_fills_the_gaps() {
    let inputs = complete(given("", &SECRETS[1..]), Some(stored()), None, true).unwrap();
    assert_eq!(inputs.accounts_domain.as_str(), "https://accounts.zoho.eu");
    assert_eq!(
        (
            inputs.client_id.as_str(),
            inputs.client_secret.expose_secret()
        ),
        ("1000.STORED", "stored-secret")
    );
    let inputs = complete(given("", &SECRETS), Some(stored()), None, true).unwrap();
    assert_eq!(inputs.client_secret.expose_secret(), "secret");
}

#[test]
fn a_stored_secret_goes_to_no_other_app_and_no_other_server() {
    for line in [
        "--client-id 1000.OTHER",
        "--data-center us",
        "--accounts-domain http://127.0.0.1:9",
    ] {
        let error = complete(given(line, &SECRETS[1..]), Some(stored()), None, true).unwrap_err();
        assert_eq!(error.to_string(), "missing: client secret", "{line}");
    }
}

#[test]
fn at_a_terminal_the_gaps_are_asked_for_but_not_the_grant() {
    let mut person = Script::new(&["eu", "1000.A", "s3cret"]);
    let inputs = complete(given("", &[]), None, Some(&mut person), true).unwrap();
    assert_eq!(
        (
            inputs.client_id.as_str(),
            inputs.client_secret.expose_secret()
        ),
        ("1000.A", "s3cret")
    );
    assert!(inputs.grant_token.is_none());
    assert_data_eq!(
        person.shown,
        str![[r#"
Data center (us eu in au jp cn ca sa uk ae) or accounts domain: eu
Client ID: 1000.A
Client secret (hidden): 

"#]]
    );
}

#[test]
fn only_the_gaps_are_asked_for() {
    let mut person = Script::new(&["1000.A"]);
    complete(
        given("--data-center eu", &SECRETS),
        None,
        Some(&mut person),
        true,
    )
    .unwrap();
    assert_eq!(person.shown, "Client ID: 1000.A\n");
    let mut nobody = Script::default();
    complete(given("", &[]), Some(stored()), Some(&mut nobody), true).unwrap();
    assert_eq!(nobody.shown, "");
}

#[test]
fn a_wrong_answer_may_be_mended_twice() {
    let mut person = Script::new(&["eu", "", "1000.A", "'quoted'", "s3cret"]);
    assert!(complete(given("", &[]), None, Some(&mut person), true).is_ok());
    assert!(person.shown.contains("the client ID is empty; once more"));
    let mut person = Script::new(&["xx", "yy", "zz", "eu"]);
    let error = complete(given("", &[]), None, Some(&mut person), true).unwrap_err();
    assert!(plain(&error).contains("neither a host name nor a data center"));
    let error = complete(given("", &[]), None, Some(&mut Script::default()), true).unwrap_err();
    assert_eq!(error.to_string(), "a question was not answered");
}

#[test]
fn the_grant_is_asked_for_with_the_place_to_make_it() {
    let line = "--require-scope ZohoCRM.modules.contacts.READ,ZohoCRM.settings.READ";
    let inputs = complete(
        given(line, &[]),
        Some(stored()),
        Some(&mut Script::default()),
        true,
    )
    .unwrap();
    let mut person = Script::new(&["'x'", "grant"]);
    let grant = ask_grant_token(&mut person, &inputs, &inputs.required_scopes).unwrap();
    assert_eq!(grant.expose_secret(), "grant");
    assert_data_eq!(
        person.shown,
        str![[r#"
Make the grant token now, it lives only minutes:
  open    https://api-console.zoho.eu, your self client, Generate Code
  scope   ZohoCRM.modules.contacts.READ,ZohoCRM.settings.READ
  then    paste the code here
Grant token (hidden): 
the grant token stands in quotation marks: give it without them; once more
Grant token (hidden): 

"#]]
    );
}

#[test]
fn a_server_based_apps_grant_comes_from_the_redirect() {
    let line = "--redirect-uri https://app.example.com/callback";
    let inputs = complete(
        given(line, &[]),
        Some(stored()),
        Some(&mut Script::default()),
        true,
    )
    .unwrap();
    let mut person = Script::new(&["grant"]);
    ask_grant_token(&mut person, &inputs, &Scopes::default()).unwrap();
    assert!(person.shown.starts_with("Give consent in the browser"));
}
