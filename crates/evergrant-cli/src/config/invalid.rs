//! What to say of a configuration that cannot be read: which setting it is, what is written there, and what to write.

use std::{ops::Range, path::Path};

use crate::cli::error::CliError;

/// How each setting is written.
pub(super) const FORMS: [(&str, &str); 35] = [
    ("http", "a table: [http]"),
    ("http.ca_file", "a path, such as \"ca.pem\""),
    ("http.silence", "a duration, such as \"30s\""),
    ("http.max_retries", "a number from 0 to 10"),
    ("http.retry_delay", "a duration, such as \"500ms\""),
    ("master_key", "tables: [[master_key]]"),
    ("master_key.file", "a path, such as \"master.key\""),
    (
        "master_key.env",
        "the name of a variable, such as \"OLD_MASTER_KEY\"",
    ),
    (
        "master_key.command",
        "a list of a program and its arguments, such as [\"kms\", \"decrypt\", \"evergrant\"]",
    ),
    ("limits", "a table: [limits]"),
    ("limits.refreshes", "a number, such as 10"),
    ("limits.window", "a duration, such as \"10m\""),
    ("limits.kept_for_people", "a number, such as 2"),
    ("server", "a table: [server]"),
    (
        "server.public_url",
        "a URL, such as \"https://zoho.example.com\"",
    ),
    (
        "server.hosts",
        "a list of names, with the port if it is not the usual one, such as [\"zoho.internal:8470\"]",
    ),
    (
        "server.listen",
        "a list of IP addresses with ports, such as [\"127.0.0.1:8470\"]",
    ),
    (
        "server.unix",
        "a path, such as \"/run/evergrant/evergrant.sock\"",
    ),
    ("server.tls_cert", "a path, such as \"server.pem\""),
    ("server.tls_key", "a path, such as \"server.key\""),
    ("server.in_the_clear", "true or false"),
    ("server.workers", "a number from 1 on, such as 2"),
    (
        "server.connections_per_address",
        "a number from 1 on, such as 1000",
    ),
    ("server.simultaneous", "a number from 1 on, such as 10"),
    ("server.grace", "a duration, such as \"30s\""),
    ("server.admin_key_file", "a path, such as \"admin.key\""),
    (
        "server.local",
        "tables: [[server.local]], or a list of them, such as [{ user = \"anna\", connections = [\"acme\"] }]",
    ),
    (
        "server.local.user",
        "a name or a number, such as \"anna\" or 1000",
    ),
    (
        "server.local.connections",
        "a list of names, such as [\"acme\"]",
    ),
    ("server.metrics", "\"local\" or \"open\""),
    (
        "server.alert_command",
        "a list of a program and its arguments, such as [\"/etc/evergrant/alert\"]",
    ),
    (
        "server.alert_webhook",
        "a URL, such as \"https://hooks.example.com/T0/B0\"",
    ),
    ("log", "a table: [log]"),
    (
        "log.level",
        "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    ),
    ("log.format", "\"text\" or \"json\""),
];

/// How the parser begins when it speaks of types, which are ours and tell nobody what to write.
const OF_TYPES: [&str; 5] = [
    "invalid type",
    "invalid value",
    "unknown variant",
    "wanted string or table",
    "data did not match",
];

/// The longest value that is repeated.
const SHOWN: usize = 40;

/// Says what is wrong, and in which line.
pub(super) fn invalid(error: &toml::de::Error, text: &str, path: &Path) -> CliError {
    let span = error.span().unwrap_or(0..0);
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let what = told(error.message().trim(), text, span);
    CliError::config(
        "config_invalid",
        format!("{}, line {line}: {what}", path.display()),
    )
    .next(format!("correct line {line} of {}", path.display()))
}

fn told(message: &str, text: &str, span: Range<usize>) -> String {
    let Some(setting) = Setting::at(text, span.start) else {
        return message.to_owned();
    };
    let is_ours = !OF_TYPES.iter().any(|begin| message.starts_with(begin));
    match setting.form() {
        // Some say it all themselves.
        Some(_) if message.starts_with('[') => message.to_owned(),
        Some(_) if is_ours && !message.contains(" field `") => format!("{setting}: {message}"),
        Some(form) if !is_ours => match setting.value(text, span) {
            Some(value) => format!("{setting} = {value}: write {form}"),
            None => format!("{setting}: write {form}"),
        },
        _ => message.to_owned(),
    }
}

/// A setting as it is written.
struct Setting<'a> {
    /// The header of its table; empty before the first one.
    header: &'a str,
    /// Empty if the table itself is meant.
    key: &'a str,
}

impl<'a> Setting<'a> {
    /// Finds what is written at a place: its value may begin in an earlier line. `None` if that is no setting.
    fn at(text: &'a str, place: usize) -> Option<Self> {
        let before = text.get(..place)?;
        let rest = text[place..].split('\n').next().unwrap_or_default();
        let end = before.len() + rest.len();
        let mut key = None;
        for line in text[..end].lines().rev().map(str::trim) {
            if let Some(header) = header(line) {
                let key = key.unwrap_or_default();
                return Some(Self { header, key });
            }
            if key.is_none()
                && let Some((name, _)) = line.split_once('=')
            {
                key = Some(name.trim()).filter(|name| is_key(name));
            }
        }
        key.map(|key| Self { header: "", key })
    }

