//! New settings without another start.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
    thread::sleep,
    time::Duration,
};

use super::estate::{Estate, Server, eventually};

const HEALTH: &str = "/evergrant/metrics";

fn by_name(server: &Server) -> u16 {
    let request =
        format!("GET {HEALTH} HTTP/1.1\r\nhost: zoho.internal\r\nconnection: close\r\n\r\n");
    server.send(&request).status
}

#[test]
fn new_settings_are_taken_in_and_wrong_ones_are_not() {
    let estate = Estate::new("");
    let server = estate.start();
    assert_eq!(by_name(&server), 421);
    estate.flow.world.file(
        "config.toml",
        "[server]\nhosts = [\"zoho.internal\"]\nmetrics = \"open\"\nworkers = 7",
    );
    server.signal("HUP");
    eventually("the name is known", || {
        (by_name(&server) == 200).then_some(())
    });
    eventually("it is said what waits", || {
        estate.log().contains("server.workers").then_some(())
    });
    assert!(estate.log().contains("need another one"));
    estate.flow.world.file("config.toml", "[server]\nhost = []");
    server.signal("HUP");
    eventually("it is said", || {
        estate.log().contains("unknown field `host`").then_some(())
    });
    assert_eq!(by_name(&server), 200);
    estate
        .flow
        .world
        .file("config.toml", "[log]\nlevel = \"error\"");
    server.signal("HUP");
    eventually("the name is forgotten", || {
        (by_name(&server) == 421).then_some(())
    });
    for _ in 0..3 {
        server.get("/oauth/serverinfo");
    }
    sleep(Duration::from_millis(300));
    assert!(!estate.log().lines().last().unwrap().contains("serverinfo"));
}

#[test]
fn other_limits_are_taken_in() {
    let estate = Estate::new("[limits]\nrefreshes = 1\nkept_for_people = 0");
    // The exchange was the one.
    estate.expire();
    let server = estate.start();
    let refused = estate.refresh(&server);
    assert!(refused.body.contains("Access Denied"), "{refused:?}");
    estate.flow.world.file(
        "config.toml",
        "[limits]\nrefreshes = 2\nkept_for_people = 0\n[server]\nconnections_per_address = 1",
    );
    server.signal("HUP");
    eventually("it may refresh", || {
        estate
            .refresh(&server)
            .body
            .contains("access_token")
            .then_some(())
    });
    // The connection before it may have its place for a moment yet.
    let held = eventually("one is taken up", || {
        let mut held = std::net::TcpStream::connect(server.address).ok()?;
        write!(held, "GET {HEALTH} HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
        held.read_exact(&mut [0; 12]).ok()?;
        Some(held)
    });
    for _ in 0..3 {
        assert_eq!(server.get(HEALTH).status, 0, "one is held");
    }
    drop(held);
    eventually("its place is given back", || {
        (server.get(HEALTH).status == 200).then_some(())
    });
    let log = estate.log();
    assert!(!log.contains("need another one"), "{log}");
    assert!(log.contains("as many connections as it may have"), "{log}");
}

#[test]
fn another_admin_key_is_taken_in_and_the_old_one_stays_where_there_is_none() {
    let estate = Estate::new("");
    let server = estate.start();
    let file = estate.flow.world.path("admin.key");
    let old = fs::read_to_string(&file).unwrap();
    let new = format!("eva_{}", "A".repeat(43));
    assert_eq!(with_key(&server, "/evergrant/v1/status", &old), 200);
    assert_eq!(with_key(&server, HEALTH, &old), 200);
    fs::write(&file, &new).unwrap();
    server.signal("HUP");
    eventually("the new key is known", || {
        (with_key(&server, "/evergrant/v1/status", &new) == 200).then_some(())
    });
    assert_eq!(with_key(&server, "/evergrant/v1/status", &old), 401);
    assert_eq!(with_key(&server, HEALTH, &old), 401);
    fs::remove_file(&file).unwrap();
    server.signal("HUP");
    eventually("it is said", || {
        estate.log().contains("stays what it was").then_some(())
    });
    assert_eq!(with_key(&server, HEALTH, &new), 200);
    assert!(!file.exists(), "nobody asked for a new key");
}

/// Asks as something in front of the server does, with a key; the status of the answer.
fn with_key(server: &Server, path: &str, key: &str) -> u16 {
    let (address, key) = (server.address, key.trim());
    server
        .send(&format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nx-forwarded-for: 192.0.2.7\r\n\
             authorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        ))
        .status
}

/// A user who is neither the server's nor root.
const OTHER: u32 = 65_534;

#[test]
fn other_rights_of_a_user_are_felt_at_once() {
    if !nix::unistd::geteuid().is_root() {
        println!("only root can be somebody else");
        return;
    }
    let estate = Estate::new("");
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("evergrant.sock");
    let line = format!("serve --listen 127.0.0.1:0 --unix {}", socket.display());
    let server = estate.start_with(&line, &[]);
    let rule = |connection| {
        format!("[[server.local]]\nuser = {OTHER}\nconnections = [\"{connection}\"]\n")
    };
    let token = || as_another(&socket, "/evergrant/v1/connections/acme/token");
    assert_eq!(token(), "403");
    let unknown = "names connections that are not there connections=\"umbrella\"";
    assert!(!estate.log().contains("not there"));
    for (rules, status) in [
        (rule("acme"), "200"),
        (rule("umbrella"), "403"),
        (rule("umbrella") + &rule("acme"), "200"),
        (String::new(), "403"),
    ] {
        estate.flow.world.file("config.toml", &rules);
        server.signal("HUP");
        eventually(&rules, || (token() == status).then_some(()));
    }
    eventually("it is said each time", || {
        (estate.log().matches(unknown).count() == 2).then_some(())
    });
}

/// Asks by the Unix socket as another user; the status of the answer.
fn as_another(socket: &Path, path: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}"]);
    curl.arg("--unix-socket")
        .arg(socket)
        .arg(format!("http://localhost{path}"));
    let output = curl.uid(OTHER).gid(OTHER).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_renewed_certificate_is_shown_to_whoever_connects_next() {
    let estate = Estate::new("[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    certificate(&estate, "old.pem");
    let server = estate.start();
    assert!(trusts(&estate, &server, "old.pem"));
    certificate(&estate, "new.pem");
    server.signal("HUP");
    eventually("the new one is shown", || {
        trusts(&estate, &server, "new.pem").then_some(())
    });
    assert!(!trusts(&estate, &server, "old.pem"));
    estate.flow.world.file("key.pem", "nonsense");
    server.signal("HUP");
    eventually("it is said", || {
        estate.log().contains("the settings stay").then_some(())
    });
    let log = estate.log();
    let key = estate.flow.world.path("key.pem");
    let why = format!("there is no private key in {}", key.display());
    assert!(
        log.contains(&why) && log.contains("both files are PEM"),
        "{log}"
    );
    assert!(trusts(&estate, &server, "new.pem"));
}

/// Makes an identity of the server's, and keeps a copy of the certificate.
pub(super) fn certificate(estate: &Estate, copy: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    estate.flow.world.file("cert.pem", &made.cert.pem());
    estate.flow.world.file(copy, &made.cert.pem());
    estate
        .flow
        .world
        .file("key.pem", &made.signing_key.serialize_pem());
}

fn trusts(estate: &Estate, server: &Server, certificate: &str) -> bool {
    let url = format!("https://{}/evergrant/healthz", server.address);
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "--cacert"])
        .arg(estate.flow.world.path(certificate))
        .arg(url);
    curl.output().unwrap().status.success()
}
