//! Software with a generic OAuth2 client, and curl.

use std::process::Command;

use serde_json::{Value, json};

use super::{Estate, MODES, pages::blocks};
use crate::world::Outcome;

impl Estate {
    /// Has a program with simple-oauth2 get a token.
    fn by_client_credentials(&self, settings: &Value, secret: &str) -> Outcome {
        let mut command = self.node(include_str!("../../client_credentials.mjs"));
        command
            .env("CLIENT_SECRET", secret)
            .args([&self.url, settings["ZohoClientId"].as_str().unwrap()]);
        Outcome::of(&mut command)
    }
}

#[test]
fn simple_oauth2_gets_a_token_by_client_credentials() {
    for (mode, begins) in MODES.into_iter().zip(["1000.", "evp_"]) {
        let estate = Estate::new();
        let settings = estate.caller(&format!("--connection acme {mode}"));
        let estate = estate.serve();
        let secret = settings["ZohoClientSecret"].as_str().unwrap();
        let outcome = estate.by_client_credentials(&settings, secret);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let token = outcome.answer();
        assert_eq!(token["token_type"], "Bearer");
        assert!(token["access_token"].as_str().unwrap().starts_with(begins));
        assert_eq!(token["api_domain"], settings["ApiDomain"]);
        let outcome = estate.by_client_credentials(&settings, "guess");
        assert!(outcome.stderr.contains("401"), "{outcome:?}");
    }
}

/// The commands of the pages, as they stand there.
#[test]
fn curl_does_what_the_pages_show() {
    for mode in MODES {
        let estate = Estate::new();
        let settings = estate.caller(&format!("--connection acme {mode}"));
        let estate = estate.serve();
        let pages = ["README.md", "generic-oauth2.md", "fixed-hosts.md"];
        let shown = pages.into_iter().flat_map(|page| blocks(page, "sh"));
        let commands: Vec<_> = shown.filter(|block| block.starts_with("curl ")).collect();
        assert_eq!(commands.len(), 3, "the pages show how it goes");
        for command in commands {
            let printed = shell(&estate, &settings, &command);
            let answer: Value = serde_json::from_str(&printed).expect(&printed);
            let is_token = answer["access_token"].is_string();
            assert!(
                is_token || answer["data"].is_array(),
                "{command}\n{printed}"
            );
        }
        assert_eq!(estate.asked_for_tokens(), (0, 0));
    }
}

fn shell(estate: &Estate, settings: &Value, line: &str) -> String {
    let text = |name: &str| settings[name].as_str().unwrap();
    let (_, token) = super::send(
        &estate.url,
        &format!(
            "POST /oauth/v2/token?grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={} HTTP/1.1\r\n\
             Content-Length: 0\r\n",
            text("ZohoClientId"),
            text("ZohoClientSecret"),
            text("ZohoRefreshToken")
        ),
        "",
    );
    assert_eq!(token["token_type"], json!("Bearer"), "{token}");
    let mut command = Command::new("sh");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("ZOHO_ACCOUNTS_DOMAIN", &estate.url)
        .env("ZOHO_API_DOMAIN", text("ApiDomain"))
        .env("ZOHO_CLIENT_ID", text("ZohoClientId"))
        .env("ZOHO_CLIENT_SECRET", text("ZohoClientSecret"))
        .env("ZOHO_REFRESH_TOKEN", text("ZohoRefreshToken"))
        .env("ZOHO_ACCESS_TOKEN", token["access_token"].as_str().unwrap())
        .args(["-c", line]);
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.exit_code, 0, "{line}\n{outcome:?}");
    outcome.stdout
}
