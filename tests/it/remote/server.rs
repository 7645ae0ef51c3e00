//! Projects on the S3 server of these tests, and what it has of them.

use std::path::PathBuf;

pub(super) use super::s3::{Fault, S3};
use crate::sandbox::{Sandbox, files};

impl S3 {
    /// Gives a project this remote and its credentials.
    pub(super) fn for_project(&self, project: Sandbox) -> Sandbox {
        let (settings, credentials) = self.given();
        let project = project.file("pcamflow.toml", settings);
        credentials.iter().fold(project, |project, (name, value)| project.env(name, value))
    }

    /// Gives a project this remote, and credentials with this secret.
    pub(super) fn with_secret(&self, project: Sandbox, secret: &str) -> Sandbox {
        self.for_project(project).env("AWS_SECRET_ACCESS_KEY", secret)
    }

    /// The files of the bucket below `v1/KIND`.
    pub(super) fn files(&self, kind: &str) -> Vec<PathBuf> {
        let all = files(&self.bucket().join("pcam/v1").join(kind));
        // The server keeps what it knows of an object in hidden files beside the bucket.
        all.into_iter().filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
    }
}
