//! Where Evergrant keeps its files.

use std::path::{Path, PathBuf};

use evergrant::vault::Folders;

use crate::{cli::error::CliError, environment::Environment};

/// The files and folders of one home.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// `config.toml`.
    pub(crate) config: PathBuf,
    /// Whether the person named `config.toml`, so that it has to exist.
    pub(crate) config_is_named: bool,
    /// The folders of vault, escrow and master key.
    pub(crate) folders: Folders,
}

impl Paths {
    /// Finds the files: all in `--home` or `EVERGRANT_HOME`, else where the XDG base directory specification
    /// puts them; `--config` or `EVERGRANT_CONFIG` move `config.toml` alone. Fails without any home folder.
    ///
    /// <https://specifications.freedesktop.org/basedir-spec/latest/>
    pub(crate) fn find(
        home: Option<&Path>,
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let one_home = home
            .map(Path::to_path_buf)
            .or_else(|| environment.path("EVERGRANT_HOME"));
        let folders = match one_home {
            Some(home) => Folders {
                config: home.clone(),
                data: home.clone(),
                runtime: home,
                temporary: temporary(environment),
            },
            None => xdg_folders(environment)?,
        };
        let named = config
            .map(Path::to_path_buf)
            .or_else(|| environment.path("EVERGRANT_CONFIG"));
        Ok(Self {
            config_is_named: named.is_some(),
            config: named.unwrap_or_else(|| folders.config.join("config.toml")),
            folders,
        })
    }
}

/// Finds the folders of the specification. The key's is not the one that is backed up with the vault.
fn xdg_folders(environment: &Environment) -> Result<Folders, CliError> {
    let temporary = temporary(environment);
    let runtime = environment.path("XDG_RUNTIME_DIR");
    Ok(Folders {
        config: xdg_folder("XDG_CONFIG_HOME", ".config", environment)?,
        data: xdg_folder("XDG_DATA_HOME", ".local/share", environment)?,
        runtime: runtime
            .unwrap_or_else(|| temporary.clone())
            .join("evergrant"),
        temporary,
    })
}

/// Finds a folder of the user's own among everybody's temporary files.
fn temporary(environment: &Environment) -> PathBuf {
    let shared = environment.path("TMPDIR");
    let user = rustix::process::geteuid().as_raw();
    shared
        .unwrap_or_else(|| PathBuf::from("/tmp"))
        .join(format!("evergrant-{user}"))
}

/// Finds one of the specification's folders; a relative path in a variable is to be ignored, it says.
fn xdg_folder(
    variable: &str,
    below_home: &str,
    environment: &Environment,
) -> Result<PathBuf, CliError> {
    let absolute = |name: &str| environment.path(name).filter(|path| path.is_absolute());
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .map(|folder| folder.join("evergrant"))
        .ok_or_else(|| {
            CliError::config("no_home", "there is no folder to keep the vault in")
                .cause("neither HOME nor EVERGRANT_HOME is set")
                .next("set EVERGRANT_HOME, or give --home")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Paths {
        Paths::find(None, None, &variables.iter().copied().collect()).unwrap()
    }

    #[test]
    fn one_home_holds_everything() {
        let environment = Environment::from_iter([("EVERGRANT_HOME", "/ours"), ("HOME", "/anna")]);
        let paths = Paths::find(None, None, &environment).unwrap();
        assert_eq!(paths.folders.vault(), Path::new("/ours/vault.db"));
        assert_eq!(paths.folders.master_key(), Path::new("/ours/master.key"));
        assert_eq!(paths.config, Path::new("/ours/config.toml"));
        let config = Some(Path::new("c.toml"));
        let paths = Paths::find(Some(Path::new("/flag")), config, &environment).unwrap();
        assert_eq!(paths.folders.escrow(), Path::new("/flag/escrow"));
        assert_eq!(
            (paths.config, paths.config_is_named),
            (PathBuf::from("c.toml"), true)
        );
    }

    #[test]
    fn without_one_the_key_lies_apart_from_the_vault() {
        let folders = find(&[("HOME", "/anna"), ("XDG_DATA_HOME", "relative")]).folders;
        assert_eq!(
            folders.master_key(),
            Path::new("/anna/.config/evergrant/master.key")
        );
        assert_eq!(
            folders.vault(),
            Path::new("/anna/.local/share/evergrant/vault.db")
        );
        let xdg = [
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_RUNTIME_DIR", "/r"),
        ];
        let paths = find(&xdg);
        assert_eq!(paths.config, Path::new("/c/evergrant/config.toml"));
        assert_eq!(paths.folders.vault(), Path::new("/d/evergrant/vault.db"));
        assert_eq!(paths.folders.runtime, Path::new("/r/evergrant"));
    }

    #[test]
    fn no_home_at_all_is_an_error_with_a_remedy() {
        let error = Paths::find(None, None, &Environment::default()).unwrap_err();
        assert!(error.to_text().contains("set EVERGRANT_HOME"));
    }
}
