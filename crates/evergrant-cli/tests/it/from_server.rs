//! `evergrant token` beside a running server: the server is asked, and what is printed is the same.

use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, net::UnixListener},
};

use serde_json::{Value, json};

use crate::{
    flow::Flow,
    served::Served,
    world::{Outcome, World},
};

/// A home in which `acme` was just exchanged.
fn kept() -> Flow {
    let flow = Flow::new();
    flow.kept("");
    flow
}

/// Runs a command that works on the vault itself, whatever runs.
fn on_the_vault(world: &World, line: &str) -> Outcome {
    Outcome::of(world.command(line.split(' ')).env("EVERGRANT_SOCKET", ""))
}

/// Runs a command of somebody who has no vault, and asks the server of this one.
fn elsewhere(world: &World, line: &str) -> Outcome {
    let empty = World::new();
    let socket = world.path("evergrant.sock");
    Outcome::of(
        empty
            .command(line.split(' '))
            .env("EVERGRANT_SOCKET", socket),
    )
}

/// Takes out what passes with the seconds.
fn timeless(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut answer) if answer["expires_in"].is_u64() => {
            answer["expires_in"] = json!(0);
            answer.to_string()
        }
        _ => text.to_owned(),
    }
}

#[test]
fn what_a_server_gives_is_printed_as_what_the_vault_gives() {
    let flow = kept();
    let _server = Served::start(&flow.world, "");
    for line in [
        "token acme",
        "token acme --format header",
        "token acme --format json",
        "token acme --json",
        "token acme --min-valid 30m",
        "token acme --min-valid 59m",
        "token acme --min-valid 59m --json",
        "token acme --min-valid 59m --strict --json",
        "token acme --min-valid 1500ms",
        "token acme --format env",
        "token acme --quiet --format shell",
        "token nobody",
        "token nobody --json",
    ] {
        let (theirs, ours) = (
            elsewhere(&flow.world, line),
            on_the_vault(&flow.world, line),
        );
        assert_eq!(timeless(&theirs.stdout), timeless(&ours.stdout), "{line}");
        assert_eq!(
            (theirs.exit_code, &theirs.stderr),
            (ours.exit_code, &ours.stderr),
            "{line}"
        );
        let members = |text: &str| text.split("\"expires_in\":").next().unwrap().to_owned();
        assert_eq!(members(&theirs.stdout), members(&ours.stdout), "{line}");
    }
}

#[test]
fn why_a_server_gives_none_is_said_in_the_same_words() {
    let refused = json!({ "error": "invalid_client_secret" }).to_string();
    let flow = kept().faults(
        json!([{ "on": "refresh", "do": "body", "status": 200, "body": refused, "times": 99 }]),
    );
    flow.expire();
    // Refused twice, it is not asked for any more.
    for _ in 0..2 {
        flow.world.run("token acme");
    }
    let _server = Served::start(&flow.world, "");
    for line in ["token acme", "token acme --json", "token acme --quiet"] {
        let (theirs, ours) = (
            elsewhere(&flow.world, line),
            on_the_vault(&flow.world, line),
        );
        assert_eq!(
            (theirs.exit_code, &*theirs.stdout),
            (3, ""),
            "{line}: {theirs:?}"
        );
        assert_eq!(theirs.stderr, ours.stderr, "{line}");
    }
}

#[test]
fn a_refused_token_is_reported_to_the_server() {
    let flow = kept();
    let _server = Served::start(&flow.world, "");
    let old = flow.world.run("token acme").stdout;
    let new = flow
        .world
        .run_with_input("token acme --rejected-stdin", &old);
    assert_eq!(new.exit_code, 0, "{new:?}");
    assert!(new.stderr.contains("not given any more"), "{}", new.stderr);
    assert_ne!(new.stdout, old);
    assert_eq!(flow.world.run("token acme").stdout, new.stdout);
    let too_many = flow
        .world
        .run_with_input("token acme --rejected-stdin --strict --json", &new.stdout);
    assert_eq!(too_many.exit_code, 6, "{too_many:?}");
    assert_eq!(too_many.error()["reason"], "too_many_reports");
}

#[test]
fn where_no_server_answers_the_vault_is_opened_and_nothing_said() {
    let flow = kept();
    let token = flow.world.run("token acme").stdout;
    let socket = flow.world.path("evergrant.sock");
    // A socket that nobody listens at, one that says nonsense, and one that says nothing.
    drop(UnixListener::bind(&socket).unwrap());
    let silent = flow.world.run("token acme");
    assert_eq!((&silent.stdout, &*silent.stderr), (&token, ""));
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 500 No\r\ncontent-length: 4\r\n\r\noops",
        "SSH-2.0\r\n",
        "",
    ] {
        fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let answering = std::thread::spawn(move || {
            // The short way and the usual one.
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.write_all(said.as_bytes());
            }
        });
        let outcome = flow.world.run("token acme");
        answering.join().unwrap();
        assert_eq!((&outcome.stdout, &*outcome.stderr), (&token, ""), "{said}");
    }
}

