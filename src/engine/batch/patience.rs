//! How long to wait for Slurm when it takes no more jobs or does not answer, and when to tell people.

use std::time::{Duration, Instant};

use super::ear::Ear;
use crate::{
    protocol::{Failure, Level},
    slurm::Trouble,
};

/// How long Slurm may be silent.
const SILENT: Duration = Duration::from_secs(300);
/// The shortest time between two attempts, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];

/// Since when something is tried.
#[derive(Debug, Default)]
pub(super) struct Patience {
    began: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// How long to wait before the next attempt. The first time, people are told.
    ///
    /// # Errors
    /// There is no sense in another one.
    pub(super) fn wait(&mut self, trouble: &Trouble, ear: &dyn Ear) -> Result<Duration, Failure> {
        let began = *self.began.get_or_insert_with(|| {
            ear.log(Level::Warning, &format!("{trouble}: it is tried again"));
            Instant::now()
        });
        match trouble {
            Trouble::Full(_) => {}
            Trouble::Silent(_) if began.elapsed() < SILENT => {}
            Trouble::Silent(_) | Trouble::Missing(_) | Trouble::Refused(_) => {
                return Err(Failure::environment(trouble));
            }
        }
        self.pause = (self.pause * 2).clamp(PAUSES[0], PAUSES[1]);
        Ok(self.pause)
    }
}
