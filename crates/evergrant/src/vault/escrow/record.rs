//! The bytes of an escrow record.
//!
//! ```text
//! 0      magic (8) ‖ vault id (36) ‖ exchange id (32) ‖ phase (1) ‖ attempt (1) ‖ length (4) ‖ sealed context
//! 16384  magic (8) ‖ attempt (1) ‖ length (4) ‖ sealed reply, the rest random
//! ```
//! The reply counts only if its attempt is the one that the head names last.

use std::{fmt, str::FromStr};

use base64ct::{Base64, Encoding};
use rand::CryptoRng;
use zeroize::Zeroizing;
use zoho_oauth::{Reply, ReplyEnd};

const MAGIC: &[u8; 8] = b"EVGESCR\x01";
const REPLY_MAGIC: &[u8; 8] = b"EVGREPL\x01";
const VAULT_ID: std::ops::Range<usize> = 8..44;
const ID: std::ops::Range<usize> = 44..76;
/// Where the phase stands, and the attempt after it.
pub(super) const PHASE: usize = 76;
const ATTEMPT: usize = 77;
const CONTEXT_LENGTH: usize = 78;
const CONTEXT: usize = 82;
/// Where the reply's slot begins.
pub(super) const SLOT: usize = 16 * 1024;
const SLOT_LEN: usize = 64 * 1024;
/// The size of a record on disk.
pub(super) const FILE_LEN: usize = SLOT + SLOT_LEN;
const REPLY_HEAD: usize = 8 + 1 + 4;
/// What a header's value is cut to.
const HEADER_LIMIT: usize = 1024;

/// The name of one exchange: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId([u8; 16]);

impl ExchangeId {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self(id)
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl fmt::Debug for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExchangeId({self})")
    }
}

/// The text is not the id of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an exchange's id is 32 hexadecimal digits")]
pub struct InvalidExchangeId;

impl FromStr for ExchangeId {
    type Err = InvalidExchangeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        match base16ct::lower::decode(text, &mut id) {
            Ok(decoded) if decoded.len() == 16 => Ok(Self(id)),
            _ => Err(InvalidExchangeId),
        }
    }
}

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was sent.
    Prepared,
    /// The request may have left; no reply is here.
    Sending,
    /// A reply is here.
    Replied,
}

impl Phase {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Sending => "sending",
            Self::Replied => "replied",
        }
    }
}

/// A record as it lies in escrow: nothing secret in it is open.
#[derive(Clone, Debug)]
pub struct Record {
    /// The vault that it belongs to.
    pub vault_id: String,
    /// The exchange.
    pub id: ExchangeId,
    sending: bool,
    pub(super) attempt: u8,
    pub(super) context_sealed: Vec<u8>,
    reply: Option<(u8, Vec<u8>)>,
}

impl Record {
    /// Makes the record of an exchange of which nothing was sent.
    ///
    /// `None` if the context is too long for it.
    pub(crate) fn prepared(
        vault_id: &str,
        id: ExchangeId,
        context_sealed: Vec<u8>,
    ) -> Option<Self> {
        let fits = vault_id.len() == VAULT_ID.len() && context_sealed.len() <= SLOT - CONTEXT;
        let vault_id = vault_id.to_owned();
        fits.then_some(Self {
            vault_id,
            id,
            sending: false,
            attempt: 0,
            context_sealed,
            reply: None,
        })
    }

    /// Returns the record with a reply in it.
    pub(crate) fn with_reply(&self, attempt: u8, reply_sealed: Vec<u8>) -> Self {
        Self {
            sending: true,
            attempt,
            reply: Some((attempt, reply_sealed)),
            ..self.clone()
        }
    }

