//! How often a failed stage is tried again, and durations. No part of a key.

use std::{fmt, str::FromStr, time::Duration};

use super::{
    declare::{choice, table},
    text::serde_by_text,
};

/// A duration above zero, written `"90s"`, `"30min"`, `"2h 15min"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl FromStr for TimeSpan {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration above zero: write \"90s\", \"30min\" or \"2h\"");
        let span = humantime::parse_duration(text).map_err(|_| wrong())?;
        if span.is_zero() { Err(wrong()) } else { Ok(Self(span)) }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

serde_by_text!(TimeSpan);

choice! {
    /// Which failures are worth another attempt.
    pub enum RetryOn {
        /// The process was killed or crashed.
        WorkerLost = "worker-lost",
        /// The attempt took longer than `timeout`.
        Timeout = "timeout",
        /// Any failure.
        Any = "any",
    }
}

table! {
    /// How often a failed stage is tried again in the same run.
    #[derive(Copy)]
    pub struct Retry {
        /// How many more attempts at most, after the first one.
        times: u32;
        /// Which failures are retried (default `worker-lost`).
        #[serde(default = "worker_lost")]
        on: RetryOn = RetryOn::WorkerLost;
        /// The wait before the second attempt (default 1s). It doubles with each attempt, up to a minute.
        delay: Option<TimeSpan> = None;
    }
}

fn worker_lost() -> RetryOn {
    RetryOn::WorkerLost
}

/// The first wait by default.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Waits do not grow beyond this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Retry {
    /// The wait after this number of failed attempts (at least 1).
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
    fn durations_have_units_and_are_above_zero() {
        assert_eq!("2h 15min".parse(), Ok(TimeSpan(Duration::from_secs(8100))));
        assert_eq!(TimeSpan(Duration::from_secs(7200)).to_string(), "2h");
        for wrong in ["", "2", "soon", "-1s", "0s"] {
            assert!(wrong.parse::<TimeSpan>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn defaults_apply_and_mistakes_are_reported() {
        let plain = retry("times = 2").unwrap();
        assert_eq!((plain.times, plain.on, plain.delay), (2, RetryOn::WorkerLost, None));
        assert_eq!(retry("times = 1\non = 'any'").unwrap().on, RetryOn::Any);
        assert!(retry("on = 'any'").unwrap_err().contains("times"));
        assert!(retry("times = 1\non = 'luck'").unwrap_err().contains("worker-lost"));
        assert!(retry("times = 1\ndelay = 'long'").unwrap_err().contains("is not a duration"));
    }

    #[test]
    fn waits_double_up_to_a_minute_or_to_a_longer_first_wait() {
        let seconds = |retry: Retry, failed| retry.wait(failed).as_secs();
        let plain = retry("times = 9").unwrap();
        assert_eq!([1, 2, 3, 6, 7, 99].map(|failed| seconds(plain, failed)), [1, 2, 4, 32, 60, 60]);
        let long = retry("times = 9\ndelay = '5min'").unwrap();
        assert_eq!([1, 2].map(|failed| seconds(long, failed)), [300, 300]);
    }
}
