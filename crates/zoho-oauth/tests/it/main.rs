//! Sends requests over real sockets to servers that play a script byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ahead;
mod clients;
mod connecting;
mod proxies;
mod replies;
mod server;
mod tls;

#[test]
fn no_file_is_forgotten() {
    let source = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = format!("mod {};", name.trim_end_matches(".rs"));
        assert!(
            name == "main.rs" || source.contains(&module),
            "{name} is not compiled"
        );
    }
}
