//! No leak: secrets go through every command, in success and in failure, at the most verbose level, and are then
//! looked for in every place where they must not be.

mod asking;
mod callers;
mod canaries;
mod chatterbox;
mod children;
mod core_dump;
mod exec;
mod imports;
mod other_commands;
mod prompts;
mod revoking;

use std::cell::Cell;

use serde_json::json;

use self::{
    canaries::{
        ACCESS_TOKEN, ALL, CLIENT_SECRET, CODE_VERIFIER, Canary, GRANT_TOKEN, MASTER_KEY,
        PROXY_PASSWORD, REFRESH_TOKEN, none_below, none_in,
    },
    chatterbox::{Chatterbox, Manner},
};
use crate::world::{Outcome, World};

/// A home, a folder beside it with the secrets that a person has, and a server.
struct Story {
    world: World,
    zoho: Chatterbox,
    grants: Cell<usize>,
}

/// Every way to hear more than one wants to know.
const LOUD: [(&str, &str); 2] = [("-vvv", ""), ("--json", "trace")];

impl Story {
    fn new() -> Self {
        let world = World::new();
        for folder in ["given", "home", "temporary"] {
            std::fs::create_dir(world.path(folder)).unwrap();
        }
        world.file("given/verifier", CODE_VERIFIER.text());
        Self {
            world,
            zoho: Chatterbox::start(),
            grants: Cell::new(0),
        }
    }

    /// Runs a command at its loudest; nothing secret may stand in what it prints.
    fn run(&self, line: &str, environment: &[(&str, &str)]) -> Outcome {
        self.run_that_prints(&[], line, environment)
    }

    /// Runs a command that was asked to print these secrets, on standard output only.
    fn run_that_prints(
        &self,
        asked_for: &[Canary],
        line: &str,
        environment: &[(&str, &str)],
    ) -> Outcome {
        let outcome = Outcome::of(&mut self.command(line, environment));
        let others = ALL.iter().filter(|canary| !asked_for.contains(canary));
        let others: Vec<_> = others.copied().collect();
        none_in(
            &others,
            outcome.stdout.as_bytes(),
            &format!("standard output of {line}"),
        );
        none_in(
            &ALL,
            outcome.stderr.as_bytes(),
            &format!("standard error of {line}"),
        );
        outcome
    }

    fn command(&self, line: &str, environment: &[(&str, &str)]) -> std::process::Command {
        let mut command = self.world.command(line.split_whitespace());
        command
            .env("EVERGRANT_HOME", self.world.path("home"))
            .env("TMPDIR", self.world.path("temporary"))
            .env("EVERGRANT_MASTER_KEY", MASTER_KEY.text())
            .envs(environment.iter().copied());
        command
    }

    /// Runs an exchange of a new grant token, in each loud way; both must end with this exit code.
    fn exchange(&self, options: &str, exit_code: i32, environment: &[(&str, &str)]) {
        for (option, level) in LOUD {
            let line = format!("{} {option}", self.exchange_line(options));
            let environment = [environment, &[("EVERGRANT_LOG", level)]].concat();
            let outcome = self.run(&line, &environment);
            assert_eq!(outcome.exit_code, exit_code, "{line}: {}", outcome.stderr);
        }
    }

    /// Returns the command line of an exchange of a new grant token.
    fn exchange_line(&self, options: &str) -> String {
        let number = self.grants.replace(self.grants.get() + 1);
        let file = json!({
            "client_id": "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123",
            "client_secret": CLIENT_SECRET.text(),
            "code": GRANT_TOKEN.token(number),
            "scope": ["ZohoCRM.modules.contacts.READ"],
        });
        self.world.file("given/self_client.json", &file.to_string());
        let domain = match options.contains("--accounts-domain") {
            true => String::new(),
            false => format!("--accounts-domain {}", self.zoho.url()),
        };
        let retries = match options.contains("--max-retries") {
            true => "",
            false => "--max-retries 0",
        };
        format!(
            "exchange {options} --self-client given/self_client.json --code-verifier-file given/verifier {domain} \
             --timeout 1 {retries}"
        )
    }

