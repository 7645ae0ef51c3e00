//! Keeps a program off the network: it gets one of its own, with nothing in it.
//!
//! The Unix sockets of services (docker, ssh-agent, the resolver) lead out as well, and belong to the file
//! system, not to the network: `/dev/null` is mounted over those that are known when the program starts. That
//! keeps honest programs off them; it is no sandbox against malice.

use std::{
    collections::BTreeSet,
    ffi::{CString, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    ptr::null,
};

use crate::protocol::OFFLINE;

/// Where services put their sockets; containers get those of their host there.
const PLACES: [&str; 2] = ["/run", "/var/run"];

/// Whether nothing of the run shall reach the network.
pub(super) fn is_wanted() -> bool {
    std::env::var_os(OFFLINE).is_some_and(|value| value == "1")
}

/// What this machine lets a program still reach, for a warning; `None` where that is nothing.
pub(super) fn gap() -> Option<&'static str> {
    if Offline::new(&[]).works() {
        return None;
    }
    Some(match (Offline { sockets: Vec::new(), masks: false }).works() {
        true => "the Unix sockets of services such as docker and ssh-agent",
        false => "the network",
    })
}

/// What keeps a program off the network.
pub(super) struct Offline {
    /// The sockets that it must not find.
    sockets: Vec<CString>,
    masks: bool,
}

impl Offline {
    /// Finds the sockets of services, also those that variables name.
    pub(super) fn new(variables: &[(String, OsString)]) -> Self {
        let named = variables.iter().map(|(_, value)| {
            let bytes = value.as_bytes();
            PathBuf::from(std::ffi::OsStr::from_bytes(bytes.strip_prefix(b"unix://").unwrap_or(bytes)))
        });
        let found: BTreeSet<PathBuf> = bound().into_iter().chain(below()).chain(named).collect();
        let is_socket = |path: &PathBuf| {
            path.is_absolute() && path.metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
        };
        let sockets = found.into_iter().filter(is_socket);
        let sockets = sockets.filter_map(|path| CString::new(path.as_os_str().as_bytes()).ok()).collect();
        Self { sockets, masks: true }
    }

    /// Leaves the network, between fork and exec: as root, or in a user namespace, in which the user stays the same.
    pub(super) fn enter(&self) -> io::Result<()> {
        if let Err(error) = leave(if self.masks { libc::CLONE_NEWNS } else { 0 }) {
            if self.masks {
                // Without the masks, rather than with the network.
                leave(0)?;
                loopback_up();
            }
            return Err(error);
        }
        loopback_up();
        if self.masks { self.mask() } else { Ok(()) }
    }

    fn mask(&self) -> io::Result<()> {
        // SAFETY: system calls with strings that end with NUL; what is not given is a null pointer.
        unsafe {
            // What is mounted here is for this program alone.
            let private = libc::MS_REC | libc::MS_PRIVATE;
            if libc::mount(null(), c"/".as_ptr(), null(), private, null()) != 0 {
                return Err(io::Error::last_os_error());
            }
            for socket in &self.sockets {
                let done =
                    libc::mount(c"/dev/null".as_ptr(), socket.as_ptr(), null(), libc::MS_BIND, null()) == 0;
                let error = io::Error::last_os_error();
                // A socket may have gone since; one that the user may not reach needs no mask.
                let is_harmless =
                    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EACCES | libc::ENOTDIR));
                if !done && !is_harmless {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Tries it out.
    fn works(self) -> bool {
        let mut probe = std::process::Command::new("/bin/true");
        probe.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: between fork and exec only system calls are made.
        unsafe { probe.pre_exec(move || self.enter()) };
        match probe.status() {
            Ok(_) => true,
            // Then it was exec that failed, after the network was gone.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// The sockets that the kernel knows in this network namespace.
fn bound() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let paths = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(7));
    paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect()
}

/// The sockets in the usual places, also those of services outside of this container.
fn below() -> Vec<PathBuf> {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let first: Vec<PathBuf> = PLACES.iter().flat_map(|place| names(Path::new(place))).collect();
    let folders = first.iter().filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()));
    let second: Vec<PathBuf> = folders.flat_map(|folder| names(folder)).collect();
    first.into_iter().chain(second).collect()
}

/// Leaves the network, and what `also` names, for namespaces of its own.
fn leave(also: libc::c_int) -> io::Result<()> {
    // SAFETY: system calls with plain arguments, on a process that has one thread since it was forked.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWNET | also) } == 0 {
        return Ok(());
    }
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET | also) } != 0 {
        return Err(io::Error::last_os_error());
    }
    put(c"/proc/self/setgroups", b"deny")?;
    put_identity(c"/proc/self/uid_map", user)?;
    put_identity(c"/proc/self/gid_map", group)
}

/// `ID ID 1`, put together without allocating.
fn put_identity(path: &std::ffi::CStr, id: u32) -> io::Result<()> {
    let mut text = [0_u8; 32];
    let length = {
        use std::io::Write;
        let mut rest = &mut text[..];
        write!(rest, "{id} {id} 1")?;
        32 - rest.len()
    };
    put(path, &text[..length])
}

fn put(path: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: `path` ends with NUL, `text` is as long as it says, and the descriptor is closed once.
    let written = unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = libc::write(file, text.as_ptr().cast(), text.len());
        libc::close(file);
        written
    };
    if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Programs talk to themselves over 127.0.0.1; that is no network. Where it fails they cannot.
fn loopback_up() {
    // SAFETY: `request` is a whole `ifreq`, zero where not set; the descriptor is closed once.
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
