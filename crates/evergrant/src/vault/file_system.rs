//! Which file systems the vault may lie on: its locks and syncs must hold.

use std::path::Path;

use super::VaultError;

/// File systems of other machines and shared folders, where locks or syncs are not to be trusted,
/// by their numbers in [statfs(2)](https://man7.org/linux/man-pages/man2/statfs.2.html).
#[cfg(target_os = "linux")]
const FOREIGN: [(u32, &str); 14] = [
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xfe53_4d42, "smb2"),
    (0xff53_4d42, "cifs"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd0, "lustre"),
    (0x0116_1970, "gfs2"),
];

/// Refuses a folder that does not lie on this machine's own disk.
#[cfg(target_os = "linux")]
pub(super) fn check_local(folder: &Path) -> Result<(), VaultError> {
    let Ok(found) = rustix::fs::statfs(folder) else {
        return Ok(());
    };
    // The number is unsigned, whatever type the system's header gives it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "32 bits count"
    )]
    let number = found.f_type as u32;
    match FOREIGN.iter().find(|(foreign, _)| *foreign == number) {
        Some((_, file_system)) => Err(VaultError::ForeignFileSystem {
            folder: folder.to_owned(),
            file_system,
        }),
        None => Ok(()),
    }
}

/// Elsewhere than on Linux nothing is checked.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_local(_folder: &Path) -> Result<(), VaultError> {
    Ok(())
}