#[test]
fn a_socket_of_another_user_is_not_asked() {
    if !rustix::process::geteuid().is_root() {
        println!("only root can give a socket away");
        return;
    }
    let flow = kept();
    let socket = flow.world.path("evergrant.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::os::unix::fs::chown(&socket, Some(65_534), None).unwrap();
    let outcome = flow.world.run("token acme --json");
    assert_eq!(outcome.answer()["connection"], "acme");
    let warnings = outcome.warnings("untrusted_socket");
    assert!(warnings[0].contains("another user's"), "{warnings:?}");
}

#[test]
fn the_admin_key_is_made_once_works_and_is_nowhere_else() {
    let flow = kept();
    let server = Served::start(&flow.world, "");
    let path = flow.world.path("admin.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let key = fs::read_to_string(&path).unwrap().trim().to_owned();
    let header = format!("Authorization: Bearer {key}");
    let reply = server.get("/evergrant/v1/connections/acme/token", &header);
    let token = flow.world.run("token acme").stdout.trim().to_owned();
    assert!(reply.contains(&token), "{reply}");
    let wrong = server.get("/evergrant/v1/status", "Authorization: Bearer eva_wrong");
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let in_url = server.get(&format!("/evergrant/v1/status?key={key}"), "X: y");
    assert!(
        in_url.starts_with("HTTP/1.1 400") && !in_url.contains(&key),
        "{in_url}"
    );
    flow.world
        .run_with_input("token acme --rejected-stdin", &token);
    let log = server.stop();
    assert!(
        log.contains("a wrong admin key") && log.contains("reported as refused"),
        "{log}"
    );
    for secret in [&key, &token, &flow.secret("client_secret")] {
        assert!(!log.contains(&**secret), "{log}");
    }
    let again = Served::start(&flow.world, "");
    assert!(
        again
            .get("/evergrant/v1/status", &header)
            .starts_with("HTTP/1.1 200")
    );
}

#[test]
fn an_admin_key_that_others_can_read_is_refused() {
    let flow = kept().config("[server]\nadmin_key_file = \"keys/admin\"\n");
    drop(Served::start(&flow.world, ""));
    let path = flow.world.path("keys/admin");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let refused = flow.world.run("serve --listen 127.0.0.1:0");
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[test]
fn the_doctor_looks_at_a_server() {
    let flow = kept();
    let flow = flow.config("[server]\npublic_url = \"http://127.0.0.1:1\"\n");
    let server = Served::start(&flow.world, "");
    let url = format!("http://{}", server.address());
    let outcome = flow.world.run(&format!("doctor --server {url} --json"));
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    let report = outcome.answer();
    let status = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("{name}: {report}"))["status"].clone()
    };
    for name in ["server", "version", "clock", "socket"] {
        assert_eq!(status(name), "ok", "{report}");
    }
    // What it is known by leads nowhere.
    assert_eq!(status("public_url"), "warn");
    drop(server);
    let nobody = flow.world.run(&format!("doctor --server {url}"));
    assert_eq!(nobody.exit_code, 7, "{nobody:?}");
    let zoho = flow.simulator.accounts_domain();
    let other = flow.world.run(&format!("doctor --server {zoho}"));
    assert_eq!(other.exit_code, 3, "{other:?}");
    assert!(other.stdout.contains("no Evergrant"), "{}", other.stdout);
}

#[test]
fn what_a_command_changed_a_server_knows_when_it_ends() {
    let flow = kept();
    let _server = Served::start(&flow.world, "");
    for _ in 0..3 {
        let new = flow.world.run("token acme --force-new --reserve");
        assert_eq!(new.exit_code, 0, "{new:?}");
        let given = flow.world.run("token acme");
        assert_eq!(given.stdout, new.stdout);
    }
    let names = ["acme", "beta", "gamma", "delta"];
    for pair in names.windows(2) {
        let line = format!("connections rename {} {}", pair[0], pair[1]);
        assert_eq!(flow.world.run(&line).exit_code, 0);
        let line = format!("token {}", pair[0]);
        assert_ne!(flow.world.run(&line).exit_code, 0, "{line}");
    }
}
