use proptest::prelude::*;

use super::*;

const SDK: &str = "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_uri,api_domain\r\n\
    9f1c2e,anna@example.com,1000.A,s3cret-a,1000.ra,1000.aa,,1700000000000,,https://www.zohoapis.eu\r\n";
const SECOND: &str =
    "77,\"Müller, Bernd\",1000.B,\"s3cret\"\"b\",1000.rb,,,,\"https://x.example/a,b\",\r\n";
const BARE: &str = "78,carl,1000.C,s3cret-c,,1000.ac,,,,\r\n";

fn parse_row(text: &str, row: Option<&str>) -> Result<Held, String> {
    let held = Held::parse(text, Path::new("store"), None, row);
    held.map_err(|error| {
        assert_ne!(error.steps(), [] as [String; 0]);
        anstream::adapter::strip_str(&error.to_text()).to_string()
    })
}

fn parse(text: &str) -> Result<Held, String> {
    parse_row(text, None)
}

fn one(texts: &[Text]) -> &str {
    assert_eq!(texts.len(), 1);
    texts[0].value.as_str()
}

fn refresh_token(text: &str) -> String {
    one(&parse(text).unwrap().refresh_token).to_owned()
}

/// Writes a cell as the SDKs' languages do.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

#[test]
fn an_sdks_store_is_read() {
    let held = parse(SDK).unwrap();
    assert_eq!(one(&held.refresh_token), "1000.ra");
    assert_eq!(
        (one(&held.client_id), one(&held.client_secret)),
        ("1000.A", "s3cret-a")
    );
    assert_eq!(one(&held.api_domain), "https://www.zohoapis.eu");
    assert_eq!(
        held.refresh_token[0].source.to_string(),
        "refresh_token in store"
    );
    assert!(held.api_domain_is_an_answer && held.missing().is_empty());
}

#[test]
fn of_several_rows_one_is_chosen_and_none_is_shown() {
    let store = format!("{SDK}{SECOND}{BARE}");
    let error = parse(&store).err().unwrap();
    for shown in [
        "row 9f1c2e, user anna@example.com\n",
        "row 77, user Müller, Bernd\n",
        "row 78, user carl, without a refresh token\n",
        "--row ID",
    ] {
        assert!(error.contains(shown), "{shown}: {error}");
    }
    assert!(
        !error.contains("s3cret") && !error.contains("1000."),
        "{error}"
    );
    let held = parse_row(&store, Some("77")).unwrap();
    assert_eq!(
        (one(&held.refresh_token), one(&held.client_secret)),
        ("1000.rb", "s3cret\"b")
    );
    assert_eq!(held.missing(), ["data center"]);
    assert!(
        parse_row(&store, Some("7"))
            .err()
            .unwrap()
            .contains("no row has that id")
    );
    let error = parse_row(&store, Some("78")).err().unwrap();
    assert!(
        error.contains("no refresh token") && error.contains("access token alone"),
        "{error}"
    );
}

#[test]
fn a_store_that_lost_its_first_row_is_read_all_the_same() {
    let (_, rows) = SDK.split_once("\r\n").unwrap();
    assert_eq!(one(&parse(rows).unwrap().refresh_token), "1000.ra");
}

#[test]
fn an_older_store_has_fewer_columns() {
    let store = "id,user_mail,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_url\n\
                 1,a@example.com,1000.A,s,1000.r,,,,\n";
    assert_eq!(one(&parse(store).unwrap().refresh_token), "1000.r");
}

#[test]
fn rows_whose_columns_have_slipped_are_refused_with_their_line() {
    for (store, line) in [
        (
            format!("{SDK}1,b,1000.B\r\n"),
            "line 3 has 3 columns instead of 10",
        ),
        (SDK.replace("s3cret-a", "\"s3cret"), "line 2 has 4 columns"),
    ] {
        let error = parse(&store).err().unwrap();
        assert!(error.contains(line) && !error.contains("s3cret"), "{error}");
    }
    let (first, _) = SDK.split_once("\r\n").unwrap();
    assert!(parse(first).err().unwrap().contains("no row"));
}

#[test]
fn an_env_file_is_read_as_it_stands() {
    let held = parse(
        "# made by hand\nOTHER=\"two\nlines = of it\"\n\nexport ZOHO_CLIENT_ID=1000.A # the app\n\
         ZOHO_CLIENT_SECRET='s3$cret#1'\nZOHO_REFRESH_TOKEN = \"1000.r\"\r\nZOHO_REGION=eu\nPASSED_ON\n\
         PATH=$PATH:/opt\nZOHO_API_DOMAIN=\n",
    )
    .unwrap();
    assert_eq!(one(&held.client_id), "1000.A");
    assert_eq!(one(&held.client_secret), "s3$cret#1");
    assert_eq!(one(&held.refresh_token), "1000.r");
    assert_eq!(one(&held.accounts_domain), "eu");
    assert!(held.api_domain.is_empty() && !held.api_domain_is_an_answer);
}

#[test]
fn nothing_of_an_env_file_is_expanded_or_run() {
    for value in [
        "$SECRET",
        "${SECRET}",
        "`echo s3cret`",
        "\"$(echo s3cret)\"",
    ] {
        let text = format!("A=1\nZOHO_REFRESH_TOKEN={value}\n");
        let error = parse(&text).err().unwrap();
        assert!(
            error.contains("line 2") && !error.contains("s3cret"),
            "{error}"
        );
    }
}

