//! Durations as people write them: `500ms`, `30s`, `10m`, `1h`, `90d`, or a bare number of seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A text that is no duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no duration: write 30s, 10m, 1h or 90d, or a number of seconds")]
pub(crate) struct InvalidDuration(String);

/// Parses one duration; fails for anything but a whole number with at most one unit.
pub(crate) fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.chars().take(40).collect());
    let text = text.trim();
    if let Some(number) = text.strip_suffix("ms") {
        return number_of(number)
            .map(Duration::from_millis)
            .ok_or_else(invalid);
    }
    let (number, seconds_per_unit) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 60 * 60),
        Some((end, 'd')) => (&text[..end], 24 * 60 * 60),
        _ => (text, 1),
    };
    number_of(number)
        .and_then(|number| number.checked_mul(seconds_per_unit))
        .map(Duration::from_secs)
        .ok_or_else(invalid)
}

/// Reads digits and nothing else; a sign, which the standard library would take, is none.
fn number_of(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Parses a duration that must be longer than nothing, for a time limit.
pub(crate) fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse(text) {
        Ok(Duration::ZERO) => Err("a limit of no time at all would refuse everything".to_owned()),
        Ok(duration) => Ok(duration),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// Reads a time limit from a configuration file, as a text or as a number of seconds.
pub(crate) fn deserialize_limit<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Option<Duration>, D::Error> {
    parse_limit(&written(source)?)
        .map(Some)
        .map_err(de::Error::custom)
}

/// Reads a wait from a configuration file, which may be none at all.
pub(crate) fn deserialize_wait<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Option<Duration>, D::Error> {
    parse(&written(source)?)
        .map(Some)
        .map_err(de::Error::custom)
}

fn written<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(u64),
        Text(String),
    }
    Ok(match Written::deserialize(source)? {
        Written::Seconds(seconds) => seconds.to_string(),
        Written::Text(text) => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_the_units_people_write() {
        for (text, seconds) in [
            ("30s", 30),
            ("10m", 600),
            ("1h", 3600),
            ("90d", 7_776_000),
            ("45", 45),
            (" 5m ", 300),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in [
            "",
            "s",
            "ms",
            "-1ms",
            "-1",
            "+1",
            "1.5h",
            "1h30m",
            "1 h",
            "ten",
            "1w",
            "٣",
            "99999999999999999999",
            "999999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_limit("0s").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn a_number_of_seconds_comes_back(seconds in 0..u64::MAX) {
            prop_assert_eq!(parse(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
        }
    }
}
