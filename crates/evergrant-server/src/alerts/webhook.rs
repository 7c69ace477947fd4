//! A URL that is told of a change.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header::CONTENT_TYPE};
use zoho_oauth::Transport;

/// How long to wait before each further try.
const WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
    Duration::from_secs(45),
];

/// Posts until it is taken, or often enough.
pub(super) async fn post(url: &Uri, transport: &Transport, json: String) {
    let json = Bytes::from(json);
    let mut waits = WAITS.into_iter();
    loop {
        let Err(reason) = try_once(url, transport, json.clone()).await else {
            return;
        };
        let host = url.host();
        let Some(wait) = waits.next() else {
            tracing::error!(
                host,
                reason,
                "alert_webhook took no alert: nobody may have been told"
            );
            return;
        };
        tracing::warn!(host, reason, "alert_webhook took no alert; trying again");
        tokio::time::sleep(wait).await;
    }
}

async fn try_once(url: &Uri, transport: &Transport, json: Bytes) -> Result<(), String> {
    let request = Request::post(url.clone())
        .header(CONTENT_TYPE, "application/json")
        .body(json);
    let request = request.map_err(|error| error.to_string())?;
    let connection = transport
        .connect(url.to_string())
        .await
        .map_err(|error| error.to_string())?;
    let reply = connection
        .send(request)
        .await
        .map_err(|error| error.to_string())?;
    match reply.status {
        200..=299 => Ok(()),
        status => Err(format!("status {status}")),
    }
}
