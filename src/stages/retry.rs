//! How often a stage is tried, and how long an attempt may take: settings of execution, no part of a key.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::declare::choice;

/// A span of time, written `"90s"`, `"30min"`, `"2h 15min"`: above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeSpan(pub Duration);

impl FromStr for TimeSpan {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span of time: write \"90s\", \"30min\" or \"2h\"");
        let span = humantime::parse_duration(text).map_err(|_| wrong())?;
        if span.is_zero() {
            Err(format!("`{text}` leaves no time at all: write \"1s\" or more"))
        } else {
            Ok(Self(span))
        }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl TryFrom<String> for TimeSpan {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TimeSpan> for String {
    fn from(span: TimeSpan) -> Self {
        span.to_string()
    }
}

choice! {
    /// Which failures are worth another attempt.
    pub enum RetryOn {
        /// The process that computes died: it was killed or it crashed.
        WorkerLost = "worker-lost",
        /// It took longer than `timeout`.
        Timeout = "timeout",
        /// Every failure.
        Any = "any",
    }
}

/// How often a stage that failed is tried again in the same run: `retry = { times = 2 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Retry {
    /// At most so many attempts more than the first one.
    pub times: u32,
    /// After which failures (default `worker-lost`).
    #[serde(default = "worker_lost")]
    pub on: RetryOn,
    /// The wait before the second attempt (default 1s); it doubles from attempt to attempt, up to a minute.
    #[serde(default)]
    pub delay: Option<TimeSpan>,
}

fn worker_lost() -> RetryOn {
    RetryOn::WorkerLost
}

/// The first wait where none is given.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Waits do not grow beyond this one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Retry {
    /// How long to wait after so many failed attempts, 1 or more.
    #[must_use]
    pub fn wait(&self, failed: u32) -> Duration {
        let first = self.delay.map_or(FIRST_WAIT, |delay| delay.0);
        let grown = first.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
        grown.min(LONGEST_WAIT.max(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(text: &str) -> Result<Retry, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn spans_have_units_and_are_longer_than_nothing() {
        assert_eq!("2h 15min".parse(), Ok(TimeSpan(Duration::from_secs(8100))));
        assert_eq!(TimeSpan(Duration::from_secs(7200)).to_string(), "2h");
        for wrong in ["", "2", "soon", "-1s", "0s"] {
            assert!(wrong.parse::<TimeSpan>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_not_said_has_its_default_and_what_is_wrong_is_told() {
        let plain = retry("times = 2").unwrap();
        assert_eq!((plain.times, plain.on, plain.delay), (2, RetryOn::WorkerLost, None));
        assert_eq!(retry("times = 1\non = 'any'").unwrap().on, RetryOn::Any);
        assert!(retry("on = 'any'").unwrap_err().contains("times"));
        assert!(retry("times = 1\non = 'luck'").unwrap_err().contains("worker-lost"));
        assert!(retry("times = 1\ndelay = 'long'").unwrap_err().contains("no span of time"));
    }

    #[test]
    fn waits_double_up_to_a_minute_or_to_what_was_asked_for() {
        let seconds = |retry: Retry, failed| retry.wait(failed).as_secs();
        let plain = retry("times = 9").unwrap();
        assert_eq!([1, 2, 3, 6, 7, 99].map(|failed| seconds(plain, failed)), [1, 2, 4, 32, 60, 60]);
        let long = retry("times = 9\ndelay = '5min'").unwrap();
        assert_eq!([1, 2].map(|failed| seconds(long, failed)), [300, 300]);
    }
}
