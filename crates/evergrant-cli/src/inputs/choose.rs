//! The precedence between several places that give one value.

use zeroize::Zeroizing;
use zoho_oauth::{AccountsDomain, CustomHosts};

use super::{
    read,
    source::{Source, Sourced, Text},
};
use crate::{
    cli::{error::CliError, output::Warning},
    environment::Environment,
};

/// One value that may be given: what people call it, and its environment variables.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) variables: &'static [&'static str],
    /// A secret's variables have a twin with `_FILE` behind the name.
    pub(super) is_secret: bool,
}

/// Chooses values by precedence: flag, file named by a flag, environment.
pub(super) struct Chooser<'a> {
    pub(super) environment: &'a Environment,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl Chooser<'_> {
    /// Chooses one value; none if nothing gives it. Fails if two places of the same rank give it.
    pub(super) fn choose(
        &mut self,
        setting: &Setting,
        flag: Option<Text>,
        files: [Vec<Text>; 2],
    ) -> Result<Option<Text>, CliError> {
        let explicit = match flag {
            Some(text) => Some(text),
            None => one_file(setting, files)?,
        };
        let Some(explicit) = explicit else {
            return self.of_environment(setting);
        };
        self.warn_of_variables(setting, &explicit.source);
        Ok(Some(explicit))
    }

    fn of_environment(&mut self, setting: &Setting) -> Result<Option<Text>, CliError> {
        let mut texts = Vec::new();
        for name in setting.variables {
            texts.extend(self.variable(setting, name)?);
        }
        agreed(setting, texts)
    }

    fn variable(&mut self, setting: &Setting, name: &str) -> Result<Option<Text>, CliError> {
        let twin = format!("{name}_FILE");
        let path = self.environment.path(&twin).filter(|_| setting.is_secret);
        let value = self.environment.find(name);
        match (value, path) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(two_sources(
                setting,
                &Source::Variable(name.to_owned()),
                &Source::Variable(twin),
            )),
            (None, Some(path)) => {
                let text = read::secret_file(&path, self.warnings)?;
                Ok(Some(Sourced::new(text, Source::Variable(twin))))
            }
            (Some(value), None) => {
                let text = value.to_str().ok_or_else(|| {
                    CliError::usage("invalid_input", format!("{name} is no UTF-8 text"))
                        .next(format!("set {name} to plain text, or unset it"))
                })?;
                Ok(Some(Sourced::new(
                    Zeroizing::new(text.to_owned()),
                    Source::Variable(name.to_owned()),
                )))
            }
        }
    }

    fn warn_of_variables(&mut self, setting: &Setting, winner: &Source) {
        let twins = setting
            .variables
            .iter()
            .map(|name| format!("{name}_FILE"))
            .filter(|_| setting.is_secret);
        for name in setting
            .variables
            .iter()
            .map(ToString::to_string)
            .chain(twins)
        {
            if self.environment.find(&name).is_some() {
                let message = format!(
                    "{name} is set too: the {} is taken from {winner}",
                    setting.name
                );
                self.warnings
                    .push(Warning::new("environment_ignored", message));
            }
        }
    }
}

fn one_file(setting: &Setting, files: [Vec<Text>; 2]) -> Result<Option<Text>, CliError> {
    let [first, second] = files.map(|texts| agreed(setting, texts));
    match (first?, second?) {
        (Some(first), Some(second)) => Err(two_sources(setting, &first.source, &second.source)),
        (first, second) => Ok(first.or(second)),
    }
}

/// Returns the value that stands under several names of one place, if all mean the same.
fn agreed(setting: &Setting, texts: Vec<Text>) -> Result<Option<Text>, CliError> {
    let mut texts = texts.into_iter();
    let Some(first) = texts.next() else {
        return Ok(None);
    };
    match texts.find(|other| meaning(&other.value) != meaning(&first.value)) {
        Some(other) => Err(two_sources(setting, &first.source, &other.source)),
        None => Ok(Some(first)),
    }
}

/// Returns what makes two spellings equal: `eu` and `https://accounts.zoho.eu/` are one accounts domain.
fn meaning(text: &str) -> Zeroizing<String> {
    let domain = AccountsDomain::parse(text, CustomHosts::Allowed);
    Zeroizing::new(domain.map_or_else(|_| text.trim().to_owned(), |domain| domain.to_string()))
}

fn two_sources(setting: &Setting, first: &Source, second: &Source) -> CliError {
    CliError::usage(
        "two_sources",
        format!("the {} is given twice", setting.name),
    )
    .cause(format!("by {first} and by {second}"))
    .next(format!("give the {} in one place", setting.name))
}
