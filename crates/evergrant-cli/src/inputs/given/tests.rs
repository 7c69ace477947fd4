use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use tempfile::TempDir;

use super::*;

/// A folder with input files, an environment, and something on standard input.
struct World {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    stdin: &'static str,
}

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    exchange: ExchangeArgs,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            stdin: "",
        }
    }

    fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// Sets a variable; a value that begins with `./` is a file of this world.
    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, self.in_folder(value)));
        self
    }

    fn stdin(mut self, text: &'static str) -> Self {
        self.stdin = text;
        self
    }

    fn in_folder(&self, word: &str) -> String {
        match word.strip_prefix("./") {
            Some(name) => self.folder.path().join(name).to_str().unwrap().to_owned(),
            None => word.to_owned(),
        }
    }

    /// Collects what this line gives; words that begin with `./` are files of this world.
    fn collect(&self, line: &str) -> Result<Given, String> {
        let words = ["evergrant", "acme"].map(str::to_owned).into_iter();
        let words = words.chain(line.split_whitespace().map(|word| self.in_folder(word)));
        let args = CommandLine::try_parse_from(words)
            .map_err(|error| error.to_string())?
            .exchange;
        let environment = self
            .variables
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        let given = Given::collect(
            &args,
            &environment,
            &environment,
            &mut self.stdin.as_bytes(),
        );
        given.map_err(|error| anstream::adapter::strip_str(&error.to_text()).to_string())
    }

    fn given(&self, line: &str) -> Given {
        self.collect(line).unwrap()
    }

    fn refusal(&self, line: &str) -> String {
        self.collect(line).err().expect("refused")
    }
}

fn domain(given: &Given) -> String {
    given.accounts_domain.as_ref().unwrap().value.to_string()
}

fn client_id(given: &Given) -> (&str, String) {
    let client_id = given.client_id.as_ref().unwrap();
    (client_id.value.as_str(), client_id.source.to_string())
}

fn client_secret(given: &Given) -> &str {
    given.client_secret.as_ref().unwrap().value.expose_secret()
}

fn grant_token(given: &Given) -> &str {
    given.grant_token.as_ref().unwrap().value.expose_secret()
}

fn warnings(given: &Given) -> Vec<&str> {
    given
        .warnings
        .iter()
        .map(|warning| &*warning.code)
        .collect()
}

const SELF_CLIENT: &str = r#"{"scope":["ZohoCRM.modules.ALL"],"expiry_time":1856472923084,"client_id":"1000.SELF",
    "client_secret":"self-secret","code":"self-grant","grant_type":"authorization_code"}"#;
const VARIABLES: &str = r#"{"AccountsDomain":"eu","ZohoClientId":"1000.VARS","ZohoClientSecret":"vars-secret",
    "ZohoGrantToken":"vars-grant","ApiDomain":"https://www.zohoapis.eu"}"#;

#[test]
fn nothing_given_is_nothing() {
    let given = World::new().given("");
    assert!(
        given.accounts_domain.is_none() && given.client_id.is_none() && given.api_domain.is_none()
    );
    assert!(
        given.client_secret.is_none()
            && given.grant_token.is_none()
            && given.code_verifier.is_none()
    );
    assert!(given.required_scopes.is_empty() && given.warnings.is_empty());
}

#[test]
fn a_self_client_file_is_enough_but_for_the_data_center() {
    let given = World::new()
        .file("s.json", SELF_CLIENT)
        .given("--self-client ./s.json --data-center EU");
    assert_eq!(domain(&given), "https://accounts.zoho.eu");
    assert_eq!(
        (client_secret(&given), grant_token(&given)),
        ("self-secret", "self-grant")
    );
    assert_eq!(
        given.grant_expires_at.unwrap().as_millis(),
        1_856_472_923_084
    );
    assert_eq!(
        given.grant_scopes.unwrap().to_console_string(),
        "ZohoCRM.modules.ALL"
    );
}

#[test]
fn a_grant_token_from_elsewhere_has_no_known_life() {
    let world = World::new()
        .file("s.json", SELF_CLIENT)
        .stdin("other-grant\n");
    let given = world.given("--self-client ./s.json --grant-token-stdin");
    assert_eq!(grant_token(&given), "other-grant");
    assert_eq!((given.grant_expires_at, given.grant_scopes), (None, None));
}

#[test]
fn a_variables_file_is_enough() {
    let given = World::new()
        .file("v.json", VARIABLES)
        .given("--variables ./v.json");
    assert_eq!(domain(&given), "https://accounts.zoho.eu");
    assert_eq!(
        given.api_domain.as_ref().unwrap().value.as_str(),
        "https://www.zohoapis.eu"
    );
    assert_eq!(
        (client_secret(&given), grant_token(&given)),
        ("vars-secret", "vars-grant")
    );
}

#[test]
fn the_environment_is_enough() {
    let world = World::new()
        .file("grant", "env-grant\r\n")
        .variable("ZOHO_REGION", "in")
        .variable("ZOHO_CLIENT_ID", "1000.ENV")
        .variable("ZOHO_CLIENT_SECRET", "env-secret")
        .variable("ZOHO_GRANT_TOKEN_FILE", "./grant");
    let given = world.given("");
    assert_eq!(domain(&given), "https://accounts.zoho.in");
    assert_eq!(client_id(&given), ("1000.ENV", "ZOHO_CLIENT_ID".to_owned()));
    assert_eq!(
        (client_secret(&given), grant_token(&given)),
        ("env-secret", "env-grant")
    );
}

