//! Settings of the C allocator: it keeps the pages of large tensors.
//!
//! libtorch allocates tensors with `malloc`. By default glibc maps every large block and unmaps it at `free`, so
//! every training step faults the pages in again. That took more than half of the time of a step.

/// Keeps freed memory in the process, in one arena. Call it once, before any other thread starts.
pub(crate) fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two numbers and only changes how later allocations are served.
    unsafe {
        // No block is mapped separately. (M_MMAP_THRESHOLD cannot exceed 2 GiB.)
        libc::mallopt(libc::M_MMAP_MAX, 0);
        // `free` returns nothing to the kernel.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        // The heap grows in large steps. Untouched pages cost nothing.
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
        // All threads share one arena: others hold at most 64 MiB and would map larger blocks.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Returns free memory to the kernel. Call it between tasks: the next one may be small.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}
