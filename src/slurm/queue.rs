//! The jobs of this user, asked for once for all who wait for them.
//!
//! Whoever looks when a question is due asks it; the others take the last answer meanwhile. While nothing changes, and
//! when Slurm answers slowly, questions become rarer.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use super::{
    commands::{Commands, Submission, Trouble},
    job::{Job, JobId},
};

/// The shortest time between two questions, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];
/// A question may take this part of the time.
const SHARE: u32 = 20;

/// What Slurm said last.
#[derive(Debug)]
pub struct Snapshot {
    /// When the question was asked; `None` if none was answered yet.
    asked: Option<Instant>,
    jobs: HashMap<JobId, Job>,
}

impl Snapshot {
    /// A job, if Slurm knows it.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// The job with this comment that is still to end.
    #[must_use]
    pub fn alive(&self, mark: &str) -> Option<JobId> {
        self.jobs.values().filter(|job| job.is_alive() && job.mark == mark).map(|job| job.id).max()
    }

    /// Whether it was asked for after that moment.
    #[must_use]
    pub fn is_after(&self, moment: Instant) -> bool {
        self.asked.is_some_and(|asked| asked >= moment)
    }
}

/// Slurm's queue.
#[derive(Debug)]
pub struct Queue {
    commands: Commands,
    asking: Mutex<Asking>,
    last: Mutex<Arc<Snapshot>>,
    /// One submission at a time: Slurm's controller takes them one after the other anyway.
    submitting: Mutex<()>,
    /// The jobs that somebody waits for.
    waited_for: Mutex<BTreeSet<JobId>>,
}

#[derive(Debug)]
struct Asking {
    due: Instant,
    pause: Duration,
    /// Why the last question had no answer.
    trouble: Option<Trouble>,
}

impl Default for Queue {
    fn default() -> Self {
        let (now, pause) = (Instant::now(), PAUSES[0]);
        let none = Snapshot { asked: None, jobs: HashMap::new() };
        Self {
            commands: Commands,
            asking: Mutex::new(Asking { due: now, pause, trouble: None }),
            last: Mutex::new(Arc::new(none)),
            submitting: Mutex::default(),
            waited_for: Mutex::default(),
        }
    }
}

impl Queue {
    /// The last answer; asks first if that is due and nobody else is asking.
    #[must_use]
    pub fn look(&self) -> Arc<Snapshot> {
        match self.asking.try_lock() {
            Ok(mut asking) if asking.due <= Instant::now() => self.ask(&mut asking),
            Ok(_) | Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => {}
        }
        Arc::clone(&lock(&self.last))
    }

    /// An answer to a question that was asked after this moment.
    ///
    /// # Errors
    /// Slurm has not answered.
    pub fn after(&self, moment: Instant) -> Result<Arc<Snapshot>, Trouble> {
        let mut asking = lock(&self.asking);
        if !lock(&self.last).is_after(moment) {
            self.ask(&mut asking);
        }
        let last = Arc::clone(&lock(&self.last));
        match asking.trouble.clone() {
            Some(trouble) if !last.is_after(moment) => Err(trouble),
            _ => Ok(last),
        }
    }

    fn ask(&self, asking: &mut Asking) {
        let asked = Instant::now();
        let answer = self.commands.jobs();
        let took = asked.elapsed();
        let changed = match answer {
            Ok(jobs) => {
                asking.trouble = None;
                let jobs: HashMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
                let before = std::mem::replace(
                    &mut *lock(&self.last),
                    Arc::new(Snapshot { asked: Some(asked), jobs }),
                );
                lock(&self.last).jobs != before.jobs
            }
            Err(trouble) => {
                tracing::debug!("squeue: {trouble}");
                asking.trouble = Some(trouble);
                false
            }
        };
        let pause = if changed { PAUSES[0] } else { asking.pause.mul_f64(1.5) };
        asking.pause = pause.max(took * SHARE).clamp(PAUSES[0], PAUSES[1]);
        asking.due = Instant::now() + asking.pause;
    }

    /// Submits a job that somebody then waits for.
    ///
    /// # Errors
    /// As [`Commands::submit`]. If Slurm did not answer, the job is looked for, because it may be there.
    pub fn submit(&self, job: &Submission<'_>) -> Result<JobId, Trouble> {
        let _one = lock(&self.submitting);
        let began = Instant::now();
        let id = self.commands.submit(job).or_else(|trouble| match &trouble {
            Trouble::Silent(_) => self.after(began).ok().and_then(|last| last.alive(job.mark)).ok_or(trouble),
            Trouble::Missing(_) | Trouble::Refused(_) | Trouble::Full(_) => Err(trouble),
        })?;
        self.wait_for(id);
        let mut asking = lock(&self.asking);
        asking.due = asking.due.min(Instant::now() + PAUSES[0]);
        Ok(id)
    }

    /// Somebody waits for a job.
    pub fn wait_for(&self, id: JobId) {
        lock(&self.waited_for).insert(id);
    }

    /// Nobody waits for a job any more.
    pub fn forget(&self, id: JobId) {
        lock(&self.waited_for).remove(&id);
    }

    /// Cancels all jobs that somebody waits for.
    ///
    /// # Errors
    /// As [`Commands::cancel`].
    pub fn cancel(&self) -> Result<(), Trouble> {
        // The lock is held until they are cancelled: a second caller returns after that, too.
        let mut waited_for = lock(&self.waited_for);
        let jobs: Vec<JobId> = std::mem::take(&mut *waited_for).into_iter().collect();
        if jobs.is_empty() { Ok(()) } else { self.commands.cancel(&jobs) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
