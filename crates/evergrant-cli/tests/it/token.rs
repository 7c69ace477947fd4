//! `evergrant token` and `evergrant status`, as people and programs meet them.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::{flow::Flow, world::Outcome};

/// A home in which `acme` was just exchanged.
fn kept() -> Flow {
    let flow = Flow::new();
    flow.kept("");
    flow
}

impl Flow {
    /// Lets every token be over.
    pub(crate) fn expire(&self) {
        self.rows("UPDATE refreshes SET expires_ms = 1, expires_uptime_ms = 1");
    }

    /// Lets every token live for another 100 seconds.
    fn nearly_expire(&self) {
        self.rows(
            "UPDATE refreshes SET expires_uptime_ms = NULL, started_ms = started_ms - 3500000,
             expires_ms = expires_ms - 3500000",
        );
    }

    /// Lets every wait be over.
    fn open(&self) {
        self.rows("UPDATE leases SET closed_until_ms = 0");
    }

    fn refuse(self, word: &str) -> Self {
        let body = json!({ "error": word }).to_string();
        self.faults(
            json!([{ "on": "refresh", "do": "body", "status": 200, "body": body, "times": 99 }]),
        )
    }

    fn token(&self, options: &str) -> Outcome {
        self.world.run(&format!("token acme {options}"))
    }
}

