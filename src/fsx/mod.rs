//! File operations: the only place that writes, renames, locks or deletes files.
//!
//! Knows paths, bytes, digests and the kernel. Does not know stores or stages. Every error contains the operation, the
//! path and often advice, and says which kind of failure it was ([`Kind`]).
//!
//! Guarantees:
//! - a written file is visible whole or not at all (temporary file in the same folder, then rename);
//! - locks are kernel locks, which end with their holder ([`FileLock`]);
//! - no symbolic link is followed in order to delete or replace its target.

mod atomic;
mod below;
mod enforced;
mod error;
mod expose;
mod files;
mod folder;
mod foreign;
mod gate;
mod hash;
mod links;
mod lock;
mod non_file;
mod pack;
mod parent;
mod settled;
mod shared;
mod stat;
#[cfg(test)]
pub(crate) mod testing;
mod tree;
mod what;

pub(crate) use atomic::write_through;
pub use atomic::{
    Draft, Durability, copy_whole, is_writable, publish_new, rewrite, sweep_drafts, write_atomic,
};
pub use below::{BadName, Below};
pub use error::{Error, Kind, Result};
pub use expose::{COPY_LIMIT, Exposed, expose, link};
pub use files::{
    append, append_to, copy, create, create_folder, link_target, list, make_executable, make_read_only,
    move_file, open, read, read_if_there, read_text, read_with_stat, remove_file, remove_folder_if_empty,
    sync, touch, unique_name,
};
pub use folder::{Entry, Links, hash_folder, stat_folder, walk};
pub use foreign::{foreign, foreign_bytes};
pub use gate::Gate;
pub use hash::{Hashed, hash_file, hash_file_with};
pub use lock::{FileLock, TryLock};
pub use non_file::non_file;
pub use pack::{check_packed, pack, packed_digest, unpack, unpack_whole};
pub(crate) use parent::parent;
pub use settled::settles;
pub(crate) use settled::{now_ns, unsettled_for};
pub use stat::{StatTuple, stat, stat_link, stat_there};
pub(crate) use tree::REPLACED;
pub use tree::{remove_tree, replace_folder};
pub use what::What;
