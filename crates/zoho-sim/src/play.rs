//! A request from its note in the list to its outcome, with the fault that is planned for it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderName, StatusCode};
use rand::Rng;

use crate::accounts::{self, Asked};
use crate::faults::{Action, Moment, On};
use crate::reply::{self, Reply};
use crate::requests::{Entry, ReplyEnd};
use crate::state::State;
use crate::{clock, crm};

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    /// How long the outcome is held back, in real time.
    pub(crate) delay: Duration,
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    Whole(Reply),
    Cut { reply: Reply, after_bytes: usize },
    Drip { reply: Reply, pause: Duration },
    Reset,
    Close,
}

/// Acts on a request, plays the fault that is planned for it, and lists it.
pub(crate) fn play(state: &mut State, asked: &Asked<'_>) -> Played {
    let mut entry = first_note(state, asked);
    let fault = state.faults.draw(subject(asked), &mut state.rng);
    entry.fault = fault.as_ref().map(Action::word);
    let delay = fault.as_ref().map(Action::delay).unwrap_or_default();
    let outcome = match fault {
        None => Outcome::Whole(act(state, asked, &mut entry)),
        Some(action) if action.moment() == Moment::Instead => {
            instead(state, asked, &mut entry, action)
        }
        Some(action) => {
            let reply = act(state, asked, &mut entry);
            after(state, reply, action)
        }
    };
    note_end(&mut entry, &outcome);
    state.requests.add(entry);
    Played { outcome, delay }
}

/// Returns what a request is about, for the faults; `None` when no fault concerns it.
fn subject(asked: &Asked<'_>) -> Option<On> {
    match asked.request.uri().path() {
        "/oauth/v2/token" if asked.parameters.find("grant_type") == Some("authorization_code") => {
            Some(On::Exchange)
        }
        "/oauth/v2/token" => Some(On::Refresh),
        "/oauth/v2/token/revoke" | "/oauth/v2/revoke/token" => Some(On::Revoke),
        path if path.starts_with("/crm/") => Some(On::Api),
        _ => None,
    }
}

fn act(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    if asked.request.uri().path().starts_with("/crm/") {
        return crm::answer(state, asked, entry);
    }
    accounts::answer(state, asked, entry)
}

fn instead(state: &mut State, asked: &Asked<'_>, entry: &mut Entry, action: Action) -> Outcome {
    accounts::note(asked, entry);
    let reply = match action {
        Action::Refuse { error: None, .. } => return Outcome::Close,
        Action::Refuse {
            error: Some(word),
            status,
        } => {
            let mut reply = refuse(state, asked, entry, &word);
            if let Some(status) = status {
                *reply.status_mut() = status.0;
            }
            reply
        }
        Action::Status { status } => reply::empty(status.0),
        Action::Html { status } => reply::html(status.0, "Service Temporarily Unavailable"),
        Action::Redirect { location, status } => redirect(&location, status.0),
        Action::Body(body) => reply::with_body(body.status.0, &body.content_type, body.body),
        _ => return Outcome::Reset,
    };
    Outcome::Whole(reply)
}

fn refuse(state: &mut State, asked: &Asked<'_>, entry: &mut Entry, word: &str) -> Reply {
    if subject(asked) == Some(On::Api) {
        crm::refuse(entry, word)
    } else {
        accounts::refuse(state, entry, word)
    }
}

fn redirect(location: &str, status: StatusCode) -> Reply {
    let mut reply = reply::html(status, "Moved");
    if let Ok(location) = location.parse() {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

fn after(state: &mut State, reply: Reply, action: Action) -> Outcome {
    match action {
        Action::ResetAfter {} => Outcome::Reset,
        Action::Cut { after_bytes } => {
            let length = reply.body().len();
            Outcome::Cut {
                reply,
                after_bytes: after_bytes.unwrap_or(length / 2).min(length),
            }
        }
        Action::Drip { milliseconds } => Outcome::Drip {
            reply,
            pause: Duration::from_millis(milliseconds),
        },
        Action::Garbage { bytes } => Outcome::Whole(reply.map(|_| garbage(state, bytes))),
        Action::Giant { bytes } => Outcome::Whole(reply.map(|body| giant(&body, bytes))),
        Action::Body(body) => Outcome::Whole(reply::with_body(
            body.status.0,
            &body.content_type,
            body.body,
        )),
        _ => Outcome::Whole(reply),
    }
}

/// Returns random bytes that no text begins with: else one in 256 would look like a web page.
fn garbage(state: &mut State, bytes: usize) -> Bytes {
    let mut garbage = vec![0; bytes];
    state.rng.fill_bytes(&mut garbage);
    if let Some(first) = garbage.first_mut() {
        *first = 0xff;
    }
    garbage.into()
}

/// Returns the body with white space after it, which leaves JSON as good as it was.
fn giant(body: &Bytes, bytes: usize) -> Bytes {
    let mut giant = body.to_vec();
    giant.resize(bytes.max(giant.len()), b' ');
    giant.into()
}

fn note_end(entry: &mut Entry, outcome: &Outcome) {
    let (reply, end) = match outcome {
        Outcome::Whole(reply) | Outcome::Drip { reply, .. } => (Some(reply), ReplyEnd::Complete),
        Outcome::Cut { reply, .. } => (Some(reply), ReplyEnd::Cut),
        Outcome::Reset | Outcome::Close => (None, ReplyEnd::None),
    };
    entry.status = reply.map(|reply| reply.status().as_u16());
    entry.reply = end;
}

fn first_note(state: &State, asked: &Asked<'_>) -> Entry {
    let header = |name: HeaderName| {
        let value = asked.request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Entry {
        time: clock::rfc3339(state.now()),
        data_center: asked.door.data_center,
        method: asked.request.method().to_string(),
        path: asked.request.uri().path().to_owned(),
        parameters_in: asked.parameters.places(),
        content_type: header(CONTENT_TYPE),
        user_agent: header(USER_AGENT),
        ..Entry::default()
    }
}
