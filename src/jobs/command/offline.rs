//! Keeps a program off the network: it gets an empty network namespace.
//!
//! Unix sockets of services (docker, ssh-agent, the resolver) also lead out, but they belong to the file system.
//! `/dev/null` is mounted over those that exist when the program starts. This is no protection against malice.

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString, OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    ptr::null,
};

use rustix::fs::{Mode, OFlags};

/// Folders in which services put their sockets. Containers get sockets of their host there.
const PLACES: [&str; 2] = ["/run", "/var/run"];

/// Whether this machine can keep programs offline. Tries it with `/bin/true`.
pub(super) fn is_possible() -> bool {
    let offline = Offline::new(&[]);
    let mut probe = std::process::Command::new("/bin/true");
    probe.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only system calls are made.
    unsafe { probe.pre_exec(move || offline.enter()) };
    // If there is no `/bin/true`, only exec failed, after the network was gone.
    probe.status().map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |_| true)
}

/// What a process needs to go offline between fork and exec, where it cannot allocate.
pub(super) struct Offline {
    /// The sockets to hide.
    sockets: Vec<CString>,
    /// The contents of `uid_map` and `gid_map`.
    identity: [String; 2],
}

impl Offline {
    /// Finds the sockets of services, including those named in `variables`.
    pub(super) fn new(variables: &[(String, OsString)]) -> Self {
        let named = variables.iter().map(|(_, value)| {
            let bytes = value.as_bytes();
            PathBuf::from(OsStr::from_bytes(bytes.strip_prefix(b"unix://").unwrap_or(bytes)))
        });
        let found: BTreeSet<PathBuf> = bound().into_iter().chain(in_places()).chain(named).collect();
        let is_socket = |path: &PathBuf| {
            path.is_absolute() && path.metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
        };
        let sockets = found.into_iter().filter(is_socket);
        let sockets = sockets.filter_map(|path| CString::new(path.as_os_str().as_bytes()).ok()).collect();
        let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        Self { sockets, identity: [user, group].map(|id| format!("{id} {id} 1")) }
    }

    /// Leaves the network and hides the sockets.
    pub(super) fn enter(&self) -> io::Result<()> {
        self.leave_network()?;
        loopback_up();
        // Mounts must not reach other processes.
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE)?;
        for socket in &self.sockets {
            match mount(c"/dev/null", socket, libc::MS_BIND).map_err(|error| error.raw_os_error()) {
                // The socket is gone, or the user cannot reach it.
                Ok(()) | Err(Some(libc::ENOENT | libc::EACCES | libc::ENOTDIR)) => {}
                Err(code) => return Err(io::Error::from_raw_os_error(code.unwrap_or_default())),
            }
        }
        Ok(())
    }

    /// Enters new namespaces, as root, or else in a user namespace with the same user.
    fn leave_network(&self) -> io::Result<()> {
        let namespaces = libc::CLONE_NEWNET | libc::CLONE_NEWNS;
        // SAFETY: a system call with plain arguments, in a process with one thread since it was forked.
        if unsafe { libc::unshare(namespaces) } == 0 {
            return Ok(());
        }
        // SAFETY: as above.
        if unsafe { libc::unshare(libc::CLONE_NEWUSER | namespaces) } != 0 {
            return Err(io::Error::last_os_error());
        }
        put(c"/proc/self/setgroups", "deny")?;
        put(c"/proc/self/uid_map", &self.identity[0])?;
        put(c"/proc/self/gid_map", &self.identity[1])
    }
}

/// The sockets that are bound in this network namespace.
fn bound() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let paths = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(7));
    paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect()
}

/// The files in `PLACES` and their subfolders.
fn in_places() -> Vec<PathBuf> {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let first: Vec<PathBuf> = PLACES.iter().flat_map(|place| files(Path::new(place))).collect();
    let folders = first.iter().filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()));
    let second: Vec<PathBuf> = folders.flat_map(|folder| files(folder)).collect();
    first.into_iter().chain(second).collect()
}

fn mount(source: &CStr, target: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the strings end with NUL; type and data may be null for these flags.
    match unsafe { libc::mount(source.as_ptr(), target.as_ptr(), null(), flags, null()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn put(path: &CStr, text: &str) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes())?;
    Ok(())
}

/// Turns on the loopback device, if possible: programs may use 127.0.0.1 among themselves.
fn loopback_up() {
    // SAFETY: `request` is a whole `ifreq`, zero if not set; the descriptor is closed once.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket >= 0 {
            let mut request: libc::ifreq = std::mem::zeroed();
            (request.ifr_name[0], request.ifr_name[1]) = (b'l'.cast_signed(), b'o'.cast_signed());
            let up = libc::IFF_UP | libc::IFF_RUNNING;
            request.ifr_ifru.ifru_flags = i16::try_from(up).unwrap_or_default();
            libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request);
            libc::close(socket);
        }
    }
}