    /// Reads a record; `None` if it is none, or not whole.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        let context = bytes.get(CONTEXT..)?;
        let length = u32::from_be_bytes(bytes.get(CONTEXT_LENGTH..CONTEXT)?.try_into().ok()?);
        Some(Self {
            vault_id: String::from_utf8(bytes.get(VAULT_ID)?.to_vec()).ok()?,
            id: std::str::from_utf8(bytes.get(ID)?).ok()?.parse().ok()?,
            sending: *bytes.get(PHASE)? != b'p',
            attempt: *bytes.get(ATTEMPT)?,
            context_sealed: context.get(..usize::try_from(length).ok()?)?.to_vec(),
            reply: bytes.get(SLOT..).and_then(read_slot),
        })
    }

    /// Returns the record's bytes, without the random filling of its slot.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_LEN);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.vault_id.as_bytes());
        bytes.extend_from_slice(self.id.to_string().as_bytes());
        bytes.extend_from_slice(&phase_bytes(self.sending, self.attempt));
        bytes.extend_from_slice(&length_of(&self.context_sealed));
        bytes.extend_from_slice(&self.context_sealed);
        bytes.resize(SLOT, 0);
        if let Some((attempt, sealed)) = &self.reply {
            bytes.extend_from_slice(&slot_bytes(*attempt, sealed));
        }
        bytes
    }

    /// Returns the record as lines of text, still sealed, for a person to keep.
    pub(crate) fn to_text(&self) -> String {
        let mut bytes = self.to_bytes();
        // The padding between context and slot is left out.
        bytes.drain(CONTEXT + self.context_sealed.len()..SLOT);
        let encoded = Base64::encode_string(&bytes);
        let (mut text, mut rest) = (
            String::from("-----BEGIN EVERGRANT ESCROW-----\n"),
            &*encoded,
        );
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(76));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text + "-----END EVERGRANT ESCROW-----\n"
    }

    /// Reads what [`to_text`](Self::to_text) wrote, whatever stands around it.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN EVERGRANT ESCROW-----")?;
        let (encoded, _) = rest.split_once("-----END EVERGRANT ESCROW-----")?;
        let encoded: String = encoded.split_whitespace().collect();
        let mut bytes = Base64::decode_vec(&encoded).ok()?;
        let length = u32::from_be_bytes(bytes.get(CONTEXT_LENGTH..CONTEXT)?.try_into().ok()?);
        let end = CONTEXT.checked_add(usize::try_from(length).ok()?)?;
        if end > SLOT || end > bytes.len() {
            return None;
        }
        bytes.splice(end..end, std::iter::repeat_n(0, SLOT - end));
        Self::from_bytes(&bytes)
    }

    /// Tells how far the exchange had come.
    pub fn phase(&self) -> Phase {
        match (self.sending, self.current_reply()) {
            (_, Some(_)) => Phase::Replied,
            (true, None) => Phase::Sending,
            (false, None) => Phase::Prepared,
        }
    }

    /// Tells how many requests may have left.
    pub(crate) fn attempts(&self) -> u8 {
        self.attempt
    }

    /// Returns the sealed reply to the last request.
    pub(super) fn current_reply(&self) -> Option<&[u8]> {
        let (attempt, sealed) = self.reply.as_ref()?;
        (*attempt == self.attempt).then_some(sealed)
    }
}

/// Returns what marks a request as leaving.
pub(super) fn phase_bytes(sending: bool, attempt: u8) -> [u8; 2] {
    [if sending { b's' } else { b'p' }, attempt]
}

/// Returns what goes into the slot.
pub(super) fn slot_bytes(attempt: u8, sealed: &[u8]) -> Vec<u8> {
    [
        REPLY_MAGIC.as_slice(),
        &[attempt],
        &length_of(sealed),
        sealed,
    ]
    .concat()
}

fn read_slot(slot: &[u8]) -> Option<(u8, Vec<u8>)> {
    if slot.get(..8)? != REPLY_MAGIC {
        return None;
    }
    let length = u32::from_be_bytes(slot.get(9..REPLY_HEAD)?.try_into().ok()?);
    let sealed = slot
        .get(REPLY_HEAD..)?
        .get(..usize::try_from(length).ok()?)?;
    Some((slot[8], sealed.to_vec()))
}

fn length_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Writes a reply as bytes: what a slot holds, sealed.
pub(super) fn encode_reply(reply: &Reply) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(reply.body.len() + 256));
    bytes.extend_from_slice(&reply.status.to_be_bytes());
    bytes.push(match reply.end {
        ReplyEnd::Complete => 0,
        ReplyEnd::Cut => 1,
        ReplyEnd::TooLarge => 2,
    });
    for header in [&reply.content_type, &reply.location, &reply.date] {
        let value = header.as_deref().unwrap_or_default().as_bytes();
        let value = &value[..value.len().min(HEADER_LIMIT)];
        // Unwrap safety: cut to HEADER_LIMIT.
        bytes.extend_from_slice(&u16::try_from(value.len()).expect("short").to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes.extend_from_slice(&reply.body);
    bytes
}

/// Reads what [`encode_reply`] wrote.
pub(super) fn decode_reply(bytes: &[u8]) -> Option<Reply> {
    let (status, rest) = bytes.split_first_chunk::<2>()?;
    let (end, mut rest) = rest.split_first()?;
    let mut headers = [const { None }; 3];
    for header in &mut headers {
        let (length, more) = rest.split_first_chunk::<2>()?;
        let (value, more) = more.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        *header = (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned());
        rest = more;
    }
    let [content_type, location, date] = headers;
    let end = match end {
        0 => ReplyEnd::Complete,
        1 => ReplyEnd::Cut,
        2 => ReplyEnd::TooLarge,
        _ => return None,
    };
    let body = Zeroizing::new(rest.to_vec());
    Some(Reply {
        status: u16::from_be_bytes(*status),
        content_type,
        location,
        date,
        body,
        end,
    })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
