//! A row of the audit.

use evergrant::audit::Record;
use serde::Serialize;

use crate::time::rfc3339;

/// What was done.
#[derive(Serialize)]
pub struct AuditRow {
    /// Its number; the first is 1.
    pub seq: i64,
    /// When.
    pub at: String,
    /// What happened, a stable word.
    pub event: String,
    /// The connection that it is about.
    pub connection: Option<String>,
    /// The caller that it is about.
    pub caller: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What else there is to say.
    pub detail: String,
}

impl From<Record> for AuditRow {
    fn from(record: Record) -> Self {
        Self {
            seq: record.seq,
            at: rfc3339(record.at),
            event: record.event,
            connection: record.connection,
            caller: record.caller,
            actor: record.actor,
            detail: record.detail,
        }
    }
}