#[test]
fn an_env_file_that_is_broken_is_refused_with_its_line() {
    for (text, why) in [
        (
            "A=1\nZOHO_REFRESH_TOKEN=\"s3cret\n",
            "line 2: ZOHO_REFRESH_TOKEN begins with \"",
        ),
        ("A=1\n\ns3cret s3cret\n", "line 3 is no NAME=value"),
        ("A='s3cret' s3cret\n", "line 1: something stands behind"),
    ] {
        let error = parse(text).err().unwrap();
        assert!(error.contains(why) && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn tokens_in_json_are_read_in_both_spellings() {
    let held =
        parse(r#"{"accessToken":"1000.a","refreshToken":"1000.r","expiresAt":1700000000000}"#)
            .unwrap();
    assert_eq!(one(&held.refresh_token), "1000.r");
    assert_eq!(
        held.missing(),
        ["client ID", "client secret", "data center"]
    );
    let held = parse(
        r#"{"refresh_token":"1000.r","client_id":"1000.A","clientSecret":"s","dc":"com.au","api_domain":"https://www.zohoapis.com.au"}"#,
    )
    .unwrap();
    assert_eq!(
        (one(&held.client_secret), one(&held.accounts_domain)),
        ("s", "au")
    );
    assert!(held.api_domain_is_an_answer && held.missing().is_empty());
}

#[test]
fn variables_are_told_from_tokens_in_json() {
    for text in [
        r#"{"AccountsDomain":"eu","ZohoRefreshToken":"1000.r","ZohoClientId":"1000.A"}"#,
        r#"{"ZohoRefreshToken":{"Value":"\"1000.r\"","IsSecret":true},"ZohoAccountUrl":{"Value":"\"eu\"","IsSecret":false},"ZohoClientId":{"Value":"1000.A","IsSecret":false}}"#,
    ] {
        let held = parse(text).unwrap();
        assert_eq!(
            (one(&held.refresh_token), one(&held.accounts_domain)),
            ("1000.r", "eu")
        );
        assert!(!held.api_domain_is_an_answer);
    }
}

#[test]
fn a_file_without_refresh_token_says_what_it_has_instead() {
    for (text, why) in [
        (
            r#"{"code":"1000.g","client_id":"1000.A"}"#,
            "there is a grant token",
        ),
        (r#"{"ZohoGrantToken":"1000.g"}"#, "there is a grant token"),
        (
            r#"{"accessToken":"1000.a","refreshToken":""}"#,
            "access token alone",
        ),
        ("ZOHO_ACCESS_TOKEN=1000.a", "access token alone"),
        (r#"{"a":1}"#, "there is no refresh token"),
    ] {
        let error = parse(text).err().unwrap();
        assert!(
            error.contains(why) && error.contains("evergrant exchange"),
            "{error}"
        );
    }
}

#[test]
fn another_file_is_refused_without_showing_it() {
    for text in [
        "",
        "s3cret",
        "a: s3cret\n",
        "<s3cret>",
        "{s3cret",
        "[\"s3cret\"]",
    ] {
        let error = parse(text).err().unwrap();
        assert!(
            error.contains("store") && !error.contains("s3cret"),
            "{error}"
        );
    }
    let error = parse_row("ZOHO_REFRESH_TOKEN=r", Some("1")).err().unwrap();
    assert!(error.contains("leave --row out"), "{error}");
}

#[test]
fn a_format_that_is_forced_is_the_one_that_is_read() {
    let forced = |text, format| Held::parse(text, Path::new("store"), Some(format), None);
    assert!(forced(SDK, Format::Env).is_err());
    assert!(forced(r#"{"refreshToken":"1000.r"}"#, Format::Variables).is_err());
    assert!(forced("\n#x\nZOHO_REFRESH_TOKEN=r\n", Format::Env).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "(?s).{0,200}") {
        let _ = parse(&text);
        for format in Format::value_variants() {
            let _ = Held::parse(&text, Path::new("store"), Some(*format), None);
        }
    }

    #[test]
    fn any_text_of_an_env_files_signs_is_parsed_or_refused(text in "[A='\"\\\\#$ \n\r]{0,60}") {
        let _ = Held::parse(&text, Path::new("store"), Some(Format::Env), None);
    }

    #[test]
    fn any_cell_comes_back_from_a_store(secret in "[ -~äöü]{0,20}[!-~]", user in "(?s).{0,20}") {
        prop_assume!(!["null", "None", "undefined"].contains(&secret.trim()));
        let cells = ["1", &user, "1000.A", "s", &secret, "", "", "", "", ""].map(quoted);
        let store = format!("{}\r\n{}\r\n", SDK.lines().next().unwrap(), cells.join(","));
        prop_assert_eq!(refresh_token(&store), secret.trim());
    }

    #[test]
    fn a_shell_and_an_env_file_agree_on_quoted_values(value in "[ -~]{0,20}[!-~]") {
        prop_assume!(!value.contains('\''));
        let line = format!("export ZOHO_REFRESH_TOKEN='{value}' # x\n");
        prop_assert_eq!(refresh_token(&line), value.as_str());
        let escaped: String = value
            .chars()
            .flat_map(|c| "\"\\$`".contains(c).then_some('\\').into_iter().chain([c]))
            .collect();
        let line = format!("ZOHO_REFRESH_TOKEN=\"{escaped}\"\n");
        prop_assert_eq!(refresh_token(&line), value.as_str());
    }

    #[test]
    fn any_token_comes_back_from_json(token in "[ -~]{0,20}[!-~]") {
        let file = serde_json::json!({ "refreshToken": token }).to_string();
        prop_assert_eq!(refresh_token(&file), token.as_str());
    }
}
