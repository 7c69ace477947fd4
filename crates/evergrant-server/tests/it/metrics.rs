//! What Prometheus is told, and the alerts that are made of it.

use std::{collections::BTreeSet, fs, path::Path};

use evergrant::caller::Mode;

use crate::estate::{Estate, by_handle};

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_callers_are_counted() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.world.pass(3600).await;
    for _ in 0..3 {
        estate.refresh(&caller).await;
    }
    let wrong = by_handle(&caller).map(|(name, value)| match name {
        "client_secret" => (name, "guess"),
        _ => (name, value),
    });
    estate.post("/oauth/v2/token", &wrong).await;
    let exchange = by_handle(&caller).map(|(name, value)| match name {
        "grant_type" => (name, "authorization_code"),
        "refresh_token" => ("code", "1000.a.b"),
        _ => (name, value),
    });
    estate.post("/oauth/v2/token", &exchange).await;
    estate.world.pass(10).await;
    let told = estate.metrics().await;
    for line in [
        r#"evergrant_connection_state{connection="acme",state="healthy"} 1"#,
        r#"evergrant_connection_state{connection="acme",state="revoked"} 0"#,
        r#"evergrant_refreshes_total{connection="acme",outcome="granted"} 1"#,
        r#"evergrant_refreshes_left{connection="acme"} 7"#,
        r#"evergrant_access_token_expires_seconds{connection="acme"} 35"#,
        r#"evergrant_token_requests_total{caller="nightly",outcome="given"} 3"#,
        r#"evergrant_token_requests_total{caller="nightly",outcome="wrong_secret"} 1"#,
        r#"evergrant_token_requests_total{caller="nightly",outcome="unsupported_grant_type"} 1"#,
        r#"evergrant_degraded{what="vault_unreadable"} 0"#,
        "evergrant_escrow_records 0",
        "evergrant_proxy_seconds_count 0",
        "evergrant_proxy_seconds_bucket{le=\"+Inf\"} 0",
        "evergrant_build_info{version=",
    ] {
        assert!(
            told.lines().any(|one| one.starts_with(line)),
            "{line}\n{told}"
        );
    }
    assert!(told.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_from_elsewhere_sees_no_names_unless_that_is_wanted() {
    let estate = Estate::start().await;
    // By the name that callers use, as something in front of the server does.
    let reply = estate
        .get_as("evergrant.example:8470", "/evergrant/metrics")
        .await;
    assert_eq!(reply.status, 403);
    assert!(!reply.body.contains("acme"));
    let world = estate.stop().await;
    let open = Estate::start_with(world, |config| config.metrics_are_open = true).await;
    let reply = open
        .get_as("evergrant.example:8470", "/evergrant/metrics")
        .await;
    assert!(reply.body.contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_is_made_of_what_there_is_and_the_guide_says_what_to_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = fs::read_to_string(root.join("packaging/prometheus/evergrant.rules.yml")).unwrap();
    let guide = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let estate = Estate::start().await;
    estate.caller("nightly", Mode::Direct).await;
    let metrics = names(&estate.metrics().await);
    let mut alerts = 0;
    for rule in rules.split("      - alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        assert!(
            guide.contains(&format!("### {name}\n")),
            "{name} is not in the guide"
        );
        for key in [
            "        expr: ",
            "          severity: ",
            "          summary: \"",
        ] {
            assert_eq!(rule.matches(key).count(), 1, "{name}: {key}");
        }
        let expression = rule.lines().find(|line| line.contains("expr: ")).unwrap();
        for metric in words(expression).filter(|word| word.starts_with("evergrant_")) {
            assert!(metrics.contains(metric), "{name}: there is no {metric}");
        }
        alerts += 1;
    }
    assert!(alerts >= 10);
}

/// Lists the names of all series.
fn names(told: &str) -> BTreeSet<String> {
    let types = told.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let series = types.flat_map(|line| {
        let (name, kind) = line.split_once(' ').unwrap();
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
    });
    series.collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}
