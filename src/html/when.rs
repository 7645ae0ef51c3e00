//! When results were made: from their records, not from the clock, so that the same results are the same page.

use std::time::{Duration, SystemTime};

use super::Stage;
use crate::store::Provenance;

/// When the latest result was done: `2025-11-29, 19:54 UTC`; `None` without a result whose time can be read.
pub(super) fn latest(stages: &[Stage]) -> Option<String> {
    let made = stages.iter().filter_map(|stage| Some(&stage.record.as_ref()?.made));
    let done = made.filter_map(done).max()?;
    let text = humantime::format_rfc3339_seconds(done).to_string();
    Some(format!("{}, {} UTC", text.get(..10)?, text.get(11..16)?))
}

fn done(made: &Provenance) -> Option<SystemTime> {
    let started = humantime::parse_rfc3339_weak(&made.started).ok()?;
    let took = Duration::try_from_secs_f64(made.seconds).ok()?;
    // A record from elsewhere may have any time; the page writes years of four digits.
    started
        .checked_add(took)
        .filter(|done| *done < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(started: &str, seconds: f64) -> Provenance {
        Provenance { started: started.into(), seconds, ..Provenance::default() }
    }

    #[test]
    fn a_result_is_done_after_its_time() {
        let done = done(&made("2025-11-29T23:59:30Z", 45.0)).unwrap();
        assert_eq!(humantime::format_rfc3339_seconds(done).to_string(), "2025-11-30T00:00:15Z");
    }

    #[test]
    fn times_that_cannot_be_read_are_left_out() {
        assert_eq!(done(&made("yesterday", 1.0)), None);
        assert_eq!(done(&made("2025-11-29T23:59:30Z", f64::NAN)), None);
        assert_eq!(done(&made("9999-12-31T23:59:58Z", 9.0)), None);
        assert_eq!(latest(&[]), None);
    }
}
