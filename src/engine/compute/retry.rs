//! Whether, when and with which words a failed stage is tried again.
//!
//! Partial work stays, so a training continues after its last finished epoch. Every failed attempt is a warning
//! and a line in the stage's log. Knows no processes.

use std::time::{Duration, Instant};

use crate::{
    protocol::{Failure, FailureClass},
    stages::{Retry, RetryOn},
};

/// Whether the settings allow another attempt after such a failure, which was the last of `failed` ones.
pub(in crate::engine) fn concerns(retry: &Retry, class: FailureClass, failed: u32) -> bool {
    failed <= retry.times
        && match retry.on {
            RetryOn::Any => true,
            RetryOn::WorkerLost => class == FailureClass::Process,
            RetryOn::Timeout => class == FailureClass::Timeout,
        }
}

/// The warning before another attempt.
pub(in crate::engine) fn warning(failure: &Failure, failed: u32, retry: &Retry, wait: Duration) -> String {
    let all = retry.times.saturating_add(1);
    let wait = humantime::format_duration(wait);
    format!("attempt {failed} of {all} failed, the next begins in {wait}: {}", failure.message)
}

/// The failure of the last attempt, with the number of attempts.
pub(in crate::engine) fn last(failure: Failure, attempts: u32, retry: Option<Retry>) -> Failure {
    match retry {
        Some(retry) if attempts > 1 => {
            let all = retry.times.saturating_add(1);
            Failure { message: format!("attempt {attempts} of {all}: {}", failure.message), ..failure }
        }
        _ => failure,
    }
}

/// How often to check whether the run was stopped, in short waits and in long ones, in which many may wait.
const INTERVALS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(200)];

/// Sleeps; false if the run was stopped meanwhile.
pub(in crate::engine) fn slept(wait: Duration, stopped: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    let interval = (wait / 5).clamp(INTERVALS[0], INTERVALS[1]);
    while began.elapsed() < wait {
        if stopped() {
            return false;
        }
        std::thread::sleep(interval.min(wait.saturating_sub(began.elapsed())));
    }
    !stopped()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_concerns_its_failures() {
        use FailureClass::{Environment, Process, Stage, Timeout};
        for (on, expected) in [
            (RetryOn::WorkerLost, vec![Process]),
            (RetryOn::Timeout, vec![Timeout]),
            (RetryOn::Any, vec![Stage, Environment, Process, Timeout]),
        ] {
            let retry = Retry { times: 1, on, delay: None };
            let concerned = [Stage, Environment, Process, Timeout].into_iter();
            assert_eq!(concerned.clone().filter(|class| concerns(&retry, *class, 2)).count(), 0);
            assert_eq!(concerned.filter(|class| concerns(&retry, *class, 1)).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_stopped_run_ends_a_wait_at_once() {
        let began = Instant::now();
        assert!(!slept(Duration::from_secs(60), || began.elapsed() > Duration::from_millis(50)));
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(slept(Duration::from_millis(30), || false));
    }

    #[test]
    fn attempts_are_counted_in_the_warning_and_in_the_failure() {
        let failure = Failure::process("the process crashed\n  last line");
        let retry = Retry { times: 2, on: RetryOn::Any, delay: None };
        assert_eq!(
            warning(&failure, 1, &retry, Duration::from_secs(1)),
            "attempt 1 of 3 failed, the next begins in 1s: the process crashed\n  last line"
        );
        let message = last(failure.clone(), 3, Some(retry)).message;
        assert!(message.starts_with("attempt 3 of 3: the process crashed"), "{message}");
        assert_eq!(last(failure.clone(), 1, Some(retry)), failure);
    }
}
