//! Secrets that sing: known texts to look for wherever they must not be, in every form they may take.

use std::{fs, path::Path};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// A kind of secret, with the text that every secret of this kind has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    text: &'static str,
}

const fn canary(name: &'static str, text: &'static str) -> Canary {
    Canary { name, text }
}

pub(crate) const CLIENT_SECRET: Canary =
    canary("client secret", "c7a91f0d5be2846f3d90a1c46be7f82d51");
pub(crate) const GRANT_TOKEN: Canary = canary("grant token", "9d2e4f81b7c06a53e18fd92b47a0c365");
pub(crate) const REFRESH_TOKEN: Canary =
    canary("refresh token", "4be0d3976ca81f25b39ce704d8f1a26b");
pub(crate) const ACCESS_TOKEN: Canary = canary("access token", "f13c8a5e07b96d42c85ea1f370d94b6e");
pub(crate) const CODE_VERIFIER: Canary =
    canary("code verifier", "kQ7xVn2ZpLr84TwYhBd6Jc3MsGf9Ea5U-Xo1RtKi");
pub(crate) const MASTER_KEY: Canary = canary(
    "master key",
    "8f3b6ad20c94e75718d2c5f0a36b9e4471e0d85a2cb7f6931d4e8a05c3b2f967",
);
pub(crate) const PROXY_PASSWORD: Canary = canary("proxy password", "Wq4tZ8vKx2Lm6Rb9Yd3Hs7Pn");

/// All of them.
pub(crate) const ALL: [Canary; 7] = [
    CLIENT_SECRET,
    GRANT_TOKEN,
    REFRESH_TOKEN,
    ACCESS_TOKEN,
    CODE_VERIFIER,
    MASTER_KEY,
    PROXY_PASSWORD,
];

impl Canary {
    /// Returns a secret of this kind in Zoho's shape for tokens.
    pub(crate) fn token(self, number: usize) -> String {
        format!("1000.{}.{number:032x}", self.text)
    }

    /// Returns the secret as it is, where there is only one.
    pub(crate) fn text(self) -> &'static str {
        self.text
    }

    /// Lists the bytes that give the secret away: any 16 of its characters, as they are, in hexadecimal digits and in
    /// base64; and, if it is hexadecimal itself, what it stands for.
    fn forms(self) -> Vec<(&'static str, Vec<u8>)> {
        let mut forms = Vec::new();
        for piece in self.text.as_bytes().chunks_exact(16) {
            forms.push(("clear", piece.to_vec()));
            forms.push(("upper case", piece.to_ascii_uppercase()));
            forms.push(("hexadecimal", hexadecimal(piece).into_bytes()));
            forms.extend(base64_forms(piece).map(|form| ("base64", form)));
            if let Some(bytes) = decoded(piece) {
                forms.push(("decoded", bytes));
            }
        }
        forms
    }

    /// Names the form in which this secret stands in `bytes`.
    pub(crate) fn found_in(self, bytes: &[u8]) -> Option<&'static str> {
        let forms = self.forms();
        let found = forms.iter().find(|(_, form)| contains(bytes, form));
        found.map(|(name, _)| *name)
    }
}

/// Stops the test if one of these secrets stands in `bytes`.
#[track_caller]
pub(crate) fn none_in(canaries: &[Canary], bytes: &[u8], place: &str) {
    for canary in canaries {
        if let Some(form) = canary.found_in(bytes) {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(4000)]);
            panic!("the {} stands in {place}, {form}:\n{shown}", canary.name);
        }
    }
}

/// Stops the test if a file or a file's name below a folder gives a secret away; returns how many files there were.
#[track_caller]
pub(crate) fn none_below(canaries: &[Canary], folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let place = path.display().to_string();
        none_in(canaries, place.as_bytes(), "a file's name");
        if path.is_dir() {
            files += none_below(canaries, &path);
        } else if path.is_file() {
            none_in(canaries, &fs::read(&path).unwrap(), &place);
            files += 1;
        }
    }
    files
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let digits = std::str::from_utf8(text).ok()?;
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

/// Base64 of a text that begins at the first, second or third byte of a group, without the digits at the ends that
/// its neighbours have a part in.
fn base64_forms(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let engines = [&STANDARD, &URL_SAFE];
    engines.into_iter().flat_map(move |engine| {
        (0..3).map(move |before| {
            let whole = engine.encode([vec![0; before], text.to_vec()].concat());
            let begin = [0, 2, 3][before];
            let end = (before + text.len()) * 8 / 6;
            whole.as_bytes()[begin..end].to_vec()
        })
    })
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let first = form[0];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(form) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[test]
fn every_form_is_found() {
    for canary in ALL {
        let secret = format!("before {}!", canary.text());
        assert_eq!(canary.found_in(secret.as_bytes()), Some("clear"));
        let hexadecimal = hexadecimal(secret.as_bytes());
        assert_eq!(canary.found_in(hexadecimal.as_bytes()), Some("hexadecimal"));
        for before in ["", "a", "ab"] {
            let encoded = STANDARD.encode(format!("{before}{secret}"));
            assert_eq!(canary.found_in(encoded.as_bytes()), Some("base64"));
        }
        assert_eq!(canary.found_in(b"nothing of the kind"), None);
    }
    let key = decoded(MASTER_KEY.text().as_bytes()).unwrap();
    assert_eq!(MASTER_KEY.found_in(&key), Some("decoded"));
    assert_eq!(
        CLIENT_SECRET.found_in(GRANT_TOKEN.token(1).as_bytes()),
        None
    );
}
