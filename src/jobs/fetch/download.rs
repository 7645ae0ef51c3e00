//! Downloads one file: asks one server after the other, goes on where a connection broke, and ends when the digest is
//! right. Knows no HTTP.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, anyhow};

use super::{
    http::{Http, Trouble},
    partial::Partial,
    progress::At,
};
use crate::{
    serve::EnvironmentFault,
    stages::fetch::{Url, Wanted},
};

/// How often a server may fail in a row.
const TRIES: u32 = 5;

/// The wait after the first failure. It doubles with each one in a row.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A server that sent so many bytes before it failed has not failed in a row.
const PROGRESS: u64 = 16 << 20;

/// Why a server has no such file.
enum Lost {
    /// It cannot be asked.
    Away(String),
    /// It does not have the file, or has another one.
    Wrong(String),
    /// This machine fails.
    Here(anyhow::Error),
}

/// Downloads a file, of which a part may be there.
pub(super) fn download(wanted: &Wanted, mut partial: Partial<'_>, at: &At<'_>) -> Result<()> {
    let http = Http::new().map_err(EnvironmentFault)?;
    let (mut tried, mut is_wrong) = (String::new(), false);
    for url in &wanted.urls {
        let server = Server { http: &http, url, wanted, at };
        let why = match server.download(&mut partial) {
            Ok(()) => return Ok(()),
            Err(Lost::Here(error)) => return Err(error),
            Err(Lost::Away(why)) => why,
            Err(Lost::Wrong(why)) => {
                is_wrong = true;
                why
            }
        };
        let line = format!("{}: {why}", url.shown());
        if wanted.urls.last() != Some(url) {
            at.reporter.warn(&format!("{line}; the next address is asked"));
        }
        tried = format!("{tried}\n  {line}");
    }
    let kept = match partial.size() {
        0 => String::new(),
        _ => "; what has arrived is kept, so run again to go on".to_owned(),
    };
    let message = format!("{} could not be downloaded{kept}:{tried}", wanted.packed_name());
    Err(if is_wrong { anyhow!(message) } else { anyhow!(EnvironmentFault(message)) })
}

/// One server, and the file that it should have.
struct Server<'a> {
    http: &'a Http,
    url: &'a Url,
    wanted: &'a Wanted,
    at: &'a At<'a>,
}

impl Server<'_> {
    /// Downloads the file. If bytes of several answers do not make it, it begins once more.
    fn download(&self, partial: &mut Partial<'_>) -> Result<(), Lost> {
        let mut begins_again = true;
        loop {
            self.to_the_end(partial)?;
            if partial.is_right().map_err(Lost::Here)? {
                return Ok(());
            }
            let (size, digest, expected) = (partial.size(), partial.digest(), self.wanted.checksum);
            begins_again &= partial.is_mixed();
            partial.restart().map_err(Lost::Here)?;
            if !begins_again {
                return Err(Lost::Wrong(format!(
                    "it sent {size} bytes with the digest {digest}, expected {expected}"
                )));
            }
            begins_again = false;
            self.at.reporter.info(&format!(
                "{}: what has arrived does not make the file; it is downloaded again from its beginning",
                self.url.shown()
            ));
        }
    }

    /// Asks until the last byte has arrived, or the server has failed too often in a row.
    fn to_the_end(&self, partial: &mut Partial<'_>) -> Result<(), Lost> {
        let mut failed = 0;
        loop {
            let before = partial.size();
            let (why, asked) = match self.ask(partial) {
                Ok(()) => return Ok(()),
                Err(Stop::Trouble(Trouble::Behind)) => {
                    partial.go_on();
                    return Ok(());
                }
                Err(Stop::Here(error)) => return Err(Lost::Here(error)),
                Err(Stop::Trouble(Trouble::Lasting(why))) => return Err(Lost::Wrong(why)),
                Err(Stop::Trouble(Trouble::Passing { why, wait })) => (why, wait),
            };
            failed = if partial.size() >= before + PROGRESS { 1 } else { failed + 1 };
            if failed == TRIES {
                return Err(Lost::Away(why));
            }
            let wait = asked.unwrap_or(FIRST_WAIT * 2_u32.pow(failed - 1));
            let pause = humantime::format_duration(wait);
            self.at.reporter.info(&format!("{}: {why}; it is asked again in {pause}", self.url.shown()));
            sleep(wait);
        }
    }

    /// Asks once for what is missing.
    fn ask(&self, partial: &mut Partial<'_>) -> Result<(), Stop> {
        let mut answer = self.http.get(self.url.whole(), partial.size()).map_err(Stop::Trouble)?;
        partial.go_on();
        // What is here already, of a server that does not send parts.
        let before = partial.size();
        let mut known = before - answer.from;
        while let Some(bytes) = answer.next().map_err(Stop::Trouble)? {
            let skipped = usize::try_from(known).unwrap_or(usize::MAX).min(bytes.len());
            known -= skipped as u64;
            if skipped < bytes.len() {
                partial.take(&bytes[skipped..]).map_err(Stop::Here)?;
            }
            self.at.arrived(partial.size(), answer.total);
        }
        if known > 0 {
            // A page that says something else, perhaps. What has arrived may be right.
            let sent = before - known;
            return Err(Stop::Trouble(Trouble::Lasting(format!(
                "it sends {sent} bytes, but {before} of the file have arrived before"
            ))));
        }
        let is_short = answer.total.is_some_and(|total| partial.size() < total);
        let may_be_short = !answer.has_an_end() && partial.size() > before;
        match is_short || (may_be_short && partial.digest() != self.wanted.checksum) {
            true => {
                Err(Stop::Trouble(Trouble::Passing { why: "the answer ended early".to_owned(), wait: None }))
            }
            false => Ok(()),
        }
    }
}

/// Why an answer ended early.
enum Stop {
    Trouble(Trouble),
    Here(anyhow::Error),
}
