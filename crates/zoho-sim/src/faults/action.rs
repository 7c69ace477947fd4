//! What a fault does.

use std::time::Duration;

use serde::Deserialize;

/// What a fault does, by the word in `do` and its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Action {
    /// With an error word: refused in the server's own shape. Without: closed before anything is read.
    Refuse {
        error: Option<String>,
        status: Option<Status>,
    },
    /// The connection is reset after the request was read and before it is acted on.
    ResetBefore {},
    /// Acted on, then reset without a byte of a reply.
    ResetAfter {},
    /// Acted on, then closed after so many bytes of the body; half of it unless said otherwise.
    Cut { after_bytes: Option<usize> },
    /// Acted on, and answered late, in real time.
    Delay {
        #[serde(default = "five_seconds")]
        seconds: f64,
    },
    /// Acted on, and answered byte by byte, in real time.
    Drip {
        #[serde(default = "twenty_milliseconds")]
        milliseconds: u64,
    },
    /// Not acted on: an empty reply with this status.
    Status { status: Status },
    /// Not acted on: a page, as a gateway in between sends it.
    Html {
        #[serde(default)]
        status: Status,
    },
    /// Acted on, and answered with random bytes in place of the body.
    Garbage {
        #[serde(default = "garbage_bytes")]
        bytes: usize,
    },
    /// Acted on, and answered with a body of at least so many bytes.
    Giant {
        #[serde(default = "giant_bytes")]
        bytes: usize,
    },
    /// Not acted on: sent elsewhere.
    Redirect {
        location: String,
        #[serde(default = "found")]
        status: Status,
    },
    /// Not acted on unless `acted` is true: any reply at all.
    Body(Body),
}

/// A reply of a tester's making.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    #[serde(default)]
    pub(crate) status: Status,
    #[serde(default = "json")]
    pub(crate) content_type: String,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) acted: bool,
}

/// An HTTP status; 200 unless said otherwise.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u16")]
pub(crate) struct Status(pub(crate) http::StatusCode);

impl Default for Status {
    fn default() -> Self {
        Self(http::StatusCode::OK)
    }
}

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        let status = http::StatusCode::from_u16(number)
            .ok()
            .filter(|status| (200..600).contains(&status.as_u16()));
        status
            .map(Self)
            .ok_or_else(|| format!("status is 200 to 599, not {number}"))
    }
}

/// When a fault happens, seen from the request being acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// In place of acting.
    Instead,
    /// After acting: a grant token is spent, a record is there.
    After,
}

impl Action {
    /// Returns when the fault happens.
    pub(crate) fn moment(&self) -> Moment {
        match self {
            Self::Body(body) if body.acted => Moment::After,
            Self::ResetAfter {} | Self::Cut { .. } | Self::Delay { .. } | Self::Drip { .. } => {
                Moment::After
            }
            Self::Garbage { .. } | Self::Giant { .. } => Moment::After,
            Self::Refuse { .. } | Self::ResetBefore {} | Self::Status { .. } => Moment::Instead,
            Self::Html { .. } | Self::Redirect { .. } | Self::Body(_) => Moment::Instead,
        }
    }

    /// Returns the word that asks for this fault.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::ResetBefore {} => "reset-before",
            Self::ResetAfter {} => "reset-after",
            Self::Cut { .. } => "cut",
            Self::Delay { .. } => "delay",
            Self::Drip { .. } => "drip",
            Self::Status { .. } => "status",
            Self::Html { .. } => "html",
            Self::Garbage { .. } => "garbage",
            Self::Giant { .. } => "giant",
            Self::Redirect { .. } => "redirect",
            Self::Body(_) => "body",
        }
    }

    /// Returns how long the reply is held back.
    pub(crate) fn delay(&self) -> Duration {
        match self {
            Self::Delay { seconds } => Duration::try_from_secs_f64(*seconds).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// Returns the faults that happen by chance unless others are named: those that a client must survive.
    pub(crate) fn by_chance() -> Vec<Self> {
        vec![
            Self::ResetBefore {},
            Self::ResetAfter {},
            Self::Cut { after_bytes: None },
            Self::Status {
                status: Status(http::StatusCode::SERVICE_UNAVAILABLE),
            },
            Self::Html {
                status: Status::default(),
            },
            Self::Garbage {
                bytes: garbage_bytes(),
            },
        ]
    }
}

fn five_seconds() -> f64 {
    5.0
}

fn twenty_milliseconds() -> u64 {
    20
}

fn garbage_bytes() -> usize {
    256
}

fn giant_bytes() -> usize {
    1024 * 1024
}

fn found() -> Status {
    Status(http::StatusCode::FOUND)
}

fn json() -> String {
    crate::reply::JSON.to_owned()
}
