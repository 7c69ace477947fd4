//! The file that holds a token: whole at any time, for its owner alone, and gone at the end.

use std::{
    io::{self, ErrorKind, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use fs_err as fs;
use zeroize::Zeroizing;
use zoho_oauth::AccessToken;

use crate::cli::{error::CliError, redact::hide_token_as_path};

/// How the name of the file begins that is on its way to become the token's.
const TEMPORARY: &str = ".new-";

/// More than any token has.
const LONGEST: u64 = 4096;

/// A token's file; dropped, it removes the file.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    /// Device and number of the file that was written last: another one in its place is not ours to remove.
    written: Option<(u64, u64)>,
}

impl TokenFile {
    /// Takes a name for the file. Fails if something is there that would be lost: only an empty file of
    /// ours is replaced, or one that an earlier run left behind.
    pub(super) fn at(path: &Path) -> Result<Self, CliError> {
        let in_the_way = |cause: String| {
            let shown = hide_token_as_path(path);
            CliError::config(
                "token_file_in_the_way",
                format!("{shown} is not replaced by a token"),
            )
            .cause(cause)
            .next("give --token-file a name that is free, in a folder of your own; or remove what is there")
        };
        match obstacle(path) {
            Ok(None) => {}
            Ok(Some(obstacle)) => return Err(in_the_way(obstacle.to_owned())),
            Err(error) => return Err(in_the_way(error.to_string())),
        }
        // The program may go to another folder.
        let path = std::path::absolute(path).map_err(|error| in_the_way(error.to_string()))?;
        Ok(Self {
            path,
            written: None,
        })
    }

    /// Returns the file's whole path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a token into the file's place at once: a reader finds the old one or the new one. Links are
    /// replaced, not followed.
    pub(super) fn write(&mut self, token: &AccessToken) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        // Its mode is 0600 from the beginning.
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)?;
        let line = Zeroizing::new(format!("{}\n", token.expose_secret()));
        temporary.write_all(line.as_bytes())?;
        let metadata = temporary.as_file().metadata()?;
        temporary
            .persist(&self.path)
            .map_err(|failed| failed.error)?;
        self.written = Some((metadata.dev(), metadata.ino()));
        Ok(())
    }

    /// Says that the file cannot be written.
    pub(super) fn unwritable(&self, error: &io::Error) -> CliError {
        let shown = hide_token_as_path(&self.path);
        CliError::config(
            "token_file_unwritable",
            format!("cannot put the token into {shown}"),
        )
        .cause(error)
        .next("give --token-file a name in a folder of your own")
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let there = std::fs::symlink_metadata(&self.path);
        let is_ours = there.is_ok_and(|there| self.written == Some((there.dev(), there.ino())));
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "the token's file could not be removed");
        }
    }
}

/// Says what is in the way of a token's file; `None` if nothing is.
fn obstacle(path: &Path) -> io::Result<Option<&'static str>> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(if there.is_symlink() {
        Some("it is a symbolic link, and those are not followed")
    } else if !there.is_file() {
        Some("it is no file")
    } else if there.uid() != rustix::process::geteuid().as_raw() {
        Some("it is somebody else's file")
    } else if there.len() > LONGEST || !may_go(&fs::read(path)?) {
        Some("it holds something else than a token")
    } else {
        None
    })
}

fn may_go(content: &[u8]) -> bool {
    let text = std::str::from_utf8(content).unwrap_or("?").trim_end();
    text.is_empty() || (text.starts_with("1000.") && text.parse::<AccessToken>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn token(digit: &str) -> AccessToken {
        AccessToken::new(format!("1000.{0}.{0}", digit.repeat(32)))
    }

    #[test]
    fn a_token_is_for_its_owner_alone_and_goes_with_the_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut file = TokenFile::at(&path).unwrap();
        file.write(&token("a")).unwrap();
        file.write(&token("b")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", token("b").expose_secret()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), 0o100_600);
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_token_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("notes"), "buy milk\n").unwrap();
        fs::write(path("other"), "1000.a b").unwrap();
        fs::write(path("long"), "1".repeat(5000)).unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("left"), format!("{}\n", token("a").expose_secret())).unwrap();
        symlink(path("empty"), path("link")).unwrap();
        for name in ["notes", "other", "long", "link", ".", "notes/below"] {
            let refused = TokenFile::at(&path(name)).unwrap_err();
            let text = refused.to_text();
            assert!(
                text.contains("is not replaced by a token"),
                "{name}: {text}"
            );
        }
        for name in ["empty", "left", "new"] {
            TokenFile::at(&path(name)).unwrap();
        }
    }

    #[test]
    fn a_link_that_came_later_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("token"), folder.path().join("target"));
        fs::write(&target, "mine").unwrap();
        let mut file = TokenFile::at(&path).unwrap();
        symlink(&target, &path).unwrap();
        file.write(&token("a")).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    }

    #[test]
    fn the_file_of_another_run_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut first = TokenFile::at(&path).unwrap();
        first.write(&token("a")).unwrap();
        let mut second = TokenFile::at(&path).unwrap();
        second.write(&token("b")).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
