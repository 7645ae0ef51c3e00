//! Addresses of files on web servers. Plain data: knows how they are written, not how files are read from them.

use std::{fmt, str::FromStr};

use crate::stages::{schema::json_schemas, text::serde_by_text};

/// A URL of a web server, without a user's name or password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The whole URL. What follows a `?` may be secret, so it is for servers only.
    #[must_use]
    pub fn whole(&self) -> &str {
        &self.0
    }

    /// The URL for people and logs: without what follows a `?` or `#`.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }

    /// Whether it is more than a path on a server.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.shown().len() < self.0.len()
    }

    /// The URL of a file in the folder that this one names.
    #[must_use]
    pub fn below(&self, file: &str) -> Self {
        Self(format!("{}/{file}", self.0.trim_end_matches('/')))
    }

    /// A URL that is part of the source.
    pub(super) fn known(text: String) -> Self {
        Self(text)
    }
}

/// Errors do not repeat the text: it may contain a password.
impl FromStr for Url {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write https://HOST/PATH or http://HOST/PATH";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("this is no URL: {form}"))?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            return Err("a URL must not contain a user's name or password: pipeline files are shared; download \
                        the file yourself, put it into the folder of the source files, and write the URL without \
                        them"
                .to_owned());
        }
        if !["https", "http"].contains(&scheme) {
            return Err(format!("files are fetched from web servers only: {form}"));
        }
        if host.is_empty() {
            return Err(format!("this URL names no server: {form}"));
        }
        match text.chars().all(|letter| letter.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err("a URL has only ASCII letters, digits and signs: write %20 for a space".to_owned()),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_by_text!(Url);

json_schemas! {
    Url => r#"{ "type": "string", "pattern": "^https?://[^/@?#]+" }"#,
}
