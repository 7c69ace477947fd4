//! A row of the audit named from outside of it.

use std::{fmt, str::FromStr};

/// The number of a row and its hash, as `SEQ:HEX`. Kept where the vault is not, it proves later that
/// this row and all before it are still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Anchor {
    pub(super) seq: i64,
    pub(super) hash: [u8; 32],
}

impl Anchor {
    /// Returns the number of the row; the first is 1.
    pub fn seq(&self) -> i64 {
        self.seq
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = base16ct::lower::encode_string(&self.hash);
        write!(f, "{}:{hash}", self.seq)
    }
}

/// The text is no anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an anchor is the number of a row, a colon, and 64 hexadecimal digits in lower case")]
pub struct InvalidAnchor;

impl FromStr for Anchor {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, InvalidAnchor> {
        let (seq, hex) = text.split_once(':').ok_or(InvalidAnchor)?;
        // What the standard library would take and nothing here writes: a sign, zeros in front.
        let plain = seq.bytes().all(|byte| byte.is_ascii_digit()) && !seq.starts_with('0');
        let seq = seq.parse().ok().filter(|_| plain).ok_or(InvalidAnchor)?;
        let mut hash = [0; 32];
        match base16ct::lower::decode(hex, &mut hash) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self { seq, hash }),
            _ => Err(InvalidAnchor),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_anchors_are_read() {
        let hex = "0f".repeat(32);
        assert_eq!(
            format!("12:{hex}").parse(),
            Ok(Anchor {
                seq: 12,
                hash: [15; 32]
            })
        );
        let upper = hex.to_uppercase();
        for bad in [
            String::new(),
            hex.clone(),
            format!(":{hex}"),
            format!("0:{hex}"),
            format!("012:{hex}"),
            format!("-1:{hex}"),
            format!("+1:{hex}"),
            format!("1:{upper}"),
            format!("1:{}", &hex[2..]),
            format!("1:{hex}0f"),
            format!("99999999999999999999:{hex}"),
            format!("1:{hex} "),
        ] {
            assert_eq!(bad.parse::<Anchor>(), Err(InvalidAnchor), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_anchor_is_read_as_it_is_written(seq in 1..=i64::MAX, hash in any::<[u8; 32]>()) {
            let anchor = Anchor { seq, hash };
            prop_assert_eq!(anchor.to_string().parse(), Ok(anchor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(anchor) = text.parse::<Anchor>() {
                prop_assert_eq!(anchor.to_string(), text);
            }
        }
    }
}
