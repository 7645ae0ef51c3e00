//! Reads what is behind a URL, from a position on. Knows HTTP; knows no files, digests or stages.
//!
//! Calls wait for the answer. Proxies are those of the environment (`HTTPS_PROXY`), certificates those of the system.

use std::{ops::Deref, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE, RETRY_AFTER, TRANSFER_ENCODING},
};
use tokio::runtime::{Builder, Runtime};

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A client for all files of a stage.
pub(super) struct Http {
    client: Client,
    runtime: Runtime,
}

/// The answer of a server.
pub(super) struct Answer<'a> {
    http: &'a Http,
    response: Response,
    /// Where in the file its bytes begin.
    pub(super) from: u64,
    /// The size of the whole file, if it is known.
    pub(super) total: Option<u64>,
}

/// Why a server did not send a file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Asking again may help, after this time if the server says so.
    Passing { why: String, wait: Option<Duration> },
    /// Asking again does not help.
    Lasting(String),
    /// There is nothing from the position on.
    Behind,
}

impl Http {
    /// A client. An error means that this machine lacks something.
    pub(super) fn new() -> Result<Self, String> {
        // TLS is that of the crate `ring`. An error means that it is chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("pcamflow/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECTING)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| format!("cannot speak HTTPS here: {}", cause(&error)))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot wait for servers here: {error}"))?;
        Ok(Self { client, runtime })
    }

    /// Asks for a file from a position on. The answer may begin earlier: not every server sends parts.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<Answer<'_>, Trouble> {
        // Digests are those of the files, so servers must not pack them on the way.
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let response =
            self.runtime.block_on(async { request.send().await }).map_err(|error| from_line(&error))?;
        let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        match (response.status(), range.and_then(read_range)) {
            (StatusCode::OK, _) => {
                let total = response.content_length();
                Ok(Answer { http: self, response, from: 0, total })
            }
            (StatusCode::PARTIAL_CONTENT, Some((begin, total))) if begin <= from => {
                Ok(Answer { http: self, response, from: begin, total })
            }
            (StatusCode::PARTIAL_CONTENT, _) => {
                Err(Trouble::Lasting("it sends another part than it was asked for".to_owned()))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) if from > 0 => Err(Trouble::Behind),
            (status, _) => Err(from_server(status, wait(&response))),
        }
    }
}

impl Answer<'_> {
    /// Whether a broken connection is told from the end of the file. It is not if the server says nothing about either.
    pub(super) fn has_an_end(&self) -> bool {
        self.total.is_some() || self.response.headers().contains_key(TRANSFER_ENCODING)
    }

    /// The next bytes; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<impl Deref<Target = [u8]> + use<>>, Trouble> {
        self.http.runtime.block_on(async { self.response.chunk().await }).map_err(|error| from_line(&error))
    }
}

/// `bytes 5-9/10`: where the part begins, and the size of the whole if it is known.
fn read_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    Some((begin.trim().parse().ok()?, total.trim().parse().ok()))
}

/// How long a server asks to wait.
fn wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

fn from_server(status: StatusCode, wait: Option<Duration>) -> Trouble {
    let why = format!("it answers {status}");
    match status.as_u16() {
        408 | 425 | 429 | 500.. => Trouble::Passing { why, wait },
        401 | 403 => Trouble::Lasting(format!("{why}: files that need a login cannot be fetched")),
        _ => Trouble::Lasting(why),
    }
}

/// No answer, or half of one.
fn from_line(error: &reqwest::Error) -> Trouble {
    let passing = |why| Trouble::Passing { why, wait: None };
    if error.is_redirect() || error.is_builder() {
        return Trouble::Lasting(format!("it leads nowhere: {}", cause(error)));
    }
    if error.is_timeout() {
        return passing("it does not answer".to_owned());
    }
    match error.is_connect() {
        true => passing(format!("it cannot be reached: {}", cause(error))),
        false => passing(format!("the connection broke: {}", cause(error))),
    }
}

/// The first cause of an error. It has no URL, in which there may be secrets.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    if text.contains("://") { "see the URL".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(read_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(read_range("bytes 5-9/*"), Some((5, None)));
        for wrong in ["bytes */10", "5-9/10", "bytes 5/10", "", "bytes x-9/10"] {
            assert_eq!(read_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn some_answers_are_worth_another_question() {
        let passes = |status| {
            matches!(from_server(StatusCode::from_u16(status).unwrap(), None), Trouble::Passing { .. })
        };
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(passes));
        assert!(![304, 400, 401, 403, 404, 410].into_iter().any(passes));
    }
}
