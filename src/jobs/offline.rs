//! Whether the run keeps off the network (`run --offline`).

use crate::protocol::OFFLINE;

/// Whether the run is offline.
pub(super) fn is_offline() -> bool {
    std::env::var_os(OFFLINE).is_some_and(|value| value == "1")
}
