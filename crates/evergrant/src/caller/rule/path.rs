//! Comparing paths as they were sent.

/// Tells whether everybody who reads this path reads the same one. Servers differ in what they make of dots,
/// doubled slashes, parameters behind a semicolon, and in how often they decode.
pub(super) fn is_plain(raw_path: &str) -> bool {
    let Some(rest) = raw_path.strip_prefix('/') else {
        return false;
    };
    if raw_path.contains(['\\', '?', '#', '\0']) || hides_structure(raw_path) {
        return false;
    }
    let last = rest.split('/').count() - 1;
    let fine = |(index, segment): (usize, &str)| {
        (!segment.is_empty() || index == last) && !is_dots(segment)
    };
    rest.split('/').enumerate().all(fine)
}

/// Finds a slash, backslash, semicolon, percent or NUL that is encoded, and a percent that encodes nothing.
fn hides_structure(path: &str) -> bool {
    const HIDDEN: [&[u8; 2]; 5] = [b"2f", b"5c", b"3b", b"25", b"00"];
    path.split('%').skip(1).any(|rest| {
        rest.as_bytes().first_chunk().is_none_or(|code: &[u8; 2]| {
            let is_hidden = HIDDEN
                .iter()
                .any(|hidden| code.eq_ignore_ascii_case(*hidden));
            is_hidden || !code.iter().all(u8::is_ascii_hexdigit)
        })
    })
}

/// Tells whether a segment is `.` or `..`, written out or encoded, whatever stands behind a semicolon.
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let mut rest = name.as_bytes();
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
    dots == 1 || dots == 2
}

/// Tells whether a pattern matches a path.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let open_end = pattern.ends_with('*');
    let (mut patterns, mut segments) = (pattern.split('/').peekable(), path.split('/'));
    while let Some(pattern) = patterns.next() {
        let Some(segment) = segments.next() else {
            return false;
        };
        if !segment_matches(pattern.as_bytes(), segment.as_bytes()) {
            return false;
        }
        if open_end && patterns.peek().is_none() {
            return true;
        }
    }
    segments.next().is_none()
}

/// Matches one segment: on a mismatch, the last star takes one byte more.
fn segment_matches(pattern: &[u8], segment: &[u8]) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut last_star = None;
    while s < segment.len() {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p, s));
            p += 1;
        } else if pattern.get(p) == Some(&segment[s]) {
            p += 1;
            s += 1;
        } else if let Some((star, taken)) = last_star {
            last_star = Some((star, taken + 1));
            p = star + 1;
            s = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Rule, *};

    /// The same by trying out every length of every star.
    fn slowly(pattern: &[u8], path: &[u8]) -> bool {
        match pattern {
            [] => path.is_empty(),
            [b'*'] => true,
            [b'*', rest @ ..] => {
                let within = path.iter().take_while(|&&byte| byte != b'/').count();
                (0..=within).any(|taken| slowly(rest, &path[taken..]))
            }
            [first, rest @ ..] => path
                .split_first()
                .is_some_and(|(head, tail)| head == first && slowly(rest, tail)),
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_trying_everything_finds(
            pattern in "(/[ab*]{0,4}){1,4}", path in "(/[ab]{0,4}){1,5}",
        ) {
            let end = pattern.trim_end_matches('*').len();
            let pattern = if pattern.len() > end { format!("{}*", &pattern[..end]) } else { pattern };
            prop_assert_eq!(matches(&pattern, &path), slowly(pattern.as_bytes(), path.as_bytes()));
        }

        #[test]
        fn a_rule_is_read_as_it_is_written(text in "(\\*|GET|PATCH) (/[a-z0-9*%.]{1,4}){1,4}") {
            if let Ok(rule) = text.parse::<Rule>() {
                prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
            }
        }

        #[test]
        fn nothing_panics(rule in ".{0,40}", path in ".{0,40}") {
            if let Ok(rule) = rule.parse::<Rule>() {
                rule.allows("GET", &path);
            }
            is_plain(&path);
            matches(&rule, &path);
        }

        #[test]
        fn decoding_once_or_twice_never_leaves_what_is_allowed(path in "/a/([.%2eEfF/5cC;03b6]{0,12})") {
            let rule: Rule = "GET /a/*".parse().unwrap();
            if rule.allows("GET", &path) {
                let once = decoded(&path);
                for text in [path.clone(), once.clone(), decoded(&once)] {
                    prop_assert!(text.starts_with("/a/") && !text.split('/').any(|s| s == ".." || s == "."), "{}", text);
                }
            }
        }
    }

    fn decoded(text: &str) -> String {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((&first, tail)) = rest.split_first() {
            let hex = (first == b'%').then(|| tail.get(..2)).flatten();
            let hex =
                hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
            bytes.push(hex.unwrap_or(first));
            rest = if hex.is_some() { &tail[2..] } else { tail };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
