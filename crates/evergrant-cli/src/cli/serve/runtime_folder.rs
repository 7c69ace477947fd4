//! The folder of the socket: made where nobody has made it, and its owner's alone.

use std::{
    fs::DirBuilder,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

use crate::cli::error::CliError;

/// Makes the folder, unless it is there. In a folder that everybody writes to, somebody else may have made it first:
/// whoever owns it could put another socket in the place of ours.
pub(super) fn make(folder: &Path) -> Result<(), CliError> {
    let failed = |error: &io::Error| {
        let message = format!("cannot use the folder {} for the socket", folder.display());
        CliError::config("runtime_folder", message)
            .cause(error)
            .next("name another socket: --unix PATH, or unix = \"...\" under [server]")
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| failed(&error))?;
    let owner = std::fs::symlink_metadata(folder).map_err(|error| failed(&error))?;
    let (us, root) = (rustix::process::geteuid().as_raw(), 0);
    if !owner.is_dir() || ![us, root].contains(&owner.uid()) {
        let foreign = io::Error::new(ErrorKind::PermissionDenied, "it belongs to somebody else");
        return Err(failed(&foreign));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn it_is_made_for_its_owner_alone_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("run/evergrant");
        for _ in 0..2 {
            make(&runtime).unwrap();
        }
        let mode = std::fs::metadata(&runtime).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("evergrant");
        symlink("/tmp", &link).unwrap();
        assert!(make(&link).is_err());
    }
}
