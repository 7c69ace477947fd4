//! `evergrant exec`: a program with a token in its environment, in our place or beside us.

mod in_our_place;
mod signals;
mod token_file;

use std::{
    collections::BTreeSet,
    os::unix::{ffi::OsStrExt, process::CommandExt, process::ExitStatusExt},
    process::{Child, Command, Output, Stdio},
};

use serde_json::json;

use crate::{flow::Flow, world::Outcome};

/// The two ways to run a program; the second with a file for the token.
const WAYS: [&str; 2] = ["", "--token-file token"];

impl Flow {
    /// Prepares a shell script with the token of `acme`, in a process group of its own, as shells start programs.
    fn exec(&self, options: &str, script: &str) -> Command {
        self.exec_of(options, &["sh", "-c", script])
    }

    fn exec_of(&self, options: &str, program: &[&str]) -> Command {
        let line = format!("exec acme --json {options} --");
        let mut command = self.world.command(line.split_whitespace());
        command.args(program).process_group(0);
        command
    }

    fn has_token_file(&self) -> bool {
        // What is on its way to be one counts too.
        let files = std::fs::read_dir(self.world.path("")).unwrap();
        let mut names = files.map(|file| file.unwrap().file_name());
        names.any(|name| name == "token" || name.as_bytes().starts_with(b".new-"))
    }
}

/// Runs a command by another program, in the same folder and environment.
fn by(program: &[&str], inner: &Command) -> Command {
    let mut outer = Command::new(program[0]);
    outer
        .args(&program[1..])
        .arg(inner.get_program())
        .args(inner.get_args());
    outer
        .env_clear()
        .current_dir(inner.get_current_dir().unwrap());
    outer.envs(
        inner
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    outer
}

/// Runs a command by a shell that first does something else, and then becomes it.
fn after(line: &str, inner: &Command) -> Command {
    by(&["sh", "-c", &format!("{line}; exec \"$@\""), "sh"], inner)
}

/// Makes a connection whose access tokens live this long.
fn connected(seconds: u64) -> Flow {
    let flow = Flow::new().limits(json!({ "access_token_seconds": seconds }));
    flow.kept("");
    flow
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn kill(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.unwrap().success());
}

/// Returns what a program printed that must have ended well.
fn printed(command: &mut Command) -> String {
    let outcome = Outcome::of(command);
    assert_eq!(
        (outcome.exit_code, &*outcome.stderr),
        (0, ""),
        "{outcome:?}"
    );
    outcome.stdout
}

/// Returns the exit code as a shell sees it.
fn exit_code(output: &Output) -> i32 {
    let by_signal = || 128 + output.status.signal().unwrap();
    output.status.code().unwrap_or_else(by_signal)
}

#[test]
fn a_program_sees_this_environment_without_our_secrets_and_the_token() {
    let flow = connected(3600);
    let token = flow.world.run("token acme --json").answer();
    let member = |name: &str| token[name].as_str().unwrap().to_owned();
    for way in WAYS {
        // A shell would add variables of its own.
        let mut command = flow.exec_of(way, &["cat", "/proc/self/environ"]);
        command.envs([
            ("TOWN", "Kuopio"),
            ("ZOHO_CLIENT_ID", "1000.ABC"),
            ("ZOHO_CLIENT_SECRET", "s1"),
            ("ZOHO_GRANT_TOKEN", "s2"),
            ("ZOHO_REFRESH_TOKEN", "s3"),
            ("EVERGRANT_PASSPHRASE", "s4"),
            ("ZOHO_ACCESS_TOKEN", "another connection's"),
            ("ZOHO_ACCESS_TOKEN_FILE", "/another"),
            ("ZOHO_ACCESS_TOKEN_EXPIRES_AT", "another time"),
            ("ZOHO_API_DOMAIN", "https://another.example"),
        ]);
        let seen = printed(&mut command);
        let seen: BTreeSet<&str> = seen.split_terminator('\0').collect();
        let home = flow.world.path("").display().to_string();
        let home = home.trim_end_matches('/');
        let mut wanted = vec![
            format!("EVERGRANT_HOME={home}"),
            "PATH=/usr/bin:/bin".to_owned(),
            format!("TMPDIR={home}"),
            "TOWN=Kuopio".to_owned(),
            "ZOHO_CLIENT_ID=1000.ABC".to_owned(),
            format!("ZOHO_ACCESS_TOKEN={}", member("access_token")),
            format!("ZOHO_ACCESS_TOKEN_EXPIRES_AT={}", member("expires_at")),
            format!("ZOHO_API_DOMAIN={}", member("api_domain")),
        ];
        if !way.is_empty() {
            wanted.push(format!("ZOHO_ACCESS_TOKEN_FILE={home}/token"));
        }
        assert_eq!(seen, wanted.iter().map(String::as_str).collect(), "{way}");
    }
    assert!(!flow.has_token_file());
}

#[test]
fn without_an_api_domain_none_of_another_connection_is_left() {
    let token = |digit: &str| format!("1000.{0}.{0}", digit.repeat(32));
    let answer =
        json!({ "access_token": token("a"), "refresh_token": token("b"), "expires_in": 3600 });
    let flow = Flow::new().reply(200, &answer.to_string());
    flow.kept("");
    let mut command = flow.exec("", "echo \"${ZOHO_API_DOMAIN-none}\"");
    command.env("ZOHO_API_DOMAIN", "https://another.example");
    assert_eq!(printed(&mut command), "none\n");
}

#[test]
fn the_exit_code_is_the_programs() {
    let flow = connected(3600);
    for way in WAYS {
        for (script, code) in [
            ("true", 0),
            ("exit 7", 7),
            ("exit 125", 125),
            ("kill -s TERM $$", 143),
        ] {
            let output = flow.exec(way, script).output().unwrap();
            assert_eq!(exit_code(&output), code, "{way} {script}: {output:?}");
            assert!(
                output.stdout.is_empty() && output.stderr.is_empty(),
                "{output:?}"
            );
        }
    }
    assert!(!flow.has_token_file());
}

#[test]
fn a_program_without_a_name_costs_no_refresh() {
    let flow = connected(3600);
    flow.expire();
    for way in WAYS {
        let outcome = Outcome::of(&mut flow.exec_of(way, &[""]));
        assert_eq!(outcome.exit_code, 125, "{outcome:?}");
        assert!(outcome.stderr.contains("empty text"), "{outcome:?}");
    }
    let refreshes = flow.rows("SELECT count(*) FROM refreshes");
    assert_eq!(refreshes, "1", "the exchange's own");
}

#[test]
fn a_failure_of_ours_is_125_and_says_which() {
    let flow = connected(3600);
    for (line, code, reason) in [
        ("exec nobody -- touch ran", "config", "no_such_connection"),
        ("exec acme", "usage", "missing_argument"),
        ("exec acme touch ran", "usage", "unknown_argument"),
        (
            "--home none exec acme -- touch ran",
            "config",
            "no_such_connection",
        ),
        (
            "exec acme --token-file none/token -- touch ran",
            "config",
            "token_file_unwritable",
        ),
        (
            "exec acme --token-file config.toml -- touch ran",
            "config",
            "token_file_in_the_way",
        ),
        (
            "exec acme --refresh-token x -- touch ran",
            "usage",
            "secret_as_value",
        ),
    ] {
        let outcome = flow.world.run(&format!("--json {line}"));
        let error = outcome.error();
        assert_eq!(
            (outcome.exit_code, &error["exit_code"]),
            (125, &json!(125)),
            "{line}: {outcome:?}"
        );
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!(code), &json!(reason)),
            "{line}"
        );
        assert!(!error["next"].as_array().unwrap().is_empty(), "{error}");
        assert_eq!(outcome.stdout, "");
    }
    flow.simulator
        .control("POST", "/kill", &json!({ "what": "client" }));
    flow.rows("DELETE FROM refreshes");
    let refused = Outcome::of(&mut flow.exec("", "touch ran"));
    assert_eq!(
        (refused.exit_code, &refused.error()["code"]),
        (125, &json!("config"))
    );
    assert!(!flow.world.path("ran").exists());
}

