//! Where a server is and where its files lie if nobody says.

use std::os::unix::fs::FileTypeExt;

use super::estate::Estate;

#[test]
fn a_server_at_every_address_needs_a_name() {
    let estate = Estate::new("");
    let said = |options: &str| {
        let line = format!("serve --listen 0.0.0.0:0 --in-the-clear {options}");
        drop(estate.start_with(&line, &[]));
        estate.log().contains("--public-url URL")
    };
    assert!(!said("--public-url http://zoho.internal:8470"));
    assert!(said(""));
}

#[test]
fn a_server_of_a_user_makes_the_folders_that_it_needs() {
    let estate = Estate::new("");
    let home = estate.flow.world.path("anna");
    let runtime = estate.flow.world.path("run");
    let folders = [
        ("EVERGRANT_HOME", ""),
        ("HOME", home.to_str().unwrap()),
        ("XDG_RUNTIME_DIR", runtime.to_str().unwrap()),
    ];
    std::fs::create_dir(&home).unwrap();
    let server = estate.start_with("serve --listen 127.0.0.1:0", &folders);
    assert_eq!(server.get("/evergrant/healthz").status, 200);
    let socket = std::fs::metadata(runtime.join("evergrant/evergrant.sock")).unwrap();
    assert!(socket.file_type().is_socket());
    assert!(home.join(".local/share/evergrant/vault.db").exists());
}
