//! The reason of an error in a network's code, in one line: libtorch's texts are tracebacks of many lines.

use anyhow::{Error, anyhow};
use tch::TchError;

/// An error with its reason alone.
pub(super) fn in_words(error: &TchError) -> Error {
    match error {
        TchError::Torch(text) => anyhow!("{}", last_line(text)),
        other => anyhow!("{other}"),
    }
}

/// The line that says what went wrong: that of the innermost exception, or the first one.
fn last_line(text: &str) -> &str {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let innermost = lines().filter_map(|line| line.strip_prefix("RuntimeError: ")).next_back();
    innermost.or_else(|| lines().next()).unwrap_or("libtorch does not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_exception_is_the_reason() {
        let text = "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most \
                    recent call last):\n  File \"net.py\", line 3, in forward\n    ~~~~ <--- HERE\nRuntimeError: mat1 and \
                    mat2 shapes cannot be multiplied (2x9 and 4x1)\n";
        assert_eq!(last_line(text), "mat1 and mat2 shapes cannot be multiplied (2x9 and 4x1)");
        assert_eq!(
            last_line("Method 'features' is not defined.\nframe #0"),
            "Method 'features' is not defined."
        );
        assert_eq!(last_line(" \n"), "libtorch does not say why");
    }
}