#[test]
fn a_program_that_does_not_start_is_126_or_127() {
    let flow = connected(3600);
    let data = flow.world.file("data", "no program");
    let data = data.to_str().unwrap();
    for way in WAYS {
        for (program, code, reason) in [
            (data, 126, "not_executable"),
            ("/", 126, "not_executable"),
            ("no-such-program", 127, "program_not_found"),
            ("./none/such", 127, "program_not_found"),
        ] {
            let outcome = Outcome::of(&mut flow.exec_of(way, &[program]));
            let error = outcome.error();
            assert_eq!(outcome.exit_code, code, "{way} {program}: {outcome:?}");
            assert_eq!(
                (&error["exit_code"], &error["reason"]),
                (&json!(code), &json!(reason))
            );
            assert_eq!(outcome.stdout, "");
        }
    }
    assert!(!flow.has_token_file());
}

#[test]
fn what_is_to_be_known_of_the_token_is_said_before_the_program_begins() {
    let flow = connected(3600);
    for way in WAYS {
        let outcome = Outcome::of(&mut flow.exec(&format!("{way} --min-valid 2h"), "echo ran"));
        assert_eq!((outcome.exit_code, &*outcome.stdout), (0, "ran\n"));
        assert!(outcome.warning("min_valid_cut").is_some(), "{outcome:?}");
        let quiet =
            Outcome::of(&mut flow.exec(&format!("{way} --min-valid 2h --quiet"), "echo ran"));
        assert_eq!((&*quiet.stdout, &*quiet.stderr), ("ran\n", ""));
    }
}

#[test]
fn inside_another_the_inner_connection_is_the_one_that_counts() {
    let flow = connected(3600);
    flow.grant(json!({ "scope": crate::flow::SCOPE }));
    let other = Outcome::of(&mut flow.command("umbrella", ""));
    assert_eq!(other.exit_code, 0, "{other:?}");
    let umbrella = flow.world.run("token umbrella").stdout;
    let evergrant = env!("CARGO_BIN_EXE_evergrant");
    let show = "echo \"$ZOHO_ACCESS_TOKEN\"; cat \"${ZOHO_ACCESS_TOKEN_FILE-/dev/null}\"";
    for (outer, inner, times) in [
        ("", "", 1),
        ("--token-file token", "", 1),
        ("", "--token-file token2", 2),
        ("--token-file token", "--token-file token2", 2),
    ] {
        let mut program = vec![evergrant, "exec", "umbrella"];
        program.extend(inner.split_whitespace());
        program.extend(["--", "sh", "-c", show]);
        let seen = printed(&mut flow.exec_of(outer, &program));
        assert_eq!(seen, umbrella.repeat(times), "{outer} {inner}");
    }
    assert_ne!(umbrella, flow.world.run("token acme").stdout);
    assert!(!flow.has_token_file());
}