    /// Runs a command line in each loud way and returns the exit code of the last.
    fn everywhere(&self, line: &str) -> i32 {
        let runs = LOUD.map(|(option, level)| {
            self.run(&format!("{line} {option}"), &[("EVERGRANT_LOG", level)])
        });
        runs[1].exit_code
    }

    /// Looks through all that the program wrote; returns how many files there are.
    #[track_caller]
    fn files_hold_none(&self) -> usize {
        none_below(&ALL, &self.world.path("home")) + none_below(&ALL, &self.world.path("temporary"))
    }
}

#[test]
fn no_outcome_of_an_exchange_shows_a_secret() {
    let story = Story::new();
    let outcomes = [
        (Manner::Grants, 0),
        (Manner::GrantsLess, 0),
        (Manner::GrantsHalf, 0),
        (Manner::GrantsNoRefreshToken, 4),
        (Manner::Refuses("invalid_code"), 5),
        (Manner::Refuses("invalid_client"), 3),
        (Manner::Refuses("invalid_client_secret"), 3),
        (Manner::Refuses("invalid_redirect_uri"), 3),
        (Manner::Refuses("Access Denied"), 6),
        (Manner::Refuses("general_error"), 3),
        (Manner::Refuses("never_heard_of"), 3),
        (Manner::RefusesInOurWords, 3),
        (Manner::Page, 7),
        (Manner::Redirects, 3),
        (Manner::Echoes, 7),
        (Manner::Floods, 7),
        (Manner::HangsUp, 7),
        (Manner::IsSilent, 5),
    ];
    for (number, (manner, exit_code)) in outcomes.into_iter().enumerate() {
        story.zoho.shall(manner);
        story.exchange(&format!("a{number} --replace"), exit_code, &[]);
    }
    story.zoho.shall(Manner::Page);
    story.exchange("again --max-retries 1", 7, &[]);
    assert!(
        story.files_hold_none() >= 3,
        "vault and what waits in escrow"
    );
    for request in story.zoho.requests() {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        none_in(&ALL, head.as_bytes(), "the head of a request");
        for sent in [CLIENT_SECRET, GRANT_TOKEN, CODE_VERIFIER] {
            assert_eq!(sent.found_in(body.as_bytes()), Some("clear"));
        }
    }
}

#[test]
fn no_failure_before_the_request_shows_a_secret() {
    let story = Story::new();
    story.exchange("acme --replace", 0, &[]);
    story.exchange("acme", 3, &[]);
    story.exchange("acme --check --replace", 0, &[]);
    story.exchange("dead --accounts-domain http://127.0.0.1:1", 7, &[]);
    story.exchange("plain --accounts-domain http://accounts.example", 2, &[]);
    let tls = story.zoho.url().replace("http:", "https:");
    story.exchange(
        &format!("odd --ca-file given/verifier --accounts-domain {tls}"),
        3,
        &[],
    );
    let line = story.exchange_line("twice");
    assert_eq!(story.run(&line, &[]).exit_code, 0);
    assert_eq!(
        story.run(&line.replace("twice", "thrice"), &[]).exit_code,
        5
    );
    let wrong = [(
        "EVERGRANT_MASTER_KEY",
        "8f3b6ad20c94e75718d2c5f0a36b9e44 71e0d85a2cb7f693",
    )];
    assert_eq!(
        story.run(&story.exchange_line("wrong"), &wrong).exit_code,
        8
    );
    std::fs::write(story.world.path("home/config.toml"), "[log]\nlevel = 3\n").unwrap();
    assert_eq!(story.run(&story.exchange_line("config"), &[]).exit_code, 3);
    story.files_hold_none();
}

