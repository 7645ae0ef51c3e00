//! Ends a process and those in its group, at once.

use crate::offspring;

/// Ends a process, and what it started, at once: it leads a group of its own, and programs below it lead others.
pub(super) fn kill(id: u32) {
    offspring::end_below(id);
    let id = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        // An error says that it is gone already.
        let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
    }
}
