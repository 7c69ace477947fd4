//! Where a list begins, as people write it.

use std::{str::FromStr, time::Duration};

use evergrant::{
    audit::{Anchor, Since},
    clock::Timestamp,
};

use crate::duration;

/// The value of `--since`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SinceArg {
    /// A row.
    Anchor(Anchor),
    /// A moment.
    Time(Timestamp),
    /// So long before now.
    Ago(Duration),
}

impl SinceArg {
    /// Returns where the list begins, if it is `now`.
    pub(super) fn counted_from(self, now: Timestamp) -> Since {
        match self {
            Self::Anchor(anchor) => Since::Anchor(anchor),
            Self::Time(time) => Since::Time(time),
            Self::Ago(ago) => Since::Time(now.minus(ago)),
        }
    }
}

/// The text is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give an anchor as `evergrant audit head` prints it, a time such as 2027-01-15T08:00:00Z, a date such as 2027-01-15, or a duration such as 24h"
)]
pub(crate) struct InvalidSince;

impl FromStr for SinceArg {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, InvalidSince> {
        if let Ok(anchor) = text.parse() {
            return Ok(Self::Anchor(anchor));
        }
        if let Ok(ago) = duration::parse(text) {
            return Ok(Self::Ago(ago));
        }
        // A date is its first moment, in the time zone in which all times are printed.
        let midnight = (text.len() == "2027-01-15".len()).then(|| format!("{text}T00:00:00Z"));
        let time = midnight.as_deref().unwrap_or(text);
        let time: jiff::Timestamp = time.parse().map_err(|_| InvalidSince)?;
        Ok(Self::Time(Timestamp::from_millis(time.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_ways_are_read() {
        let anchor = format!("12:{}", "0f".repeat(32));
        assert_eq!(
            anchor.parse(),
            Ok(SinceArg::Anchor(anchor.parse().unwrap()))
        );
        assert_eq!(
            "24h".parse(),
            Ok(SinceArg::Ago(Duration::from_secs(86_400)))
        );
        let time = Timestamp::from_millis(1_800_000_000_000);
        for text in ["2027-01-15T08:00:00Z", "2027-01-15T10:00:00+02:00"] {
            assert_eq!(text.parse(), Ok(SinceArg::Time(time)), "{text}");
        }
        let midnight = Timestamp::from_millis(1_800_000_000_000 - 8 * 3_600_000);
        assert_eq!("2027-01-15".parse(), Ok(SinceArg::Time(midnight)));
        for text in [
            "",
            "yesterday",
            "12:0f",
            "2027-02-30",
            "2027-1-15",
            "01-15-2027",
            "-1h",
        ] {
            assert_eq!(text.parse::<SinceArg>(), Err(InvalidSince), "{text}");
        }
    }

    #[test]
    fn a_duration_is_counted_back_from_now() {
        let ago: SinceArg = "1h".parse().unwrap();
        let since = ago.counted_from(Timestamp::from_millis(3_600_001));
        assert_eq!(since, Since::Time(Timestamp::from_millis(1)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = text.parse::<SinceArg>();
        }
    }
}