#[test]
fn no_argument_in_the_wrong_place_is_repeated() {
    let story = Story::new();
    let (secret, grant) = (CLIENT_SECRET.text(), GRANT_TOKEN.token(0));
    for line in [
        format!("exchange acme --client-secret {secret}"),
        format!("exchange acme --grant-token={grant}"),
        format!("exchange acme {grant}"),
        format!("exchange acme --grant-token-file {grant}"),
        format!("exchange acme --client-secret-file {secret}"),
        format!("exchange acme --nonsense={grant}"),
        format!("connections show {grant}"),
        format!("recover --discard {secret}"),
        format!("apps show {secret}"),
        format!("apps show {grant}"),
        format!("apps remove {secret} --yes"),
        format!("apps secret add {secret}"),
        format!("apps secret add 1000.ABC {secret}"),
        format!("apps secret add 1000.ABC --client-secret {secret}"),
        format!("apps secret retire 1000.ABC {secret}"),
        format!("callers show {grant}"),
        format!("callers add {grant} --connection acme"),
        format!("callers adopt a --connection acme --client-id {grant}"),
        format!("callers adopt a --connection acme --refresh-token {grant}"),
        format!("callers adopt a --connection acme --refresh-token-file {grant}"),
        format!("callers add a --connection acme --allow {grant}"),
        format!("audit --since {secret}"),
    ] {
        assert_ne!(story.everywhere(&line), 0, "{line}");
    }
}

#[test]
fn no_proxy_setting_shows_its_password() {
    let story = Story::new();
    let password = PROXY_PASSWORD.text();
    let proxy = story.zoho.proxy(password);
    let far = "--accounts-domain https://accounts.zoho.eu";
    story.zoho.shall(Manner::WantsPassword);
    story.exchange("near", 7, &[("http_proxy", &proxy)]);
    story.exchange(&format!("far {far}"), 7, &[("https_proxy", &proxy)]);
    story.zoho.shall(Manner::HangsUp);
    story.exchange(&format!("far {far}"), 7, &[("https_proxy", &proxy)]);
    for wrong in [
        "http://anna:P@127.0.0.1:1",
        "http://anna:P@b@127.0.0.1:1",
        "http://anna:P/b@127.0.0.1:1",
        "http://anna:P?b@127.0.0.1:1",
        "anna:P#b@127.0.0.1:1",
        "socks5://anna:P@127.0.0.1",
        "anna:P@ @",
    ] {
        let wrong = wrong.replace('P', password);
        let line = format!("{} -vvv", story.exchange_line(&format!("far {far}")));
        assert_ne!(story.run(&line, &[("https_proxy", &wrong)]).exit_code, 0);
    }
    story.files_hold_none();
    let heads = story.zoho.requests().concat();
    assert_eq!(
        PROXY_PASSWORD.found_in(heads.as_bytes()),
        Some("base64"),
        "it was used"
    );
}

#[test]
fn what_was_asked_for_is_all_that_is_printed() {
    let story = Story::new();
    for (option, level) in LOUD {
        let line = story.exchange_line("--print-refresh-token");
        let loud = [("EVERGRANT_LOG", level)];
        let outcome = story.run_that_prints(&[REFRESH_TOKEN], &format!("{line} {option}"), &loud);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
        assert_eq!(
            REFRESH_TOKEN.found_in(outcome.stdout.as_bytes()),
            Some("clear")
        );
    }
    story.files_hold_none();
}

#[test]
fn a_vault_with_its_own_key_file_holds_secrets_only_sealed() {
    let story = Story::new();
    let own_key = [("EVERGRANT_MASTER_KEY", "")];
    story.exchange("acme --replace", 0, &own_key);
    story.files_hold_none();
    let key = std::fs::read_to_string(story.world.path("home/master.key")).unwrap();
    let (_, digits) = key.trim().split_once(':').unwrap();
    let digits = &digits[..32];
    for entry in std::fs::read_dir(story.world.path("home")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("master.key") {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(digits), "{}", path.display());
        }
    }
    assert_eq!(ACCESS_TOKEN.found_in(key.as_bytes()), None);
}
