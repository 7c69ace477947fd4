//! What flags, a file and the environment give of an app, where no grant token is exchanged.

use std::io::Read;

use zoho_oauth::{AccountsDomain, RefreshToken, Scopes};

use super::{
    ACCOUNTS_DOMAIN, API_DOMAIN, CLIENT_ID, CLIENT_SECRET, Collector, Given, REFRESH_TOKEN,
    accounts_domain_flag, accounts_domain_of, api_domain_of, flag, secret_of, typed,
};
use crate::{
    cli::{app_inputs::AppInputArgs, error::CliError},
    environment::Environment,
    inputs::{
        choose::Chooser,
        import::Held,
        source::{Source, Sourced},
    },
};

/// What was given of an app, and the refresh token of the file.
pub(crate) struct GivenApp {
    pub(crate) given: Given,
    pub(crate) refresh_token: Option<RefreshToken>,
    /// Whether the API domain is what a server once answered, and nobody chose it.
    pub(crate) api_domain_is_an_answer: bool,
}

impl GivenApp {
    /// Collects the values; `held` ranks as a file that a flag named. Nothing is asked and nothing is sent.
    pub(crate) fn collect(
        args: &AppInputArgs,
        held: Held,
        environment: &Environment,
        children: &Environment,
        stdin: &mut dyn Read,
    ) -> Result<Self, CliError> {
        let mut collector = Collector {
            environment,
            children,
            stdin,
            warnings: Vec::new(),
        };
        collector.collect_app(args, held)
    }
}

impl Collector<'_> {
    fn collect_app(&mut self, app: &AppInputArgs, held: Held) -> Result<GivenApp, CliError> {
        let custom_hosts = app.custom_hosts();
        let client_secret = self.client_secret_flag(&app.client_secret)?;
        let mut chooser = Chooser {
            environment: self.environment,
            warnings: &mut self.warnings,
        };
        let mut choose = |setting, flag, texts| chooser.choose(setting, flag, [texts, Vec::new()]);
        let accounts_domain = choose(
            &ACCOUNTS_DOMAIN,
            accounts_domain_flag(app),
            held.accounts_domain,
        )?;
        let api_domain = flag("--api-domain", &app.api_domain);
        let api_domain = choose(&API_DOMAIN, api_domain, held.api_domain)?;
        let client_id = choose(
            &CLIENT_ID,
            flag("--client-id", &app.client_id),
            held.client_id,
        )?;
        let client_secret = choose(&CLIENT_SECRET, client_secret, held.client_secret)?;
        // A refresh token of the environment is never taken for one that the file has not.
        let refresh_token = match held.refresh_token.is_empty() {
            true => None,
            false => choose(&REFRESH_TOKEN, None, held.refresh_token)?,
        };

        let is_of_file = |source: &Source| matches!(source, Source::Member(..));
        let api_domain_is_an_answer = held.api_domain_is_an_answer
            && api_domain
                .as_ref()
                .is_some_and(|domain| is_of_file(&domain.source));
        let accounts_domain = typed(accounts_domain, |text| {
            accounts_domain_of(text, custom_hosts)
        })?;
        let api_domain = typed(api_domain, |text| {
            // An answer that is foreign is left out later, with a warning.
            let custom = app.custom_api_domain || api_domain_is_an_answer;
            let known = accounts_domain.as_ref().map(|given| &given.value);
            api_domain_of(text, custom, known)
        })?;
        // Where nobody names the data center, an API domain of Zoho's does.
        let accounts_domain = accounts_domain.or_else(|| {
            let domain = api_domain.as_ref()?;
            let center = domain.value.data_center()?;
            Some(Sourced::new(
                AccountsDomain::from(center),
                domain.source.clone(),
            ))
        });
        Ok(GivenApp {
            given: Given {
                accounts_domain,
                api_domain,
                client_id: typed(client_id, secret_of)?,
                client_secret: typed(client_secret, secret_of)?,
                grant_token: None,
                grant_expires_at: None,
                grant_scopes: None,
                redirect_uri: None,
                code_verifier: None,
                required_scopes: Scopes::default(),
                custom_hosts,
                warnings: std::mem::take(&mut self.warnings),
            },
            refresh_token: typed(refresh_token, secret_of)?.map(|token| token.value),
            api_domain_is_an_answer,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        app: AppInputArgs,
    }

    fn texts(name: &'static str, value: &str) -> Vec<crate::inputs::source::Text> {
        let source = Source::Member(Path::new("store").into(), name);
        vec![Sourced::new(value.to_owned().into(), source)]
    }

    fn collect(line: &str, held: Held, variables: &[(&str, &str)]) -> GivenApp {
        let words = ["evergrant"].into_iter().chain(line.split_whitespace());
        let args = CommandLine::parse_from(words).app;
        let environment: Environment = variables.iter().copied().collect();
        GivenApp::collect(
            &args,
            held,
            &environment,
            &environment,
            &mut std::io::empty(),
        )
        .unwrap()
    }

    fn store(api_domain: &str) -> Held {
        let mut held = Held::default();
        held.api_domain = texts("api_domain", api_domain);
        held.refresh_token = texts("refresh_token", "1000.file");
        held.api_domain_is_an_answer = true;
        held
    }

    #[test]
    fn an_api_domain_of_zohos_names_the_data_center_where_nobody_does() {
        let eu = "https://www.zohoapis.eu";
        let domain = |given: GivenApp| given.given.accounts_domain.unwrap().value.to_string();
        assert_eq!(
            domain(collect("", store(eu), &[])),
            "https://accounts.zoho.eu"
        );
        let other = collect("--data-center in", store(eu), &[]);
        assert_eq!(domain(other), "https://accounts.zoho.in");
        let of_environment = collect("", store(eu), &[("ZOHO_REGION", "us")]);
        assert_eq!(domain(of_environment), "https://accounts.zoho.com");
        let foreign = collect("", store("https://evil.example"), &[]);
        assert!(foreign.given.accounts_domain.is_none());
    }

    #[test]
    fn an_api_domain_that_a_person_gave_is_no_answer() {
        let eu = "https://www.zohoapis.eu";
        assert!(collect("", store(eu), &[]).api_domain_is_an_answer);
        let line = "--api-domain https://www.zohoapis.in";
        assert!(!collect(line, store(eu), &[]).api_domain_is_an_answer);
    }

    #[test]
    fn the_files_refresh_token_is_the_one_and_the_environments_is_told() {
        let variables = [("ZOHO_REFRESH_TOKEN", "1000.environment")];
        let given = collect("", store("https://www.zohoapis.eu"), &variables);
        assert_eq!(given.refresh_token.unwrap().expose_secret(), "1000.file");
        assert_eq!(given.given.warnings[0].code, "environment_ignored");
        assert!(
            collect("", Held::default(), &variables)
                .refresh_token
                .is_none()
        );
    }
}
