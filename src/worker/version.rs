//! The version of the loaded libtorch, for the record of a result.

unsafe extern "C" {
    /// `TORCH_ABI_VERSION` of the loaded library. The three highest bytes are major, minor and patch.
    fn aoti_torch_abi_version() -> u64;
}

/// The version of the loaded libtorch: `2.11.0`.
pub(crate) fn libtorch() -> String {
    // SAFETY: a C function of libtorch's stable interface without arguments that returns a constant.
    let [major, minor, patch, ..] = unsafe { aoti_torch_abi_version() }.to_be_bytes();
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn libtorch_is_the_one_that_tch_is_pinned_to() {
        assert!(super::libtorch().starts_with("2.11."), "{}", super::libtorch());
    }
}
