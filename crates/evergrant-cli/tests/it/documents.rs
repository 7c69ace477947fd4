//! The documents hang together: every link inside the repository leads somewhere, and the list of changes keeps its form.

use std::{
    fs,
    path::{Path, PathBuf},
};

const KINDS: [&str; 6] = [
    "Added",
    "Changed",
    "Deprecated",
    "Removed",
    "Fixed",
    "Security",
];

#[test]
fn every_relative_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() >= 10, "{documents:?}");
    let mut lost = Vec::new();
    for document in &documents {
        let text = prose(document);
        for target in targets(&text).filter(|target| !is_elsewhere(target)) {
            if !leads_somewhere(document, target) {
                lost.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn the_list_of_changes_keeps_its_form() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings[0], "# Changelog");
    assert!(headings[1].starts_with(&format!("## {} - ", env!("CARGO_PKG_VERSION"))));
    for heading in &headings[1..] {
        let is_right = match heading.split_once(' ').unwrap() {
            ("##", release) => is_release(release),
            ("###", kind) => KINDS.contains(&kind),
            _ => false,
        };
        assert!(is_right, "{heading}");
    }
}

/// Says whether a text is a version and its day, or the one to come.
fn is_release(text: &str) -> bool {
    let Some((version, day)) = text.split_once(" - ") else {
        return false;
    };
    let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    let is_day = day == "unreleased" || day.parse::<jiff::civil::Date>().is_ok();
    numbers.len() == 3 && numbers.iter().all(Result::is_ok) && is_day
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Finds every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let mut documents = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if name.ends_with(".md") {
                documents.push(path);
            }
        }
    }
    documents
}

/// Reads a document without its code, in which brackets are no links.
fn prose(document: &Path) -> String {
    let text = fs::read_to_string(document).unwrap();
    let outside_blocks = text.split("```").step_by(2).collect::<String>();
    outside_blocks.split('`').step_by(2).collect()
}

/// Returns what the links of a text lead to: `[words](target)` and `[words]: target`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1);
    let named = text.lines().filter_map(|line| {
        let (_, target) = line.strip_prefix('[')?.split_once("]: ")?;
        Some(target)
    });
    inline
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .chain(named)
}

fn is_elsewhere(target: &str) -> bool {
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
}

fn leads_somewhere(document: &Path, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = match path {
        "" => document.to_path_buf(),
        path => document.parent().unwrap().join(path),
    };
    file.exists() && (anchor.is_empty() || headings(&file).any(|heading| heading == anchor))
}

/// Lists the anchors of a document's headings, as forges make them.
fn headings(document: &Path) -> impl Iterator<Item = String> + use<> {
    let text = fs::read_to_string(document).unwrap();
    let headings: Vec<String> = text
        .lines()
        .filter_map(|line| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| {
                if c == ' ' {
                    '-'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
        })
        .collect();
    headings.into_iter()
}
