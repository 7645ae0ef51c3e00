//! Do locks keep others out? Asked of the file system itself, because some only pretend.
//!
//! Three ways in which they do not: the lock is refused because there is no such thing, it is granted twice
//! (found out by asking twice), or it is known only on this machine while others use the same files (NFS
//! mounted with `nolock` or `local_lock`, Lustre with `localflock`: the mount's options say so).

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::{Error, Result};

/// Set to `off`, nobody trusts locks: for file systems whose locks hang, or lie where nothing tells.
const SWITCH: &str = "PCAMFLOW_LOCKS";

/// Whether the user says that locks do not work here.
pub(super) fn are_off() -> bool {
    static OFF: OnceLock<bool> = OnceLock::new();
    *OFF.get_or_init(|| std::env::var_os(SWITCH).is_some_and(|value| value == "off"))
}

/// Whether an exclusive lock that was granted on this file, which stands at `path`, keeps others out.
pub(super) fn keeps_others_out(path: &Path, held: &File) -> bool {
    !is_granted_twice(path) && !is_of_this_machine_only(held)
}

fn is_granted_twice(path: &Path) -> bool {
    // For writing where that may be: NFS grants exclusive locks to nobody else.
    let again = OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
    let Ok(again) = again else { return false };
    match again.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Asked once per file system.
fn is_of_this_machine_only(held: &File) -> bool {
    static KNOWN: Mutex<Option<HashMap<u64, bool>>> = Mutex::new(None);
    let Ok(metadata) = held.metadata() else { return false };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.get_or_insert_default().entry(metadata.dev()).or_insert_with(|| {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        pretends(&mounts, libc::major(metadata.dev()), libc::minor(metadata.dev()))
    })
}

/// Whether the mount of that device is of a network file system that keeps locks to this machine.
fn pretends(mounts: &str, major: u32, minor: u32) -> bool {
    let device = format!("{major}:{minor}");
    let of_it = mounts.lines().filter(|line| line.split(' ').nth(2) == Some(device.as_str()));
    of_it.filter_map(|line| line.split_once(" - ")).any(|(_, rest)| {
        let mut words = rest.split(' ');
        let (kind, options) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        let mut options = options.split(',');
        match kind {
            "nfs" | "nfs4" => {
                options.any(|one| ["nolock", "local_lock=flock", "local_lock=all"].contains(&one))
            }
            "lustre" => options.any(|one| one == "localflock"),
            _ => false,
        }
    })
}

/// False ("not enforced") if the error says that this file system has no locks; any other error stays.
pub(super) fn tolerate_absence(path: &Path, cause: io::Error) -> Result<bool> {
    match cause.raw_os_error() {
        Some(libc::ENOLCK | libc::ENOSYS | libc::EOPNOTSUPP) => Ok(false),
        _ => Err(Error::new("lock", path, cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_system_without_locks_is_tolerated() {
        let path = Path::new("/lock");
        for code in [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP] {
            assert!(!tolerate_absence(path, io::Error::from_raw_os_error(code)).unwrap());
        }
        let error = tolerate_absence(path, io::Error::from_raw_os_error(libc::EIO)).unwrap_err();
        assert_eq!(error.to_string(), "cannot lock /lock: Input/output error");
    }

    #[test]
    fn a_lock_that_is_granted_twice_keeps_nobody_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = File::open(file.path()).unwrap();
        // Nobody has locked it: as on a file system whose locks are always granted.
        assert!(!keeps_others_out(file.path(), &held));
        held.lock().unwrap();
        assert!(keeps_others_out(file.path(), &held));
        held.unlock().unwrap();
        assert!(!keeps_others_out(file.path(), &held), "asking leaves no lock");
    }

    #[test]
    fn mounts_say_whether_other_machines_see_the_locks() {
        let mounts = "\
29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 29 0:50 / /data rw,relatime shared:2 - nfs4 server:/data rw,vers=4.2,local_lock=none,addr=10.0.0.1
41 29 0:51 / /old rw - nfs server:/old rw,vers=3,nolock,local_lock=all,addr=10.0.0.1
42 29 0:52 / /half rw - nfs server:/half rw,vers=3,local_lock=flock
43 29 0:53 / /posix rw - nfs server:/half rw,vers=3,local_lock=posix
44 29 0:54 / /l rw - lustre mgs@tcp:/fs rw,localflock
45 29 0:55 / /l2 rw - lustre mgs@tcp:/fs rw,flock
";
        let told = [(8, 1), (0, 50), (0, 51), (0, 52), (0, 53), (0, 54), (0, 55), (9, 9)];
        let told = told.map(|(major, minor)| pretends(mounts, major, minor));
        assert_eq!(told, [false, false, true, true, false, true, false, false]);
    }
}
