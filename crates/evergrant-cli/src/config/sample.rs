//! The sample and the guide know every setting that there is.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Config, Log, LogLevel, invalid::FORMS};

const TABLES: [&str; 5] = ["http", "master_key", "limits", "server", "log"];

#[test]
fn the_sample_has_every_setting_and_can_be_read() {
    let sample = read("packaging/config.toml");
    let settings = uncommented(&sample);
    let config = Config::parse(&settings, Path::new("/etc/evergrant/config.toml")).unwrap();
    assert_eq!(config.master_key.len(), 3);
    assert_eq!(
        config.log,
        Log {
            level: Some(LogLevel::Info),
            ..Log::default()
        }
    );
    for table in TABLES {
        let header = format!("[{table}]");
        let parts = settings.split("\n[").map(|part| format!("[{part}"));
        let own: String = parts.filter(|part| part.contains(&header)).collect();
        let written: BTreeSet<String> = own
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key.to_owned())
            .collect();
        assert_eq!(written, known(table), "[{table}]");
    }
}

#[test]
fn the_sample_changes_nothing_as_it_is() {
    let sample = read("packaging/config.toml");
    let config = Config::parse(&sample, Path::new("config.toml")).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn it_is_known_how_every_setting_is_written() {
    for table in TABLES {
        for key in known(table) {
            let path = format!("{table}.{key}");
            assert!(FORMS.iter().any(|(known, _)| *known == path), "{path}");
        }
    }
}

#[test]
fn the_guide_names_every_setting() {
    let guide = read("docs/configuration.md");
    for table in TABLES {
        let heading = if table == "master_key" {
            "## `[[master_key]]`".to_owned()
        } else {
            format!("## `[{table}]`")
        };
        let section = guide.split_once(&heading).expect(table).1;
        let section = section.split("\n## ").next().unwrap();
        for key in known(table) {
            assert!(section.contains(&format!("`{key}`")), "[{table}] {key}");
        }
    }
}

/// Lists the settings of a table, as the error about an unknown one does.
fn known(table: &str) -> BTreeSet<String> {
    let text = match table {
        "master_key" => "[[master_key]]\nnonsense = 1".to_owned(),
        _ => format!("[{table}]\nnonsense = 1"),
    };
    let error = Config::parse(&text, Path::new("c"))
        .unwrap_err()
        .to_string();
    let (_, expected) = error
        .split_once("expected one of ")
        .or_else(|| error.split_once("expected "))
        .expect(&error);
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Takes the "#" away that stands directly before a setting.
fn uncommented(sample: &str) -> String {
    let line = |line: &str| {
        let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        setting.unwrap_or(line).to_owned()
    };
    let lines: Vec<_> = sample.lines().map(line).collect();
    lines.join("\n")
}

fn read(path: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(path),
    )
    .unwrap()
}
