//! Errors and warnings about a pipeline that are found before anything runs. Each is kept once.

/// Errors with their places, and warnings with their stages.
#[derive(Debug, Default)]
pub(in crate::engine) struct Remarks {
    errors: Vec<String>,
    warnings: Vec<(String, String)>,
}

impl Remarks {
    pub(in crate::engine) fn error(&mut self, text: String) {
        add(&mut self.errors, text);
    }

    pub(in crate::engine) fn warn(&mut self, stage: String, text: String) {
        add(&mut self.warnings, (stage, text));
    }

    pub(in crate::engine) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The warnings, or all errors.
    pub(in crate::engine) fn warnings(self) -> Result<Vec<(String, String)>, Vec<String>> {
        if self.has_errors() { Err(self.errors) } else { Ok(self.warnings) }
    }
}

fn add<T: PartialEq>(all: &mut Vec<T>, new: T) {
    if !all.contains(&new) {
        all.push(new);
    }
}