#[test]
fn a_token_is_printed_alone_as_a_header_as_json_and_for_a_shell() {
    let flow = kept();
    let plain = flow.token("");
    let token = plain.stdout.trim_end().to_owned();
    assert_eq!((plain.exit_code, plain.stderr.as_str()), (0, ""));
    assert!(token.starts_with("1000.") && plain.stdout.lines().count() == 1);
    let header = flow.token("--format header").stdout;
    assert_eq!(header, format!("Authorization: Zoho-oauthtoken {token}\n"));

    let answer = flow.token("--json").answer();
    assert_eq!(answer, flow.token("--format json").answer());
    assert_eq!(answer["access_token"], json!(token));
    assert_eq!(answer["token_type"], "Zoho-oauthtoken");
    assert_eq!(
        answer["api_domain"],
        flow.simulator.ready["data_centers"]["us"]["api_domain"]
    );
    assert_eq!(answer["scopes"], json!(["ZohoCRM.modules.ALL"]));
    assert_eq!(
        (&answer["connection"], &answer["stale"]),
        (&json!("acme"), &json!(false))
    );
    assert!(answer["expires_in"].as_u64().unwrap() > 3500);

    let env = flow.token("--format env").stdout;
    assert!(
        env.starts_with(&format!("ZOHO_ACCESS_TOKEN={token}\n")),
        "{env}"
    );
    let script = flow.token("--format shell").stdout + "sh -c 'printf %s \"$ZOHO_ACCESS_TOKEN\"'";
    let shell = std::process::Command::new("/bin/sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(shell.stdout, token.as_bytes());
    let refreshed = flow.rows("SELECT count(*) FROM refreshes");
    assert_eq!(refreshed, "1", "the exchange's own");
}

#[test]
fn a_job_gets_it_masked_and_in_its_environment() {
    let flow = kept();
    let without = flow.token("--format github");
    assert_eq!(without.exit_code, 2, "{without:?}");
    let file = flow.world.file("job", "BEFORE=1\n");
    let mut command = flow.world.command(["token", "acme", "--format", "github"]);
    let outcome = Outcome::of(command.env("GITHUB_ENV", &file));
    let token = flow.token("").stdout;
    assert_eq!(outcome.stdout, format!("::add-mask::{token}"));
    let job = fs::read_to_string(file).unwrap();
    assert!(
        job.starts_with("BEFORE=1\nZOHO_ACCESS_TOKEN=1000."),
        "{job}"
    );
}

#[test]
fn what_is_kept_for_people_is_theirs() {
    let flow = kept();
    let refused = flow.token("--force-new");
    assert_eq!(refused.exit_code, 2);
    assert!(refused.stderr.contains("--reserve"), "{}", refused.stderr);
    let before = flow.token("").stdout;
    let new = flow.token("--force-new --reserve").stdout;
    assert_ne!(before, new);
    assert_eq!(flow.token("").stdout, new);
}

#[test]
fn a_refused_token_is_given_back_and_another_comes() {
    let flow = kept();
    let old = flow.token("").stdout;
    let new = flow
        .world
        .run_with_input("token acme --rejected-stdin", &old);
    assert_eq!(new.exit_code, 0, "{new:?}");
    assert_ne!(old, new.stdout);
    assert!(new.stderr.contains("not given any more"), "{}", new.stderr);
    let too_soon = flow
        .world
        .run_with_input("token acme --rejected-stdin --json", &new.stdout);
    assert_eq!(too_soon.warnings("too_many_reports").len(), 1);
    assert_eq!(
        too_soon.answer()["access_token"],
        json!(new.stdout.trim_end())
    );
    let strict = flow
        .world
        .run_with_input("token acme --rejected-stdin --json --strict", &new.stdout);
    assert_eq!((strict.exit_code, strict.stdout.as_str()), (6, ""));
    let error = strict.error();
    assert_eq!(error["reason"], "too_many_reports");
    assert!(error["retry_at"].is_string(), "{error}");
    let nonsense = flow
        .world
        .run_with_input("token acme --rejected-stdin", "a b\n");
    assert_eq!(nonsense.exit_code, 2);
}

#[test]
fn every_failure_has_its_exit_code_and_a_way_out() {
    let cases = [
        (
            "Access Denied",
            1,
            6,
            "access_denied",
            "somebody else refreshes",
        ),
        ("invalid_code", 1, 7, "unavailable", "asked once more"),
        (
            "invalid_code",
            2,
            4,
            "invalid_code",
            "exchange acme --replace",
        ),
        ("invalid_client", 1, 3, "app_refused", "data-centers"),
        (
            "invalid_client_secret",
            1,
            3,
            "app_refused",
            "apps secret add 1000.",
        ),
    ];
    for (word, tries, exit_code, reason, says) in cases {
        let flow = kept().refuse(word);
        flow.expire();
        for _ in 1..tries {
            flow.token("");
            flow.open();
        }
        let people = flow.token("");
        assert_eq!(people.exit_code, exit_code, "{word}: {people:?}");
        assert!(people.stderr.contains(says), "{word}: {}", people.stderr);
        assert_eq!(people.stdout, "");
        let error = flow.token("--json").error();
        assert_eq!(
            (&error["reason"], &error["connection"]),
            (&json!(reason), &json!("acme"))
        );
        let status = flow.world.run("status --json");
        assert_eq!(status.exit_code, exit_code, "{word}: {status:?}");
        let shown: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_ne!(shown[0]["state"], "healthy");
    }
    let nobody = kept().world.run("token nobody");
    assert_eq!(nobody.exit_code, 3);
}

#[test]
fn a_token_that_still_works_is_given_with_a_warning() {
    let flow = kept().refuse("Access Denied");
    flow.nearly_expire();
    let stale = flow.token("--json");
    assert_eq!(stale.exit_code, 0, "{stale:?}");
    assert_eq!(stale.warnings("stale").len(), 1);
    assert_eq!(stale.answer()["stale"], true);
    let strict = flow.token("--json --strict");
    assert_eq!((strict.exit_code, strict.stdout.as_str()), (6, ""));
    assert!(strict.error()["retry_at"].is_string());
}

#[test]
fn more_than_a_token_can_live_is_cut_or_refused() {
    let flow = kept();
    let cut = flow.token("--min-valid 59m --json");
    assert_eq!(cut.exit_code, 0, "{cut:?}");
    let warnings = cut.warnings("min_valid_cut");
    assert!(
        warnings[0].contains("a token lives 1 h; 54 min is the most that can be wanted"),
        "{warnings:?}"
    );
    let strict = flow.token("--min-valid 59m --strict --json");
    assert_eq!((strict.exit_code, strict.stdout.as_str()), (2, ""));
    assert_eq!(strict.error()["reason"], "min_valid_too_long");
    assert_eq!(flow.token("--min-valid 54m --strict").exit_code, 0);
}

#[test]
fn what_is_kept_for_people_is_offered_only_while_some_is_left() {
    let flow = kept();
    flow.world.file(
        "config.toml",
        "[limits]\nrefreshes = 3\nkept_for_people = 1\n",
    );
    assert_eq!(flow.token("--force-new --reserve").exit_code, 0);
    flow.expire();
    let offered = flow.token("");
    assert_eq!(offered.exit_code, 6, "{offered:?}");
    assert!(
        offered.stderr.contains("--reserve     to use the 1"),
        "{}",
        offered.stderr
    );
    assert_eq!(flow.token("--reserve").exit_code, 0);
    flow.expire();
    let used_up = flow.token("");
    assert_eq!(used_up.exit_code, 6, "{used_up:?}");
    assert!(!used_up.stderr.contains("--reserve"), "{}", used_up.stderr);
}

#[test]
fn a_healthy_home_passes_the_check_and_an_empty_one_too() {
    let flow = kept();
    let all = flow.world.run("status");
    assert_eq!(all.exit_code, 0, "{all:?}");
    assert!(
        all.stdout.contains("acme") && all.stdout.contains("1 of 10"),
        "{}",
        all.stdout
    );
    let one = flow.world.run("status acme");
    assert!(one.stdout.contains("living tokens   1"), "{}", one.stdout);
    assert_eq!(flow.world.run("status nobody").exit_code, 3);
    let none: [(); 0] = [];
    let shown = flow.world.run("status acme --json").answer();
    assert_eq!(
        (&shown[0]["live_tokens"], &shown[0]["history"]),
        (&json!(1), &json!(none))
    );
    let empty = crate::world::World::new();
    let nothing = empty.run("status --json");
    assert_eq!((nothing.exit_code, nothing.stdout.as_str()), (0, "[]\n"));
}

#[test]
fn what_befell_a_connection_is_told_newest_first() {
    let flow = kept().refuse("invalid_code");
    flow.expire();
    for _ in 0..2 {
        flow.token("");
        flow.open();
    }
    let status = flow.world.run("status acme");
    assert_eq!(status.exit_code, 4);
    let dead = status
        .stdout
        .find("failing -> new_grant_needed: invalid_code")
        .unwrap();
    let sick = status
        .stdout
        .find("healthy -> failing: Zoho says invalid_code")
        .unwrap();
    assert!(dead < sick);
    assert!(
        status.stderr.contains("the user changed the password"),
        "{status:?}"
    );
    flow.kept_again("--replace");
    let well = flow.world.run("status acme");
    assert_eq!(well.exit_code, 0);
    assert!(
        well.stdout
            .contains("new_grant_needed -> healthy: a new grant"),
        "{}",
        well.stdout
    );
}

#[test]
fn a_renewed_client_secret_is_tried_after_the_old_one_and_goes_first_from_then_on() {
    let flow = kept().refuse("invalid_client_secret");
    flow.expire();
    assert_eq!(flow.token("").exit_code, 3);
    assert_eq!(flow.token("").exit_code, 3);
    let refreshes = |flow: &Flow| flow.rows("SELECT count(*) FROM refreshes");
    assert_eq!(refreshes(&flow), "2", "nobody asks with a refused app");
    let client_id = flow.secret("client_id");
    flow.world
        .file("new", "b74f5e1c0d9a83726450f1e2d3c4b5a69788990a1b\n");
    let added = flow.world.run(&format!(
        "apps secret add {client_id} --client-secret-file new"
    ));
    assert_eq!(added.exit_code, 0, "{added:?}");
    let body = json!({ "error": "invalid_client_secret" }).to_string();
    let flow = flow.faults(json!([
        { "on": "refresh", "do": "body", "status": 200, "body": body, "times": 1 },
        { "on": "refresh", "do": "body", "status": 200,
          "body": json!({ "access_token": "1000.new", "expires_in": 3600 }).to_string(), "times": 2 },
    ]));
    assert_eq!(flow.token("").stdout, "1000.new\n");
    assert_eq!(refreshes(&flow), "4", "the old secret, then the new one");
    flow.expire();
    assert_eq!(flow.token("").stdout, "1000.new\n");
    assert_eq!(refreshes(&flow), "5", "the new one alone");
    assert_eq!(flow.world.run("status").exit_code, 0);
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let flow = kept();
    let mut command = flow.world.command(["token", "acme"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