    fn path(&self) -> String {
        let table = self.header.trim_matches(['[', ']']).trim();
        let parts = [table, self.key].into_iter().filter(|one| !one.is_empty());
        parts.collect::<Vec<_>>().join(".")
    }

    /// Returns how it is written, if it is known.
    fn form(&self) -> Option<&'static str> {
        let path = self.path();
        let found = FORMS.iter().find(|(known, _)| *known == path);
        found.map(|(_, form)| *form)
    }

    /// Returns what is written, if it is short. A webhook's URL and what is meant for a key may be secrets.
    fn value(&self, text: &'a str, span: Range<usize>) -> Option<&'a str> {
        let is_private = self.key == "alert_webhook" || self.path().starts_with("master_key");
        let value = text.get(span)?.trim();
        let is_short = value.len() <= SHOWN && !value.is_empty() && !value.contains('\n');
        (is_short && !is_private && !self.key.is_empty()).then_some(value)
    }
}

impl std::fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [self.header, self.key];
        let parts: Vec<_> = parts.into_iter().filter(|one| !one.is_empty()).collect();
        f.write_str(&parts.join(" "))
    }
}

fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    let name = name.trim_start_matches('[');
    let length = line.len() - rest.trim_start_matches(']').len();
    is_key(name.trim()).then(|| &line[..length])
}

fn is_key(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};

    fn told(text: &str) -> String {
        let error = Config::parse(text, Path::new("c.toml")).unwrap_err();
        error.to_string().replace("c.toml, ", "")
    }

    #[test]
    fn a_setting_of_another_type_is_told_with_what_to_write() {
        for (text, words) in [
            (
                "[server]\nconnections_per_address = 0",
                "line 2: [server] connections_per_address = 0: write a number from 1 on, such as 1000",
            ),
            (
                "[server]\nhosts = \"x\"",
                "line 2: [server] hosts = \"x\": write a list of names, with the port if it is not the usual one, such as [\"zoho.internal:8470\"]",
            ),
            (
                "[server]\nin_the_clear = \"yes\" # really",
                "line 2: [server] in_the_clear = \"yes\": write true or false",
            ),
            (
                "[server]\nmetrics = \"all\"",
                "line 2: [server] metrics = \"all\": write \"local\" or \"open\"",
            ),
            (
                "server.unix = 1",
                "line 1: server.unix = 1: write a path, such as \"/run/evergrant/evergrant.sock\"",
            ),
            (
                "[server]\ngrace = -1",
                "line 2: [server] grace = -1: write a duration, such as \"30s\"",
            ),
            (
                "[[server.local]]\nuser = 1.5\nconnections = []",
                "line 2: [[server.local]] user = 1.5: write a name or a number, such as \"anna\" or 1000",
            ),
            (
                "[limits]\nrefreshes = -1",
                "line 2: [limits] refreshes = -1: write a number, such as 10",
            ),
            (
                "[log]\nlevel = 3",
                "line 2: [log] level = 3: write \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
            ),
            ("server = 1", "line 1: server = 1: write a table: [server]"),
            (
                "[master_key]\nfile = \"x\"",
                "line 1: [master_key]: write tables: [[master_key]]",
            ),
            (
                "[http]\nsilence = 0",
                "line 2: [http] silence: a limit of no time at all would refuse everything",
            ),
            (
                "[server]\nhosts = [\n  \"a\",\n  1,\n]",
                "line 4: [server] hosts = 1: write a list of names, with the port if it is not the usual one, such as [\"zoho.internal:8470\"]",
            ),
        ] {
            assert_eq!(told(text), words, "{text}");
        }
    }

    #[test]
    fn a_name_that_nobody_calls_by_is_refused() {
        for host in ["http://x", "x/", "", "a b", "user@x"] {
            let told = told(&format!(
                "[server]\nhosts = [\"zoho.internal\", \"{host}\"]"
            ));
            let begins = format!("line 2: [server] hosts holds \"{host}\": write a list of names");
            assert!(told.starts_with(&begins), "{told}");
        }
        let fine =
            "[server]\nhosts = [\"zoho.internal:8470\", \"192.0.2.1\", \"[2001:db8::1]:8470\"]";
        Config::parse(fine, Path::new("c.toml")).unwrap();
    }

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        let secret = "https://hooks.example.com/s";
        for text in [
            format!("[server]\nalert_webhook = [\"{secret}\"]"),
            format!("[server]\nalert_webhook = \"ftp{secret}\""),
            format!("[[master_key]]\nenv = [\"{secret}\"]"),
        ] {
            assert!(!told(&text).contains("com/s"), "{}", told(&text));
        }
    }

    #[test]
    fn every_form_is_told_where_it_is_needed() {
        for (path, form) in FORMS {
            let example = form.rsplit_once("such as ").map(|(_, example)| example);
            let key = path.rsplit('.').next().unwrap();
            let text = match path.rsplit_once('.') {
                Some(("master_key", _)) => format!("[[master_key]]\n{key} = 0.5"),
                Some(("server.local", _)) => format!("[[server.local]]\n{key} = 0.5"),
                Some((table, _)) => format!("[{table}]\n{key} = 0.5"),
                None => format!("{key} = 0.5"),
            };
            assert!(
                told(&text).contains(form) || told(&text).contains(example.unwrap()),
                "{text}: {}",
                told(&text)
            );
        }
    }
}
