//! How many refreshes are made.

use std::time::Duration;

use crate::connection::{REFRESH_LIMIT, REFRESH_WINDOW};

/// How many refreshes are made in which time, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many, all in all.
    pub refreshes: u32,
    /// In this time.
    pub window: Duration,
    /// As many of them as only a person may use, who asks for a new token.
    pub kept_for_people: u32,
}

impl Limits {
    /// Returns how many of them a program may make.
    pub fn for_programs(&self) -> u32 {
        self.refreshes.saturating_sub(self.kept_for_people)
    }
}

impl Default for Limits {
    /// Zoho's own limit, two of it kept for people.
    fn default() -> Self {
        Self {
            refreshes: REFRESH_LIMIT,
            window: REFRESH_WINDOW,
            kept_for_people: 2,
        }
    }
}
