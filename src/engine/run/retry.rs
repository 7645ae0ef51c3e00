//! Tries a failed stage again, as often as its settings say.
//!
//! Partial work stays in place, so a training continues after its last finished epoch. Every failed attempt is
//! reported, also in the stage's log. Knows no processes.

use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::engine::{
    exec::{GO_ON, Listener},
    run::attempt::{Attempt, Shared, Telling, process},
};
use crate::{
    protocol::{Failure, FailureClass, Level},
    stages::{Retry, RetryOn},
    store::ActionRecord,
};

impl Attempt<'_> {
    /// Computes the stage until it succeeds, or no attempt is left.
    pub(in crate::engine) fn compute_stubbornly(
        &self,
        shared: &Shared<'_>,
        work: &Path,
        log: &Path,
    ) -> Result<ActionRecord, Failure> {
        let mut failed = 0;
        loop {
            let failure = match self.compute(shared, work, log, failed) {
                Ok(record) => return Ok(record),
                Err(failure) => failure,
            };
            failed += 1;
            let retry = self.retry.filter(|retry| concerns(retry, failure.class));
            let left = retry.filter(|retry| failed <= retry.times);
            if shared.stopped.load(Ordering::SeqCst) {
                return Err(failure);
            }
            let Some(retry) = left else { return Err(last(failure, failed, self.retry)) };
            let wait = retry.wait(failed);
            Telling::new(self, log).log(Level::Warning, &again(&failure, failed, &retry, wait));
            if !slept(wait, || shared.stopped.load(Ordering::SeqCst)) {
                return Err(process("the run was stopped"));
            }
        }
    }
}

/// Whether such failures are worth another attempt.
fn concerns(retry: &Retry, class: FailureClass) -> bool {
    match retry.on {
        RetryOn::Any => true,
        RetryOn::WorkerLost => class == FailureClass::Process,
        RetryOn::Timeout => class == FailureClass::Timeout,
    }
}

/// What is said before another attempt.
fn again(failure: &Failure, failed: u32, retry: &Retry, wait: Duration) -> String {
    let all = retry.times.saturating_add(1);
    let what = failure.message.replace(GO_ON, "");
    format!(
        "attempt {failed} of {all} failed, the next begins in {}: {what}",
        humantime::format_duration(wait)
    )
}

/// The failure of the last attempt, with how many there were.
fn last(failure: Failure, attempts: u32, retry: Option<Retry>) -> Failure {
    match retry {
        Some(retry) if attempts > 1 => {
            let all = retry.times.saturating_add(1);
            Failure { message: format!("attempt {attempts} of {all}: {}", failure.message), ..failure }
        }
        _ => failure,
    }
}

/// How often a wait looks whether the run was stopped.
const PATIENCE: Duration = Duration::from_millis(20);

/// Sleeps, by the monotonic clock; false if the run was stopped meanwhile.
fn slept(wait: Duration, stopped: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < wait {
        if stopped() {
            return false;
        }
        std::thread::sleep(PATIENCE.min(wait.saturating_sub(began.elapsed())));
    }
    !stopped()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_concerns_its_failures() {
        use FailureClass::{Environment, Process, Stage, Timeout};
        for (on, expected) in [
            (RetryOn::WorkerLost, vec![Process]),
            (RetryOn::Timeout, vec![Timeout]),
            (RetryOn::Any, vec![Stage, Environment, Process, Timeout]),
        ] {
            let retry = Retry { times: 1, on, delay: None };
            let concerned = [Stage, Environment, Process, Timeout].into_iter();
            assert_eq!(concerned.filter(|class| concerns(&retry, *class)).collect::<Vec<_>>(), expected);
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
    fn advice_for_the_end_is_not_given_before_another_attempt() {
        let message = format!("the process crashed (SIGSEGV){GO_ON}\n  last words");
        let failure = Failure { class: FailureClass::Process, message };
        let retry = Retry { times: 2, on: RetryOn::Any, delay: None };
        assert_eq!(
            again(&failure, 1, &retry, Duration::from_secs(1)),
            "attempt 1 of 3 failed, the next begins in 1s: the process crashed (SIGSEGV)\n  last words"
        );
        let message = last(failure.clone(), 3, Some(retry)).message;
        assert!(message.starts_with("attempt 3 of 3: the process crashed") && message.contains(GO_ON));
        assert_eq!(last(failure.clone(), 1, Some(retry)), failure);
    }
}
