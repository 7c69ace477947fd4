//! A caller as it is shown to people.

pub(super) use evergrant_server::shown::Caller as Shown;

/// Lays it out in a list.
pub(super) fn row(caller: &Shown) -> [String; 5] {
    let used = caller.last_used_at.as_deref().unwrap_or("never");
    [
        caller.name.clone(),
        state(caller).to_owned(),
        caller.mode.to_owned(),
        working(caller),
        used.to_owned(),
    ]
}

/// Writes it for people.
pub(super) fn for_people(caller: &Shown) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:<16}{value}\n"));
    line("name", &caller.name);
    line("state", caller.state);
    let adopted = if caller.adopted { ", adopted" } else { "" };
    line("mode", &format!("{}{adopted}", caller.mode));
    line("client ID", &caller.client_id);
    for own in &caller.connections {
        let state = match own.state {
            "active" => String::new(),
            other => format!(", {other}"),
        };
        let scopes = match own.effective_scopes.as_deref() {
            None => String::new(),
            Some([]) => ", none of the scopes".to_owned(),
            Some(left) => format!(", of the scopes only {}", left.join(",")),
        };
        line(
            "connection",
            &format!(
                "{}, handle {}{state}{scopes}",
                own.connection, own.handle_id
            ),
        );
    }
    for rule in &caller.rules {
        line("may", rule);
    }
    if !caller.scopes.is_empty() {
        line("scopes", &caller.scopes.join(","));
    }
    if let Some(exchange) = &caller.exchange {
        let app = exchange
            .client_id
            .as_deref()
            .unwrap_or("an app that was removed");
        line(
            "may exchange",
            &format!("grant tokens of {app}, as {}", exchange.name),
        );
    }
    line("added", &caller.created_at);
    line("expires", caller.expires_at.as_deref().unwrap_or("never"));
    if let Some(until) = &caller.previous_valid_until {
        line(
            "rotated",
            &format!("the credentials before work until {until}"),
        );
    }
    line(
        "last used",
        caller.last_used_at.as_deref().unwrap_or("never"),
    );
    text
}

fn or_dash(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    }
}

/// Returns its state; of one that may do nothing although it is active, that.
fn state(caller: &Shown) -> &'static str {
    let works = caller.connections.iter().any(|own| own.state == "active");
    match caller.state {
        "active" if !works && caller.exchange.is_none() => "no handle",
        state => state,
    }
}

fn working(caller: &Shown) -> String {
    let working = caller
        .connections
        .iter()
        .filter(|own| own.state == "active");
    let names: Vec<&str> = working.map(|own| own.connection.as_str()).collect();
    or_dash(&names.join(","))
}
