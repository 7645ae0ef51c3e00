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
    job::{Job, JobId, Phase},
};

/// The shortest time between two questions, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];
/// A question may take this part of the time.
const SHARE: u32 = 20;
/// How often a cancellation that Slurm does not answer is tried.
const CANCELS: usize = 3;

/// What Slurm said last.
#[derive(Debug, Default)]
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

    /// The job with this comment that is still to end; the latest, if there are several.
    #[must_use]
    pub fn alive(&self, mark: &str) -> Option<&Job> {
        self.jobs.values().filter(|job| job.is_alive() && job.mark == mark).max_by_key(|job| job.id)
    }

    /// Whether any job is still to end.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.jobs.values().any(Job::is_alive)
    }

    /// Whether it was asked for after that moment.
    #[must_use]
    pub fn is_after(&self, moment: Instant) -> bool {
        self.asked.is_some_and(|asked| asked >= moment)
    }

    /// What makes the next question worth asking soon.
    fn phases(&self) -> HashMap<JobId, Phase> {
        self.jobs.values().filter(|job| !job.mark.is_empty()).map(|job| (job.id, job.phase)).collect()
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
    /// The jobs of this user that somebody waits for.
    waited_for: Mutex<BTreeSet<JobId>>,
}

#[derive(Debug)]
struct Asking {
    due: Instant,
    pause: Duration,
    /// Whose jobs are asked for.
    users: BTreeSet<u32>,
    /// Why the last question had no answer, and when it was asked.
    trouble: Option<(Instant, Trouble)>,
}

impl Default for Queue {
    fn default() -> Self {
        let users = BTreeSet::from([Self::user()]);
        Self {
            commands: Commands,
            asking: Mutex::new(Asking { due: Instant::now(), pause: PAUSES[0], users, trouble: None }),
            last: Mutex::default(),
            submitting: Mutex::default(),
            waited_for: Mutex::default(),
        }
    }
}

impl Queue {
    /// The number of the user whose jobs these are.
    #[must_use]
    pub fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// From now on asks for the jobs of another user, too.
    pub fn ask_for(&self, user: u32) {
        lock(&self.asking).users.insert(user);
    }

    /// The last answer; asks first if that is due and nobody else is asking.
    #[must_use]
    pub fn look(&self) -> Arc<Snapshot> {
        match self.asking.try_lock() {
            Ok(mut asking) if asking.due <= Instant::now() => self.ask(&mut asking),
            Ok(_) | Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => {}
        }
        Arc::clone(&lock(&self.last))
    }

    /// An answer to a question that was asked after this moment. Of several who want one, the first asks.
    ///
    /// # Errors
    /// Slurm has not answered.
    pub fn after(&self, moment: Instant) -> Result<Arc<Snapshot>, Trouble> {
        let mut asking = lock(&self.asking);
        let has_asked = |asking: &Asking| {
            asking.trouble.as_ref().is_some_and(|(asked, _)| *asked >= moment)
                || lock(&self.last).is_after(moment)
        };
        if !has_asked(&asking) {
            self.ask(&mut asking);
        }
        let last = Arc::clone(&lock(&self.last));
        match &asking.trouble {
            Some((_, trouble)) if !last.is_after(moment) => Err(trouble.clone()),
            _ => Ok(last),
        }
    }

    fn ask(&self, asking: &mut Asking) {
        let asked = Instant::now();
        let answer = self.commands.jobs(&asking.users);
        let took = asked.elapsed();
        let mut changed = false;
        asking.trouble = match answer {
            Ok(jobs) => {
                let jobs = jobs.into_iter().map(|job| (job.id, job)).collect();
                let now = Arc::new(Snapshot { asked: Some(asked), jobs });
                let before = std::mem::replace(&mut *lock(&self.last), Arc::clone(&now));
                changed = now.phases() != before.phases();
                None
            }
            Err(trouble) => {
                tracing::debug!("squeue: {trouble}");
                Some((asked, trouble))
            }
        };
        let pause = if changed { PAUSES[0] } else { asking.pause.mul_f64(1.5) };
        asking.pause = pause.max(took * SHARE).clamp(PAUSES[0], PAUSES[1]);
        asking.due = Instant::now() + asking.pause;
    }

    /// Submits a job that somebody then waits for; `None` if that is no longer wanted when its turn comes. With `unsure`,
    /// an earlier submission was not answered: the job is looked for first, because it may be there.
    ///
    /// # Errors
    /// As [`Commands::submit`], and if Slurm does not say whether the job is there.
    pub fn submit(
        &self,
        job: &Submission<'_>,
        unsure: bool,
        stopped: impl Fn() -> bool,
    ) -> Result<Option<JobId>, Trouble> {
        let _one = lock(&self.submitting);
        if stopped() {
            return Ok(None);
        }
        let there = match unsure {
            true => self.after(Instant::now())?.alive(job.mark).map(|job| job.id),
            false => None,
        };
        let id = there.map_or_else(|| self.commands.submit(job), Ok)?;
        self.wait_for(id);
        let mut asking = lock(&self.asking);
        asking.due = asking.due.min(Instant::now() + PAUSES[0]);
        Ok(Some(id))
    }

    /// Somebody waits for a job of this user.
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
    /// The jobs that could not be cancelled, and why.
    pub fn cancel(&self) -> Result<(), (Vec<JobId>, Trouble)> {
        // The lock is held until they are cancelled: a second caller returns after that, too.
        let mut waited_for = lock(&self.waited_for);
        let jobs: Vec<JobId> = std::mem::take(&mut *waited_for).into_iter().collect();
        if jobs.is_empty() {
            return Ok(());
        }
        for left in (0..CANCELS).rev() {
            match self.commands.cancel(&jobs) {
                Ok(()) => break,
                Err(trouble) if left == 0 => return Err((jobs, trouble)),
                Err(_) => std::thread::sleep(PAUSES[0]),
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
