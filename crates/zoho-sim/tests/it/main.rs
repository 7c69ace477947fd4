//! One contract test for each documented behaviour, by raw HTTP over a real socket.
#![allow(clippy::unwrap_used)] // A test that cannot go on should stop where it stands.

mod console;
mod control;
mod crm_create;
mod crm_list;
mod crm_search;
mod crm_tokens;
mod crm_update;
mod data_centers;
mod exchange;
mod faults;
mod limits;
mod manners;
mod parameters;
mod refresh;
mod revoke;
mod world;

/// A file that is not named above would never run.
#[test]
fn no_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = format!("mod {};", name.trim_end_matches(".rs"));
        assert!(
            name == "main.rs" || include_str!("main.rs").contains(&module),
            "{name}"
        );
    }
}
