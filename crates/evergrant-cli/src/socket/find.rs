//! Where a server's socket may be, and whether it is to be trusted.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use crate::{environment::Environment, paths::Paths};

/// The variable that names a socket; one that is set to nothing means none at all.
const VARIABLE: &str = "EVERGRANT_SOCKET";

/// The socket of the system's server.
const SYSTEM: &str = "/run/evergrant/evergrant.sock";

/// What is at a place.
pub(crate) enum Found {
    /// A server that may be asked.
    Server(UnixStream),
    /// A socket of another user, who could answer anything.
    Untrusted,
    /// Nobody.
    Nobody,
}

/// Lists where a server may be, in the order in which they are asked. A home that is named has its own server or
/// none; the system's is not asked by whoever has a vault of their own.
pub(crate) fn places(home: Option<&Path>, environment: &Environment) -> Vec<PathBuf> {
    if home.is_none() && environment.is_empty(VARIABLE) {
        return Vec::new();
    }
    let mut places = Vec::new();
    if home.is_none() {
        places.extend(environment.path(VARIABLE));
    }
    let folders = Paths::find(home, None, environment).map(|paths| paths.folders);
    let has_home = home.is_some() || environment.path("EVERGRANT_HOME").is_some();
    let asks_the_system = !has_home && !folders.as_ref().is_ok_and(|own| own.vault().exists());
    places.extend(folders.map(|own| own.runtime.join("evergrant.sock")));
    if asks_the_system {
        places.push(SYSTEM.into());
    }
    places
}

/// Connects to the server at a place.
pub(crate) fn connect(place: &Path) -> Found {
    let Ok(metadata) = fs::symlink_metadata(place) else {
        return Found::Nobody;
    };
    if !metadata.file_type().is_socket() {
        return Found::Nobody;
    }
    let owner = metadata.uid();
    let own = rustix::process::geteuid().as_raw();
    if owner != own && owner != 0 && !is_systems(place, owner) {
        return Found::Untrusted;
    }
    UnixStream::connect(place).map_or(Found::Nobody, Found::Server)
}

/// Tells whether it is the system's server, which may run as a user of its own: only root makes folders in `/run`.
fn is_systems(place: &Path, owner: u32) -> bool {
    let folder = (place == Path::new(SYSTEM))
        .then(|| place.parent())
        .flatten();
    let folder = folder.and_then(|folder| fs::symlink_metadata(folder).ok());
    folder.is_some_and(|folder| folder.uid() == owner && folder.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(home: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
        let places = places(home.map(Path::new), &variables.iter().copied().collect());
        let text = |place: &PathBuf| place.display().to_string();
        places.iter().map(text).collect()
    }

    #[test]
    fn a_home_that_is_named_has_its_own_server_or_none() {
        let named = [("EVERGRANT_HOME", "/ours")];
        assert_eq!(at(None, &named), ["/ours/evergrant.sock"]);
        let variables = [("EVERGRANT_HOME", "/ours"), (VARIABLE, "/other.sock")];
        assert_eq!(at(Some("/flag"), &variables), ["/flag/evergrant.sock"]);
        assert_eq!(
            at(None, &variables),
            ["/other.sock", "/ours/evergrant.sock"]
        );
    }

    #[test]
    fn without_a_home_the_systems_server_is_asked_last() {
        let variables = [("HOME", "/nowhere"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        assert_eq!(
            at(None, &variables),
            ["/run/user/7/evergrant/evergrant.sock", SYSTEM]
        );
        assert_eq!(at(None, &[]), [SYSTEM]);
    }

    #[test]
    fn a_variable_that_is_set_to_nothing_means_none() {
        assert!(at(None, &[("EVERGRANT_HOME", "/ours"), (VARIABLE, "")]).is_empty());
    }

    #[test]
    fn what_is_no_socket_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("evergrant.sock");
        assert!(matches!(connect(&file), Found::Nobody));
        fs::write(&file, "").unwrap();
        assert!(matches!(connect(&file), Found::Nobody));
    }
}
