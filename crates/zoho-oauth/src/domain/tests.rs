use proptest::prelude::*;

use super::*;

fn accounts(text: &str) -> Result<AccountsDomain, InvalidDomain> {
    AccountsDomain::parse(text, CustomHosts::Refused)
}

fn message(text: &str) -> String {
    accounts(text).unwrap_err().to_string()
}

#[test]
fn a_url_a_host_and_a_code_are_one() {
    for text in [
        "https://accounts.zoho.eu",
        "https://accounts.zoho.eu/",
        " HTTPS://Accounts.Zoho.EU:443 ",
        "accounts.zoho.eu",
        "eu",
        "EU",
    ] {
        let domain = accounts(text).unwrap();
        assert_eq!(domain.as_str(), "https://accounts.zoho.eu", "{text}");
        assert_eq!(domain.data_center().unwrap().code, "eu");
    }
}

#[test]
fn loopback_may_be_plain_http_with_a_port() {
    for (text, host) in [
        ("http://localhost:8080", "localhost"),
        ("http://127.0.0.9:1", "127.0.0.9"),
        ("http://[::1]:8080/", "[::1]"),
    ] {
        let domain = accounts(text).unwrap();
        assert!(domain.is_loopback());
        assert_eq!(domain.host(), host);
        assert_eq!(domain.as_str(), text.trim_end_matches('/'));
    }
    assert!(matches!(
        accounts("http://accounts.zoho.eu"),
        Err(InvalidDomain::PlainHttp { .. })
    ));
    assert!(matches!(
        accounts("http://localhost.evil.com"),
        Err(InvalidDomain::PlainHttp { .. })
    ));
}

#[test]
fn every_extra_part_has_its_own_reason() {
    let origin = || "https://accounts.zoho.eu".to_owned();
    let of = |text: &str| accounts(text).unwrap_err();
    assert_eq!(
        of("https://me:pw@accounts.zoho.eu"),
        InvalidDomain::UserInfo { origin: origin() }
    );
    assert_eq!(
        of("https://accounts.zoho.eu/oauth/v2/token"),
        InvalidDomain::Path { origin: origin() }
    );
    assert_eq!(
        of("https://accounts.zoho.eu?code=1"),
        InvalidDomain::Query { origin: origin() }
    );
    assert_eq!(
        of("accounts.zoho.eu#x"),
        InvalidDomain::Fragment { origin: origin() }
    );
    assert_eq!(of("ftp://accounts.zoho.eu"), InvalidDomain::Scheme);
    assert_eq!(of(" "), InvalidDomain::Empty);
    assert_eq!(
        of("1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ1234"),
        InvalidDomain::Token
    );
    assert_eq!(of("xx"), InvalidDomain::NoDataCenter);
}

#[test]
fn the_right_host_is_named() {
    assert_eq!(
        message("https://www.zohoapis.eu"),
        "www.zohoapis.eu is no accounts server of Zoho: did you mean accounts.zoho.eu?"
    );
    assert!(message("accounts.zoho.cn").ends_with("did you mean accounts.zoho.com.cn?"));
    assert!(message("accounts.zoho.ca").ends_with("did you mean accounts.zohocloud.ca?"));
    assert!(message("www.zoho.com.au").ends_with("did you mean accounts.zoho.com.au?"));
    assert!(message("api.zoho.in").ends_with("did you mean accounts.zoho.in?"));
    assert_eq!(
        message("accounts.example.com"),
        "accounts.example.com is no accounts server of Zoho"
    );
}

#[test]
fn custom_hosts_are_allowed_on_purpose_only() {
    let domain = AccountsDomain::parse("https://zoho-proxy:8443", CustomHosts::Allowed).unwrap();
    assert_eq!(domain.as_str(), "https://zoho-proxy:8443");
    assert_eq!(domain.data_center(), None);
    assert!(AccountsDomain::parse("http://zoho-proxy", CustomHosts::Allowed).is_err());
}

#[test]
fn only_zoho_hosts_are_taken_from_a_reply() {
    let eu = accounts("eu").unwrap();
    let read = |text| ApiDomain::from_reply(text, &eu);
    assert_eq!(
        read("https://www.zohoapis.eu/").unwrap().as_str(),
        "https://www.zohoapis.eu"
    );
    assert_eq!(
        read("https://sandbox.zohoapis.com")
            .unwrap()
            .data_center()
            .unwrap()
            .code,
        "us"
    );
    for text in [
        "https://api.zoho.eu",
        "https://www.zohoapis.eu.evil.com",
        "http://127.0.0.1:1",
        "https://accounts.zoho.eu",
    ] {
        assert!(read(text).unwrap_err().host.is_some(), "{text}");
    }
    for text in [
        "",
        "http://www.zohoapis.eu",
        "https://u@www.zohoapis.eu",
        "https://www.zohoapis.eu/x",
        "\u{0}",
    ] {
        assert_eq!(read(text), Err(ForeignApiDomain { host: None }), "{text:?}");
    }
}

#[test]
fn loopback_and_custom_accounts_may_answer_their_own() {
    let loopback = accounts("http://127.0.0.1:9").unwrap();
    assert!(ApiDomain::from_reply("http://localhost:10/", &loopback).is_ok());
    assert!(ApiDomain::from_reply("https://evil.com", &loopback).is_err());
    let custom = AccountsDomain::parse("https://zoho.example.com", CustomHosts::Allowed).unwrap();
    assert!(ApiDomain::from_reply("https://zoho.example.com", &custom).is_ok());
    assert!(ApiDomain::from_reply("https://api.example.com", &custom).is_err());
}

#[test]
fn data_centers_are_domains() {
    for center in DataCenter::all() {
        assert_eq!(
            AccountsDomain::from(center),
            accounts(center.accounts_domain).unwrap()
        );
        assert_eq!(
            ApiDomain::from(center),
            ApiDomain::parse(center.api_domain).unwrap()
        );
    }
}

proptest! {
    #[test]
    fn parsing_never_panics_and_is_stable(text in "(https?://)?.{0,40}(:[0-9]{1,5})?/?") {
        if let Ok(domain) = AccountsDomain::parse(&text, CustomHosts::Allowed) {
            let again = AccountsDomain::parse(domain.as_str(), CustomHosts::Allowed);
            prop_assert_eq!(again.as_ref(), Ok(&domain));
            prop_assert!(domain.as_str().starts_with("https://") || domain.is_loopback());
        }
    }

    #[test]
    fn a_reply_never_leads_off_zoho(host in "[a-z.]{0,12}(zohoapis|zoho)[a-z.]{0,12}") {
        let eu = accounts("eu").unwrap();
        if let Ok(domain) = ApiDomain::from_reply(&format!("https://{host}"), &eu) {
            prop_assert!(domain.data_center().is_some());
        }
    }
}
