//! Times as people and machines read them.

use std::time::Duration;

use evergrant::clock::Timestamp;

/// Writes a moment as RFC 3339 in UTC, such as `2027-01-15T08:00:00.000Z`: always with milliseconds, so that times in
/// columns are of one length.
///
/// <https://www.rfc-editor.org/rfc/rfc3339>
pub fn rfc3339(time: Timestamp) -> String {
    let millis = time.as_millis();
    let nearest = if millis < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(nearest);
    format!("{time:.3}")
}

/// Writes a span in its two largest units: `2 min 5 s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let written = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(written(0), "0 s");
        assert_eq!(written(125), "2 min 5 s");
        assert_eq!(written(3_600), "1 h");
        assert_eq!(written(90_061), "1 d 1 h");
    }

    #[test]
    fn any_moment_can_be_written() {
        let written = |millis| rfc3339(Timestamp::from_millis(millis));
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_656_472_923_490), "2022-06-29T03:22:03.490Z");
        assert_eq!(written(1_656_472_923_084), "2022-06-29T03:22:03.084Z");
        assert!(
            written(i64::MAX).starts_with("9999-") && written(i64::MIN).starts_with("-009999-")
        );
    }
}
