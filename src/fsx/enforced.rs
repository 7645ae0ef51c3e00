//! Takes kernel locks, and finds out whether they exclude other processes. On some file systems they do not.
//!
//! There are three cases: the file system refuses locks, it grants a lock twice (so a second one is tried), or a lock is
//! known only on this machine while others use the same files. The mount options say so for NFS (`nolock`,
//! `local_lock`) and Lustre (`localflock`).

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::{Error, Result};

/// If it is `off`, locks are not used: for file systems whose locks hang, or fail without a sign.
const SWITCH: &str = "PCAMFLOW_LOCKS";

fn are_off() -> bool {
    static OFF: OnceLock<bool> = OnceLock::new();
    *OFF.get_or_init(|| std::env::var_os(SWITCH).is_some_and(|value| value == "off"))
}

/// Locks a file exclusively. Returns whether the lock is enforced; `None` if the lock is held and `wait` is false.
pub(super) fn lock_alone(path: &Path, file: &File, wait: bool) -> Result<Option<bool>> {
    if are_off() {
        return Ok(Some(false));
    }
    let locked = match wait {
        true => uninterrupted(|| file.lock()).map_err(TryLockError::Error),
        false => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(Some(is_enforced(path, file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => tolerate_absence(path, cause).map(Some),
    }
}

/// Locks a file together with others, after waiting for an exclusive lock. Returns whether there are locks.
pub(super) fn lock_shared(path: &Path, file: &File) -> Result<bool> {
    if are_off() {
        return Ok(false);
    }
    match uninterrupted(|| file.lock_shared()) {
        Ok(()) => Ok(true),
        Err(cause) => tolerate_absence(path, cause),
    }
}

fn uninterrupted(lock: impl Fn() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Whether an exclusive lock that was granted on this file at `path` excludes others.
fn is_enforced(path: &Path, held: &File) -> bool {
    !is_granted_twice(path) && !is_of_this_machine_only(held)
}

fn is_granted_twice(path: &Path) -> bool {
    // Opened for writing if possible: NFS grants exclusive locks only then.
    let again = OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
    again.is_ok_and(|again| again.try_lock().is_ok())
}

/// Reads the mounts once for each file system.
fn is_of_this_machine_only(held: &File) -> bool {
    static KNOWN: Mutex<Option<HashMap<u64, bool>>> = Mutex::new(None);
    let Ok(metadata) = held.metadata() else { return false };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.get_or_insert_default().entry(metadata.dev()).or_insert_with(|| {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        has_local_locks(&mounts, libc::major(metadata.dev()), libc::minor(metadata.dev()))
    })
}

/// Whether a device is mounted as a network file system whose locks are known on this machine only.
fn has_local_locks(mounts: &str, major: u32, minor: u32) -> bool {
    let device = format!("{major}:{minor}");
    let mounts = mounts.lines().filter(|line| line.split(' ').nth(2) == Some(device.as_str()));
    mounts.filter_map(|line| line.split_once(" - ")).any(|(_, rest)| {
        let mut words = rest.split(' ');
        let (kind, options) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        let local: &[&str] = match kind {
            "nfs" | "nfs4" => &["nolock", "local_lock=flock", "local_lock=all"],
            "lustre" => &["localflock"],
            _ => &[],
        };
        options.split(',').any(|option| local.contains(&option))
    })
}

/// False ("not enforced") if the error says that this file system has no locks. Other errors stay.
fn tolerate_absence(path: &Path, cause: io::Error) -> Result<bool> {
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
    fn a_lock_that_is_granted_twice_is_not_enforced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = File::open(file.path()).unwrap();
        // It is not locked, as on a file system that always grants locks.
        assert!(!is_enforced(file.path(), &held));
        held.lock().unwrap();
        assert!(is_enforced(file.path(), &held));
        held.unlock().unwrap();
        assert!(!is_enforced(file.path(), &held), "asking leaves no lock");
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
        let devices = [(8, 1), (0, 50), (0, 51), (0, 52), (0, 53), (0, 54), (0, 55), (9, 9)];
        let local = devices.map(|(major, minor)| has_local_locks(mounts, major, minor));
        assert_eq!(local, [false, false, true, true, false, true, false, false]);
    }
}
