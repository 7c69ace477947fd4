//! The page that stands in for the API console.

use serde_json::Value;

use crate::world::{World, request, send};

#[test]
fn the_page_has_a_form_without_a_script() {
    let page = World::new().control("GET", "/", Value::Null);
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(
        page.body.contains("<form")
            && page.body.contains("name=\"scope\"")
            && !page.body.contains("<script")
    );
}

#[test]
fn the_page_lists_the_other_requests_as_they_are_taken() {
    let world = World::new();
    let page = world.control("GET", "/", Value::Null).body;
    let plain = |row: &str| {
        let tags = row
            .split('<')
            .map(|part| part.split_once('>').unwrap_or(("", part)).1);
        tags.collect::<String>()
    };
    let rows: Vec<String> = page.split("<tr>").skip(1).map(plain).collect();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let (method, rest) = row.split_once(" /").unwrap();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '/');
        let path = &rest[..end.unwrap()];
        let method = method.rsplit(' ').next().unwrap();
        let example = row.split_once('{').map_or(Value::Null, |(_, rest)| {
            let text = format!("{{{rest}");
            let mut values = serde_json::Deserializer::from_str(&text).into_iter();
            values.next().unwrap().unwrap()
        });
        let answer = world.control(method, &format!("/{path}"), example);
        assert!(answer.status < 300, "{row}: {answer:?}");
    }
}

/// <https://www.bigin.com/developer/docs/apis/self-client-generate-code.html>: scope, duration, description; then Download.
#[test]
fn the_form_gives_a_self_client_file_that_works() {
    let world = World::new();
    let form = "client_id=&scope=ZohoCRM.modules.ALL%2CZohoCRM.org.READ&minutes=5&environment=production&give=download";
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = send(
        &world.ready.control,
        &request("POST", "/self-client", &headers, form),
    )
    .unwrap();
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"self_client.json\"")
    );
    assert_eq!(
        world.exchange(&answer.text("code")).text("scope"),
        "ZohoCRM.modules.ALL ZohoCRM.org.READ"
    );
}

#[test]
fn the_form_can_show_the_code_and_says_what_is_wrong() {
    let world = World::new();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let post = |form: &str| {
        send(
            &world.ready.control,
            &request("POST", "/self-client", &headers, form),
        )
        .unwrap()
    };
    let shown = post("scope=ZohoCRM.org.READ&minutes=3&give=page");
    let code = shown
        .body
        .split("<code>")
        .nth(1)
        .unwrap()
        .split("</code>")
        .next()
        .unwrap()
        .to_owned();
    assert!(world.exchange(&code).is_granted());
    let refused = post("scope=&minutes=3&give=page");
    assert!(
        refused.status == 400 && refused.body.contains("scope is missing"),
        "{refused:?}"
    );
    let escaped = post("scope=%3Cb%3E.x.READ&minutes=3&give=page");
    assert!(!escaped.body.contains("<b>"), "{escaped:?}");
}
