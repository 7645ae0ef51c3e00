//! Reports how far a transfer of bytes is, from the threads that move them.

use std::sync::mpsc;

use crate::engine::tell::event::{Direction, Event, Observer};
use crate::store::Progress;

/// Calls this with the bytes moved so far. False: stop.
pub(in crate::engine) type Report<'a> = &'a (dyn Fn(Progress) -> bool + Sync);

/// Runs `work` in a thread, and reports its progress as events.
///
/// # Panics
/// If `work` does.
pub(in crate::engine) fn transfer<T: Send>(
    direction: Direction,
    what: &str,
    observer: &mut dyn Observer,
    work: impl FnOnce(Report<'_>) -> T + Send,
) -> T {
    let (send, receive) = mpsc::channel::<Progress>();
    std::thread::scope(|threads| {
        let working = threads.spawn(move || work(&|progress| send.send(progress).is_ok()));
        let mut last = None;
        for progress in receive {
            let Progress { done, total } = progress;
            observer.event(&Event::Transfer { direction, what: what.to_owned(), done, total });
            last = Some(progress);
        }
        if let Some(Progress { total, .. }) = last.filter(|last| last.done < last.total) {
            // Stopped or failed: nothing moves any more.
            observer.event(&Event::Transfer { direction, what: what.to_owned(), done: total, total });
        }
        working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
