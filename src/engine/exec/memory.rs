//! How much memory processes use, according to the kernel.
//!
//! What cannot be read counts as unknown: no stage fails for it.

use std::fs;

use crate::offspring;

/// Restarts the kernel's account of a process's peak; false if the kernel does not allow it.
pub(super) fn reset_peak(id: u32) -> bool {
    fs::write(format!("/proc/{id}/clear_refs"), "5").is_ok()
}

/// The most memory that a living process used by itself since [`reset_peak`].
pub(super) fn own_peak(id: u32) -> Option<u64> {
    offspring::bytes(&fs::read_to_string(format!("/proc/{id}/status")).ok()?, "VmHWM:")
}

/// The memory of this machine, in bytes.
#[must_use]
pub fn of_this_machine() -> Option<u64> {
    offspring::bytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// The most memory that a process used that is ending. Blocks until it has ended, and leaves its exit code.
pub(super) fn peak_of_the_dead(id: u32) -> Option<u64> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills both structures, which are ours, of the sizes it expects, and plain data
    // for which all zeroes are valid. `WNOWAIT` leaves the process to be waited for by its owner. (The C
    // library's `waitid` does not return the usage; the system call does.)
    let (done, usage) = unsafe {
        let flags = libc::WEXITED | libc::WNOWAIT;
        let done =
            libc::syscall(libc::SYS_waitid, libc::P_PID, id, info.as_mut_ptr(), flags, usage.as_mut_ptr());
        (done == 0, usage.assume_init())
    };
    let kilobytes = u64::try_from(usage.ru_maxrss).ok().filter(|most| done && *most > 0)?;
    kilobytes.checked_mul(1024)
}

/// Bytes as people read them: `312 MiB`, `3.2 GiB`.
pub(super) fn amount(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    match bytes {
        bytes if bytes >= GIB => format!("{:.1} GiB", bytes as f64 / GIB as f64),
        bytes => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_uses_memory_and_less_than_the_machine_has() {
        let id = std::process::id();
        assert!(own_peak(id).unwrap() > 1 << 20);
        assert!((1 << 20..of_this_machine().unwrap()).contains(&offspring::resident(id)));
    }

    #[test]
    fn the_peak_of_a_dead_process_is_read_without_waiting_for_it() {
        let mut child = Command::new("sh").args(["-c", "exit 3"]).stdin(Stdio::null()).spawn().unwrap();
        assert!(peak_of_the_dead(child.id()).is_some_and(|peak| peak > 100_000));
        assert_eq!(child.wait().unwrap().code(), Some(3), "it can still be waited for");
    }

    #[test]
    fn amounts_are_rounded_up_to_a_mebibyte_and_have_one_decimal_above_a_gibibyte() {
        assert_eq!([1, 5 << 20, 7 << 29].map(amount), ["1 MiB", "5 MiB", "3.5 GiB"]);
    }
}
