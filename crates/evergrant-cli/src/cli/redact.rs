//! Keeping a secret that stands in the wrong place out of the message that says so.

use std::path::Path;

/// What is shown instead.
const HIDDEN: &str = "[hidden]";

/// Hides what may be a token in a text that repeats arguments: long runs of letters with digits in them.
pub(crate) fn hide_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_token) {
        let run = &rest[start..];
        let run = &run[..run
            .find(|character| !in_token(character))
            .unwrap_or(run.len())];
        let hides = run.len() >= 24 && run.contains(|c: char| c.is_ascii_digit());
        clean.push_str(&rest[..start]);
        clean.push_str(if hides { HIDDEN } else { run });
        rest = &rest[start + run.len()..];
    }
    clean + rest
}

/// Shows a path, unless it is no path but a secret: file names are often long and have digits, so only what looks
/// just like Zoho's tokens and client secrets is hidden.
pub(crate) fn hide_token_as_path(path: &Path) -> String {
    let shown = path.display().to_string();
    let is_hex = |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_token = shown.starts_with("1000.") && shown.split('.').any(is_hex);
    if is_token || is_hex(&shown) {
        HIDDEN.to_owned()
    } else {
        shown
    }
}

fn in_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_flags_stay() {
        let text = "unexpected argument '--client-secret-command' found; tip: --data-centers us,eu (1 of 2)";
        assert_eq!(hide_tokens(text), text);
        assert_eq!(
            hide_tokens("'1000.0123456789abcdef01234' found"),
            "'[hidden]' found"
        );
    }

    #[test]
    fn paths_stay() {
        for path in [
            "self_client-2026-11-22T10-15-00.json",
            "/run/secrets/0123456789abcdef0123456789abcdef",
            "1000.json",
        ] {
            assert_eq!(hide_token_as_path(Path::new(path)), path);
        }
    }

    proptest! {
        #[test]
        fn no_token_gets_through(before in ".{0,10}[ '=]", token in "1000\\.[0-9a-f]{32}\\.[0-9a-f]{32}", after in "[ ',].{0,10}") {
            let text = format!("{before}{token}{after}");
            prop_assert!(!hide_tokens(&text).contains(&token));
            prop_assert_eq!(hide_token_as_path(Path::new(&token)), HIDDEN);
        }
    }
}
