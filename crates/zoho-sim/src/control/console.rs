//! `GET /`: a page like the API console's Generate Code tab, as a plain form without a script.
//! Source: <https://www.bigin.com/developer/docs/apis/self-client-generate-code.html>

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_DISPOSITION;
use serde::Deserialize;

use super::grants::{self, SelfClientFile};
use super::json::Refused;
use crate::data_center::Environment;
use crate::state::{self, Shared};

/// What else the control port does, for those who come here to look for it.
const OTHER_REQUESTS: &str = "<h2>What else this port does</h2>\
    <p>It takes and answers JSON, for example with <code>curl -d '{\"advance_seconds\": 3600}' http://…/clock</code>.</p>\
    <table>\
    <tr> <td><code>POST /grants</code> <td>a grant token: <code>{\"scope\": \"ZohoCRM.modules.ALL\", \"minutes\": 3}</code>\
    <tr> <td><code>POST /clients</code> <td>another client: <code>{\"type\": \"self\"}</code>\
    <tr> <td><code>GET</code>, <code>POST <a href=\"/clock\">/clock</a></code> <td>simulated time: <code>{\"advance_seconds\": 3600}</code>, \
    <code>{\"set\": \"2027-01-15T08:00:00Z\"}</code>, <code>{\"frozen\": true}</code>\
    <tr> <td><code>GET</code>, <code>PUT <a href=\"/faults\">/faults</a></code> <td>replies that break: \
    <code>{\"plan\": [{\"on\": \"refresh\", \"do\": \"status\", \"status\": 503, \"times\": 2}]}</code>. On <code>exchange</code>, \
    <code>refresh</code>, <code>revoke</code>, <code>api</code>, or all; do <code>refuse</code> (also with an <code>error</code> of Zoho's), \
    <code>reset-before</code>, <code>reset-after</code>, <code>cut</code>, <code>delay</code> and <code>drip</code> (<code>seconds</code>, \
    <code>milliseconds</code>), <code>status</code>, <code>html</code>, <code>garbage</code>, <code>giant</code>, <code>redirect</code>, <code>body</code>\
    <tr> <td><code>GET</code>, <code>PATCH <a href=\"/limits\">/limits</a></code> <td>Zoho's limits: <code>{\"refreshes\": 5}</code>\
    <tr> <td><code>GET</code>, <code>PATCH <a href=\"/manners\">/manners</a></code> <td>what Zoho's pages contradict each other in: <code>{\"error_status\": 400}</code>\
    <tr> <td><code>GET</code>, <code>DELETE <a href=\"/requests\">/requests</a></code> <td>what came, <code>GET <a href=\"/stats\">/stats</a></code> how many\
    <tr> <td><code>POST /kill</code> <td><code>{\"what\": \"refresh_token\"}</code>, <code>client</code>, <code>client_secret</code>, <code>user</code>\
    <tr> <td><code>PUT /records/Contacts</code> <td><code>{\"count\": 500}</code> records, also of <code>Products</code>\
    <tr> <td><code>POST /reset</code> <td>all from the start\
    </table>";

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    scope: String,
    minutes: u64,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    give: Give,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Give {
    #[default]
    Page,
    Download,
}

/// Shows the form.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(form_page(&shared.lock(), ""))
}

/// Makes a grant token and gives it as a page or as a `self_client.json`.
pub(crate) async fn generate(
    State(shared): State<Arc<Shared>>,
    Form(sent): Form<Sent>,
) -> Response {
    let give = sent.give;
    let state = &mut shared.lock();
    let wanted =
        grants::Wanted::from_form(sent.scope, sent.minutes, sent.client_id, sent.environment);
    match grants::make_grant(state, wanted) {
        Ok(file) if give == Give::Download => download(file),
        Ok(file) => Html(code_page(&file)).into_response(),
        Err(Refused(sentence)) => {
            (StatusCode::BAD_REQUEST, Html(form_page(state, &sentence))).into_response()
        }
    }
}

fn download(file: SelfClientFile) -> Response {
    let headers = [(
        CONTENT_DISPOSITION,
        "attachment; filename=\"self_client.json\"",
    )];
    (headers, axum::Json(file)).into_response()
}

fn form_page(state: &state::State, complaint: &str) -> String {
    let option = |client: &state::Client| {
        let selected = if client.id == state.default_client {
            " selected"
        } else {
            ""
        };
        let text = escaped(&format!("{} ({})", client.id, client.data_center));
        format!(
            "<option value=\"{}\"{selected}>{text}</option>",
            escaped(&client.id)
        )
    };
    let clients: String = state.clients.values().map(option).collect();
    let complaint = if complaint.is_empty() {
        String::new()
    } else {
        format!("<p role=\"alert\"><b>{}</b></p>", escaped(complaint))
    };
    page(&format!(
        "<p>This is a simulator. Nothing here reaches Zoho.</p>{complaint}\
        <form method=\"post\" action=\"/self-client\">\
        <p><label>Client ID<br><select name=\"client_id\">{clients}</select></label></p>\
        <p><label>Scope, separated by commas<br><input name=\"scope\" size=\"60\" value=\"ZohoCRM.modules.ALL\" required></label></p>\
        <p><label>Time duration<br><select name=\"minutes\"><option value=\"3\">3 minutes</option><option value=\"5\">5 minutes</option>\
        <option value=\"7\">7 minutes</option><option value=\"10\">10 minutes</option></select></label></p>\
        <p><label>Environment<br><select name=\"environment\"><option value=\"production\">Production</option>\
        <option value=\"sandbox\">Sandbox</option><option value=\"developer\">Developer</option></select></label></p>\
        <p><button name=\"give\" value=\"page\">Create</button> <button name=\"give\" value=\"download\">Download self_client.json</button></p>\
        </form>{OTHER_REQUESTS}"
    ))
}

fn code_page(file: &SelfClientFile) -> String {
    page(&format!(
        "<p>Grant token, works once and until {}:</p><p><code>{}</code></p><p>Scope: {}</p><p><a href=\"/\">Make another one</a></p>",
        crate::clock::rfc3339(file.expiry_time),
        escaped(&file.code),
        escaped(&file.scope.join(",")),
    ))
}

fn page(content: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Generate Code (simulator)</title>\
        <style>body{{font-family:sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}code{{word-break:break-all}}</style>\
        </head><body><h1>Self Client: Generate Code</h1>{content}</body></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
