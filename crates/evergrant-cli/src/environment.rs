//! The environment variables as a value.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// Variables that a program which is asked for one secret has no need to see: it is not given others.
const SECRETS: [&str; 5] = [
    "ZOHO_CLIENT_SECRET",
    "ZOHO_GRANT_TOKEN",
    "ZOHO_REFRESH_TOKEN",
    "EVERGRANT_MASTER_KEY",
    "EVERGRANT_PASSPHRASE",
];

/// The environment variables that a run sees.
///
/// Has no `Debug`: the values may be secrets.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Takes the variables of this process, once.
    #[must_use]
    pub fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the process's environment is read"
        )]
        std::env::vars_os().collect()
    }

    /// Finds a variable; one that is set to nothing counts as not set, since container tools set such ones.
    pub(crate) fn find(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Tells whether a variable is set, to nothing.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        let value = self.variables.get(OsStr::new(name));
        value.is_some_and(|value| value.is_empty())
    }

    /// Finds a variable that is a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.find(name).map(PathBuf::from)
    }

    /// Returns these variables without the secrets among them, of which the configuration names `others`. Proxies stay,
    /// with their passwords: what fetches a secret from afar needs them.
    pub(crate) fn without_secrets(&self, others: &[&str]) -> Self {
        let is_secret = |name: &OsStr| SECRETS.iter().chain(others).any(|secret| name == *secret);
        self.iter().filter(|(name, _)| !is_secret(name)).collect()
    }

    /// Returns all variables as they are given to a program.
    pub(crate) fn to_vec(&self) -> Vec<(OsString, OsString)> {
        self.variables.clone().into_iter().collect()
    }

    /// Lists all variables, for a child that is to see the same world.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            variables: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        let names = ["HOME", "ZOHO_CLIENT_SECRET", "OLD_KEY", "https_proxy"];
        let environment: Environment = names.into_iter().map(|name| (name, "value")).collect();
        let children = environment.without_secrets(&["OLD_KEY"]);
        let left: Vec<_> = children.iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["HOME", "https_proxy"]);
    }

    #[test]
    fn empty_counts_as_not_set() {
        let environment =
            Environment::from_iter([("ZOHO_REGION", ""), ("EVERGRANT_HOME", "/somewhere")]);
        assert_eq!(environment.find("ZOHO_REGION"), None);
        assert_eq!(
            environment.path("EVERGRANT_HOME"),
            Some(PathBuf::from("/somewhere"))
        );
        assert_eq!(environment.find("ABSENT"), None);
    }
}
