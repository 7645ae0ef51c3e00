//! The C allocator, told to keep the pages of large tensors.
//!
//! libtorch takes its tensors from `malloc`. glibc maps every large block anew and gives it back at
//! `free`, so each step of a training faults its pages in again: more than half of the time of the
//! training step measured with plain settings. Knows nothing of tensors.

/// Keeps freed memory in the process, in one arena. Call it once, before any other thread exists.
pub(crate) fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two numbers and only changes how later allocations are served.
    unsafe {
        // No block is mapped on its own, however large: M_MMAP_THRESHOLD would end at 2 GiB.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        // Nothing goes back to the kernel at `free`.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        // The heap grows in large steps; untouched pages cost nothing.
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
        // Other arenas are 64 MiB at most, whatever is larger would be mapped: all threads share one.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives what is free back to the kernel: between tasks, when the next may be a small one.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}
