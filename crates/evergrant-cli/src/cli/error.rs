//! What a failed command says: a kind, a message, causes and next steps, for people or as JSON.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use evergrant::clock::Timestamp;
use evergrant_server::Problem;
use serde::{Deserialize, Serialize};

use super::{exit_code::Kind, time::rfc3339};

/// The exit code of everything that fails before another program runs, whose codes are its own.
const OURS_BESIDE_A_PROGRAM: u8 = 125;

/// A failed command.
#[derive(Debug)]
pub(crate) struct CliError(Box<Report>);

/// What became of the grant token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantFate {
    Unspent,
    Unknown,
    Spent,
}

/// What Zoho answered, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ZohoAnswer {
    pub(crate) http_status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
}

/// The members of the JSON object, in their order.
#[derive(Debug, Serialize)]
struct Report {
    code: Kind,
    exit_code: u8,
    reason: Cow<'static, str>,
    message: String,
    causes: Vec<String>,
    next: Vec<String>,
    grant: Option<GrantFate>,
    zoho: Option<ZohoAnswer>,
    retry_at: Option<String>,
    connection: Option<String>,
}

impl CliError {
    /// Starts an error: its kind, a stable word for the reason, and what happened in one sentence.
    pub(crate) fn new(
        kind: Kind,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Report {
            code: kind,
            exit_code: kind.exit_code(),
            reason: reason.into(),
            message: message.into(),
            causes: Vec::new(),
            next: Vec::new(),
            grant: None,
            zoho: None,
            retry_at: None,
            connection: None,
        }))
    }

    /// Starts an error about the command line or its inputs.
    pub(crate) fn usage(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, reason, message)
    }

    /// Starts an error about a setting or a file.
    pub(crate) fn config(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Config, reason, message)
    }

    /// Adds why it happened.
    pub(crate) fn cause(mut self, cause: impl ToString) -> Self {
        self.0.causes.push(cause.to_string());
        self
    }

    /// Adds an error and everything that caused it, outermost first.
    pub(crate) fn causes_of(mut self, error: &dyn std::error::Error) -> Self {
        self.0.causes.extend(evergrant_server::links(error));
        self
    }

    /// Adds what to do next: a sentence, or a command to type.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.0.next.push(step.into());
        self
    }

    /// Says what became of the grant token.
    pub(crate) fn grant(mut self, fate: GrantFate) -> Self {
        self.0.grant = Some(fate);
        self
    }

    /// Says what Zoho answered.
    pub(crate) fn zoho(mut self, answer: ZohoAnswer) -> Self {
        self.0.zoho = Some(answer);
        self
    }

    /// Says when trying again makes sense.
    pub(crate) fn retry_at(mut self, time: Timestamp) -> Self {
        self.0.retry_at = Some(rfc3339(time));
        self
    }

    /// Names the connection it was about.
    pub(crate) fn connection(mut self, name: impl Into<String>) -> Self {
        self.0.connection = Some(name.into());
        self
    }

    /// Ends the command with this exit code instead of the kind's.
    pub(crate) fn exits_with(mut self, exit_code: u8) -> Self {
        self.0.exit_code = exit_code;
        self
    }

    /// Leaves the exit codes below 125 to the program that the command runs, as `env` and `timeout` do.
    pub(crate) fn beside_a_program(self) -> Self {
        let exit_code = self.0.exit_code.max(OURS_BESIDE_A_PROGRAM);
        self.exits_with(exit_code)
    }

    /// Renders message and causes in one line, for a log.
    pub(crate) fn to_line(&self) -> String {
        let causes = self.0.causes.iter().map(String::as_str);
        let parts: Vec<_> = [self.0.message.as_str()]
            .into_iter()
            .chain(causes)
            .collect();
        parts.join(": ")
    }

    /// Returns what to do next.
    pub(crate) fn steps(&self) -> &[String] {
        &self.0.next
    }

    /// Returns the kind of failure.
    pub(crate) fn kind(&self) -> Kind {
        self.0.code
    }

    /// Returns the process's exit code: the kind's, if no other was set.
    pub(crate) fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// Renders the object of `--json`, in one line.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            error: &'a Report,
        }
        // Unwrap safety: to text in memory, only a failing `Serialize` or a map whose keys are no strings fails;
        // the report is a struct of strings, numbers and lists of them.
        #[expect(clippy::expect_used, reason = "strings and numbers, into memory")]
        serde_json::to_string(&Line { error: &self.0 }).expect("serialises")
    }

    /// Renders the text for people: the message, a line for each cause, `next:` lines.
    pub(crate) fn to_text(&self) -> String {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let bold = Style::new().bold();
        let report = &self.0;
        let mut text = format!("{red}error:{red:#} {}\n", report.message);
        for cause in &report.causes {
            let _ = writeln!(text, "  {cause}");
        }
        if let Some(time) = &report.retry_at {
            let _ = writeln!(text, "{bold}next:{bold:#} try again after {time}");
        }
        for step in &report.next {
            let _ = writeln!(text, "{bold}next:{bold:#} {step}");
        }
        text
    }
}

