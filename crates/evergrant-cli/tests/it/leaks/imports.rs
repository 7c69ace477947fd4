//! The files of other programs are full of secrets: none of them is shown, whatever becomes of an import.

use serde_json::json;

use super::{
    LOUD, Story,
    canaries::{ACCESS_TOKEN, CLIENT_SECRET, GRANT_TOKEN, REFRESH_TOKEN, none_in},
    chatterbox::Manner,
};

const CLIENT_ID: &str = "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123";
const COLUMNS: &str = "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_uri,api_domain";

impl Story {
    fn next_number(&self) -> usize {
        self.grants.replace(self.grants.get() + 1)
    }

    /// Writes what another program keeps, in each form, each time with another refresh token; returns its path.
    fn source(&self, form: &str) -> String {
        let number = self.next_number();
        let (secret, token) = (CLIENT_SECRET.text(), REFRESH_TOKEN.token(number));
        let (access, grant) = (ACCESS_TOKEN.token(number), GRANT_TOKEN.token(number));
        let row = |id| format!("{id},anna,{CLIENT_ID},{secret},{token},{access},{grant},1,,\r\n");
        let text = match form {
            "sdk" => format!("{COLUMNS}\r\n{}", row("1")),
            "rows" => format!("{COLUMNS}\r\n{}{}", row("1"), row("2")),
            "slipped" => format!("{COLUMNS}\r\n1,{}", row("1")),
            "shifted" => format!("{}{}", row(&token), row(secret)),
            "env" => format!(
                "ZOHO_CLIENT_ID={CLIENT_ID}\nZOHO_CLIENT_SECRET='{secret}'\nexport ZOHO_REFRESH_TOKEN=\"{token}\" # {access}\n"
            ),
            "broken env" => format!("ZOHO_REFRESH_TOKEN=\"{token}\n"),
            "variables" => json!({
                "ZohoClientId": CLIENT_ID, "ZohoClientSecret": secret, "ZohoRefreshToken": token,
                "ZohoGrantToken": grant,
            })
            .to_string(),
            "tokens" => json!({
                "clientId": CLIENT_ID, "clientSecret": secret, "refreshToken": token, "accessToken": access,
            })
            .to_string(),
            "broken json" => format!("{{\"refreshToken\":\"{token}\",\"{secret}\"}}"),
            "another file" => format!("{token} {secret}\n"),
            other => panic!("{other}"),
        };
        self.world.file("given/source", &text);
        "given/source".to_owned()
    }

    /// Imports in each loud way.
    fn import(&self, form: &str, exit_code: i32) {
        for (option, level) in LOUD {
            let source = self.source(form);
            let name = format!("i{}", self.grants.get());
            let domain = self.zoho.url();
            let line = format!(
                "connections import {name} --from {source} --accounts-domain {domain} --timeout 1 {option}"
            );
            let outcome = self.run(&line, &[("EVERGRANT_LOG", level)]);
            assert_eq!(outcome.exit_code, exit_code, "{form}: {}", outcome.stderr);
        }
    }
}

#[test]
fn no_outcome_of_an_import_shows_a_secret() {
    let story = Story::new();
    for form in ["sdk", "env", "variables", "tokens"] {
        for (manner, exit_code) in [
            (Manner::Grants, 0),
            (Manner::GrantsHalf, 0),
            (Manner::Refuses("invalid_code"), 4),
            (Manner::Refuses("invalid_client_secret"), 3),
            (Manner::Refuses("invalid_scope"), 3),
            (Manner::Refuses("Access Denied"), 6),
            (Manner::RefusesInOurWords, 7),
            (Manner::Page, 7),
            (Manner::Echoes, 7),
            (Manner::HangsUp, 7),
        ] {
            story.zoho.shall(manner);
            story.import(form, exit_code);
        }
    }
    assert!(story.files_hold_none() >= 1);
    let request = story.zoho.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    none_in(&super::ALL, head.as_bytes(), "the head of a request");
    assert_eq!(REFRESH_TOKEN.found_in(body.as_bytes()), Some("clear"));
}

#[test]
fn no_file_that_is_refused_is_shown() {
    let story = Story::new();
    for (form, exit_code) in [
        ("rows", 2),
        ("slipped", 3),
        ("shifted", 2),
        ("broken env", 3),
        ("broken json", 3),
        ("another file", 3),
    ] {
        story.import(form, exit_code);
    }
    assert_eq!(story.zoho.requests(), Vec::<String>::new());
    story.files_hold_none();
}

#[test]
fn client_credentials_are_not_shown() {
    let story = Story::new();
    story.world.file("given/secret", CLIENT_SECRET.text());
    for (manner, exit_code) in [
        (Manner::Refuses("missing_org_info"), 3),
        (Manner::Page, 7),
        (Manner::Grants, 0),
    ] {
        story.zoho.shall(manner);
        for (number, (option, level)) in LOUD.into_iter().enumerate() {
            let line = format!(
                "connections add c{exit_code}{number} --client-credentials --scope ZohoCRM.modules.READ --soid \
                 ZohoCRM.{exit_code}{number} --client-id {CLIENT_ID} --client-secret-file given/secret \
                 --accounts-domain {} {option}",
                story.zoho.url()
            );
            let outcome = story.run(&line, &[("EVERGRANT_LOG", level)]);
            assert_eq!(outcome.exit_code, exit_code, "{}", outcome.stderr);
        }
    }
    story.files_hold_none();
}