#[test]
fn a_flag_beats_a_file_and_a_file_beats_the_environment() {
    let world = World::new()
        .file("v.json", VARIABLES)
        .variable("ZOHO_CLIENT_ID", "1000.ENV");
    let given = world.given("--variables ./v.json");
    assert_eq!(client_id(&given).0, "1000.VARS");
    assert_eq!(warnings(&given), ["environment_ignored"]);
    assert!(
        given.warnings[0]
            .message
            .starts_with("ZOHO_CLIENT_ID is set too: the client ID is taken from ZohoClientId in")
    );
    assert_eq!(
        client_id(&world.given("--variables ./v.json --client-id 1000.FLAG")).0,
        "1000.FLAG"
    );
    assert_eq!(client_id(&world.given("")).0, "1000.ENV");
}

#[test]
fn the_environments_secret_file_is_not_read_when_it_is_not_needed() {
    let world = World::new()
        .file("c", "secret")
        .variable("ZOHO_CLIENT_SECRET_FILE", "./absent");
    assert_eq!(
        warnings(&world.given("--client-secret-file ./c")),
        ["environment_ignored"]
    );
    assert!(world.refusal("").contains("cannot read"));
}

#[test]
fn two_sources_of_one_rank_are_refused() {
    let world = World::new()
        .file("v.json", VARIABLES)
        .file("s.json", SELF_CLIENT)
        .file("c", "secret");
    assert!(
        world
            .refusal("--variables ./v.json --self-client ./s.json")
            .contains("the client ID is given twice")
    );
    for line in [
        "--client-secret-file ./c --client-secret-stdin",
        "--client-secret-file ./c --client-secret-command ./c",
        "--grant-token-stdin --grant-token-command ./c",
        "--client-secret-stdin --grant-token-stdin",
        "--data-center eu --accounts-domain eu",
        "--app other --replace",
    ] {
        assert!(
            world.refusal(line).contains("cannot be used with"),
            "{line}"
        );
    }
    let world = World::new()
        .variable("ZOHO_GRANT_TOKEN", "g")
        .variable("ZOHO_GRANT_TOKEN_FILE", "./g");
    assert!(
        world
            .refusal("")
            .contains("by ZOHO_GRANT_TOKEN and by ZOHO_GRANT_TOKEN_FILE")
    );
}

#[test]
fn two_names_may_say_the_same_but_not_differ() {
    let world = World::new()
        .variable("ZOHO_REGION", "eu")
        .variable("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.eu/");
    assert_eq!(domain(&world.given("")), "https://accounts.zoho.eu");
    let world = world.variable("ZOHO_ACCOUNTS_DOMAIN", "us");
    assert!(
        world
            .refusal("")
            .contains("the accounts domain is given twice")
    );
    let world = World::new().file(
        "v.json",
        r#"{"AccountsDomain":"eu","ZohoAccountUrl":"https://accounts.zoho.in"}"#,
    );
    assert!(
        world
            .refusal("--variables ./v.json")
            .contains("AccountsDomain in")
    );
}

#[test]
fn a_command_and_standard_input_give_secrets() {
    let world = World::new().file("c", "secret\n").stdin("grant\n");
    let path = world.in_folder("./c");
    let line = format!("--client-secret-command cat<{path} --grant-token-stdin");
    let given = world.given(&line);
    assert_eq!(
        (client_secret(&given), grant_token(&given)),
        ("secret", "grant")
    );
}

#[test]
fn values_that_cannot_be_right_are_refused_with_their_source_and_not_shown() {
    let world = World::new()
        .file("empty", "\n")
        .file("quoted", "\"s3cret\"")
        .file("blank", "s3 cret");
    for (line, why) in [
        ("--client-secret-file ./empty", "the client secret is empty"),
        (
            "--client-secret-file ./quoted",
            "it comes from --client-secret-file",
        ),
        ("--grant-token-file ./blank", "the grant token has blanks"),
        ("--client-id https://s3cret", "the client ID is a URL"),
        (
            "--code-verifier-file ./quoted",
            "it comes from --code-verifier-file",
        ),
        (
            "--redirect-uri s3cret",
            "the redirect URI is no absolute URI",
        ),
        ("--api-domain http://www.zohoapis.eu", "plain http"),
        ("--require-scope .READ", "is no scope"),
        ("--require-scope @nonsense", "the bundles are @"),
    ] {
        let error = world.refusal(line);
        assert!(
            error.contains(why) && !error.contains("s3cret") && !error.contains("s3 cret"),
            "{line}: {error}"
        );
    }
}

#[test]
fn another_host_needs_a_word_for_it() {
    let world = World::new();
    let error = world.refusal("--accounts-domain https://zoho.example.com");
    assert!(error.contains("--custom-accounts-domain"), "{error}");
    let given = world.given("--accounts-domain https://zoho.example.com --custom-accounts-domain");
    assert_eq!(domain(&given), "https://zoho.example.com");
    assert_eq!(
        domain(&world.given("--accounts-domain http://127.0.0.1:8480/")),
        "http://127.0.0.1:8480"
    );
    assert!(
        world
            .refusal("--accounts-domain accounts.zoho.ca")
            .contains("accounts.zohocloud.ca")
    );
    assert!(
        world
            .refusal("--data-center xx")
            .contains("evergrant data-centers")
    );
}

#[test]
fn scopes_come_in_lists_and_bundles() {
    let given =
        World::new().given("--require-scope a.b.READ,a.c.READ --require-scope @contacts-export");
    assert!(given.required_scopes.len() > 2);
}

#[test]
fn files_that_others_can_read_bring_a_warning() {
    let world = World::new().file("c", "secret");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(world.folder.path().join("c"), open).unwrap();
    assert_eq!(
        warnings(&world.given("--client-secret-file ./c")),
        ["readable_by_others"]
    );
}
