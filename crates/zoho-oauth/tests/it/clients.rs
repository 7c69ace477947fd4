//! Whole calls of the client.

use zoho_oauth::{
    AccountsDomain, App, Client, ClientError, ClientSecret, CustomHosts, ErrorWord, GrantToken,
    RefreshToken,
};

use crate::server::{Server, Step, patient, say};

fn answering(body: &str) -> (Server, AccountsDomain) {
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::play(vec![Step::Hear, say(reply), Step::Hold]);
    let accounts = AccountsDomain::parse(&server.origin(), CustomHosts::Refused).unwrap();
    (server, accounts)
}

#[tokio::test]
async fn an_exchange_brings_a_refresh_token_that_brings_access() {
    let (client_id, client_secret) = ("1000.ID".parse().unwrap(), ClientSecret::new("s3cret"));
    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    let client = Client::new(patient());

    let (server, accounts) = answering(r#"{"access_token":"a1","refresh_token":"r1"}"#);
    let grant = client
        .exchange(&accounts, app, &GrantToken::new("g1"), None, None)
        .await
        .unwrap();
    let refresh_token = grant.refresh_token.unwrap();
    assert!(server.heard()[0].ends_with("&code=g1"));

    let (server, accounts) = answering(r#"{"access_token":"a2","expires_in":3600}"#);
    let grant = client
        .refresh(&accounts, app, &refresh_token)
        .await
        .unwrap();
    assert_eq!(grant.access_token.unwrap().expose_secret(), "a2");
    assert!(server.heard()[0].ends_with("&refresh_token=r1"));
}

#[tokio::test]
async fn a_refusal_keeps_its_word() {
    let (client_id, client_secret) = ("1000.ID".parse().unwrap(), ClientSecret::new("s3cret"));
    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    let (_server, accounts) = answering(r#"{"error":"invalid_code"}"#);
    let answer = Client::new(patient())
        .refresh(&accounts, app, &RefreshToken::new("r"))
        .await;
    let error = answer.unwrap_err();
    assert_eq!(error.to_string(), "Zoho refuses: invalid_code");
    assert!(error.was_sent() && !error.is_transient());
    assert!(
        matches!(error, ClientError::Refused(refusal) if refusal.word == ErrorWord::InvalidCode)
    );
}

#[tokio::test]
async fn a_revocation_says_that_it_is_done() {
    let (server, accounts) = answering(r#"{"status":"success"}"#);
    Client::new(patient())
        .revoke(&accounts, &RefreshToken::new("r"))
        .await
        .unwrap();
    let heard = server.heard().remove(0);
    assert!(
        heard.starts_with("POST /oauth/v2/token/revoke HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(heard.ends_with("\r\n\r\ntoken=r"), "{heard}");
}

#[tokio::test]
async fn an_app_may_revoke_its_own_tokens_and_needs_no_words() {
    let (client_id, client_secret) = ("1000.ID".parse().unwrap(), ClientSecret::new("s3cret"));
    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    let (server, accounts) = answering("");
    Client::new(patient())
        .revoke_as_app(&accounts, app, &RefreshToken::new("r"))
        .await
        .unwrap();
    let heard = server.heard().remove(0);
    assert!(
        heard.starts_with("POST /oauth/v2/revoke/token HTTP/1.1\r\n"),
        "{heard}"
    );
    let heard = heard.to_ascii_lowercase();
    assert!(
        heard.contains("\r\nauthorization: basic mtawmc5jrdpzm2nyzxq=\r\n"),
        "{heard}"
    );
    assert!(
        heard.ends_with("\r\n\r\ntoken=r&token_type=refresh_token"),
        "{heard}"
    );
}

#[tokio::test]
async fn what_was_not_sent_is_said_to_be_unsent() {
    // RFC 6761 promises that no name below .invalid is ever found.
    let accounts = AccountsDomain::parse("https://zoho.invalid", CustomHosts::Allowed).unwrap();
    let error = Client::new(patient())
        .revoke(&accounts, &RefreshToken::new("r"))
        .await
        .unwrap_err();
    assert!(!error.was_sent() && error.is_transient(), "{error:?}");
}
