//! Names of callers.

use std::{fmt, str::FromStr};

use crate::connection::{ConnectionName, InvalidName};

/// The name of a caller: `^[a-z0-9][a-z0-9._-]{0,62}$`, as a connection's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerName(String);

impl CallerName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CallerName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse::<ConnectionName>()?;
        Ok(Self(text.to_owned()))
    }
}