/// An error as a server tells it.
#[derive(Deserialize)]
struct Told {
    code: String,
    reason: String,
    message: String,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    next: Vec<String>,
    /// Where it is something else than over HTTP.
    next_at_terminal: Option<Vec<String>>,
    retry_at: Option<String>,
    connection: Option<String>,
}

impl CliError {
    /// Reads the problem of a server of ours; `None` if it is something else.
    pub(crate) fn from_problem(body: &[u8]) -> Option<Self> {
        let told: Told = serde_json::from_slice(body).ok()?;
        let kind = Kind::of_code(&told.code).unwrap_or(Kind::Internal);
        let mut error = Self::new(kind, told.reason, told.message);
        error.0.causes = told.causes;
        error.0.next = told.next_at_terminal.unwrap_or(told.next);
        error.0.retry_at = told.retry_at;
        error.0.connection = told.connection;
        Some(error)
    }
}

impl From<Problem> for CliError {
    /// Says at the terminal what the server would say, too.
    fn from(problem: Problem) -> Self {
        let problem = problem.told();
        let kind = Kind::from(problem.code);
        let mut error = Self::new(kind, problem.reason, problem.message);
        error.0.causes = problem.causes;
        error.0.next = problem.next.into_iter().map(Cow::into_owned).collect();
        error.0.retry_at = problem.retry_at;
        error.0.connection = problem.connection;
        error
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, target: &mut fmt::Formatter<'_>) -> fmt::Result {
        target.write_str(&self.0.message)
    }
}

impl std::error::Error for CliError {}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    fn refused() -> CliError {
        CliError::new(
            Kind::GrantDead,
            "invalid_code",
            "Zoho refused the grant token",
        )
        .cause("the first try, whose reply was lost, probably spent it")
        .next("evergrant exchange acme --replace")
        .grant(GrantFate::Spent)
        .zoho(ZohoAnswer {
            http_status: Some(200),
            error: Some("invalid_code".to_owned()),
            error_description: None,
        })
        .connection("acme")
    }

    #[test]
    fn json_has_every_member_in_its_order() {
        assert_data_eq!(
            refused().to_json(),
            str![[
                r#"{"error":{"code":"grant_dead","exit_code":5,"reason":"invalid_code","message":"Zoho refused the grant token","causes":["the first try, whose reply was lost, probably spent it"],"next":["evergrant exchange acme --replace"],"grant":"spent","zoho":{"http_status":200,"error":"invalid_code","error_description":null},"retry_at":null,"connection":"acme"}}"#
            ]]
        );
    }

    #[test]
    fn beside_a_program_the_exit_code_is_none_of_its_own_and_the_kind_stays() {
        let ours = refused().beside_a_program();
        assert_eq!((ours.exit_code(), ours.kind()), (125, Kind::GrantDead));
        assert!(
            ours.to_json()
                .contains(r#""code":"grant_dead","exit_code":125"#)
        );
        assert_eq!(
            refused().exits_with(127).beside_a_program().exit_code(),
            127
        );
    }

    #[test]
    fn text_is_message_causes_and_next_steps() {
        let text = anstream::adapter::strip_str(&refused().to_text()).to_string();
        assert_data_eq!(
            text,
            str![[r#"
error: Zoho refused the grant token
  the first try, whose reply was lost, probably spent it
next: evergrant exchange acme --replace

"#]]
        );
    }

    #[test]
    fn a_time_to_retry_is_rfc_3339() {
        let error = CliError::new(
            Kind::Throttled,
            "access_denied",
            "Zoho asks us to slow down",
        )
        .retry_at(Timestamp::from_millis(1_800_000_000_000));
        assert!(
            error
                .to_json()
                .contains(r#""retry_at":"2027-01-15T08:00:00.000Z""#),
            "{}",
            error.to_json()
        );
        assert!(
            error
                .to_text()
                .contains("try again after 2027-01-15T08:00:00.000Z")
        );
    }
}
