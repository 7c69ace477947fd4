//! A reply as it came, before anybody looks at what it says.

use std::fmt;

use zeroize::Zeroizing;

/// What an accounts server answered, whole or in part.
///
/// The fields are public so that a caller can store the reply before it is read; `Debug` shows neither the body nor
/// the location, since both may hold secrets.
#[derive(Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Date` header.
    pub date: Option<String>,
    /// The body, as much as came; wiped from memory when dropped.
    pub body: Zeroizing<Vec<u8>>,
    /// How the body ended.
    pub end: ReplyEnd,
}

/// How a reply's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyEnd {
    /// All of it is there.
    Complete,
    /// The connection ended, or time ran out, before all of it had come.
    Cut,
    /// It was longer than is read; the beginning is there.
    TooLarge,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("date", &self.date)
            .field("body_length", &self.body.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
