//! The nodes of the scripted Slurm: each computes one job at a time, with the code of real jobs and a scripted executor.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicBool, mpsc},
    thread,
    time::{Duration, Instant},
};

use pcamflow::engine::{batch, exec::fake::Fake};

use crate::machine::cores;

/// How many there are.
pub(crate) const NODES: usize = 200;

/// How long a job takes at least, and how much longer at most: minutes and hours in fast time.
const TAKES: [u64; 2] = [200, 400];
/// How often jobs start and end.
const TICK: Duration = Duration::from_millis(5);
/// How long ended jobs are listed.
const LISTED: Duration = Duration::from_secs(30);

/// A job.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) comment: String,
    pub(crate) state: State,
    /// Its folder in the store.
    folder: PathBuf,
}

/// What a job is doing.
#[derive(Clone, Copy)]
pub(crate) enum State {
    Pending,
    /// It runs until then.
    Running(Instant),
    /// Its time is over, and its result is being made.
    Ending,
    /// It has ended then.
    Completed(Instant),
}

/// All jobs, and the queue.
#[derive(Default)]
pub(crate) struct Jobs {
    last: u64,
    /// Those that are listed.
    pub(crate) listed: VecDeque<Job>,
    busy: usize,
}

impl Jobs {
    /// Puts a job into the queue; returns its number.
    pub(crate) fn submit(&mut self, comment: String, folder: PathBuf) -> u64 {
        self.last += 1;
        self.listed.push_back(Job { id: self.last, comment, state: State::Pending, folder });
        self.last
    }

    /// Starts jobs on free nodes; returns those whose time is over.
    fn tick(&mut self, now: Instant) -> Vec<(u64, PathBuf)> {
        let mut ending = Vec::new();
        for job in &mut self.listed {
            match job.state {
                State::Pending if self.busy < NODES => {
                    self.busy += 1;
                    let more = job.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                    job.state = State::Running(now + Duration::from_millis(TAKES[0] + more % TAKES[1]));
                }
                State::Running(until) if until <= now => {
                    job.state = State::Ending;
                    ending.push((job.id, job.folder.clone()));
                }
                State::Pending | State::Running(_) | State::Ending | State::Completed(_) => {}
            }
        }
        self.listed.retain(|job| !matches!(job.state, State::Completed(at) if at + LISTED < now));
        ending
    }

    fn complete(&mut self, id: u64) {
        self.busy -= 1;
        if let Some(job) = self.listed.iter_mut().find(|job| job.id == id) {
            job.state = State::Completed(Instant::now());
        }
    }
}

/// Computes jobs until `stopped` is set.
pub(crate) fn compute(jobs: &Arc<Mutex<Jobs>>, stopped: &Arc<AtomicBool>) {
    let (send, receive) = mpsc::channel::<(u64, PathBuf)>();
    let receive = Arc::new(Mutex::new(receive));
    for _ in 0..cores() {
        let (receive, jobs) = (Arc::clone(&receive), Arc::clone(jobs));
        thread::spawn(move || {
            let next = || receive.lock().expect("no thread panics").recv();
            while let Ok((id, folder)) = next() {
                let made = batch::compute_with(&folder, &Fake::echo(), &AtomicBool::new(false));
                assert_eq!(made, Ok(true), "{}", folder.display());
                jobs.lock().expect("no thread panics").complete(id);
            }
        });
    }
    let (jobs, stopped) = (Arc::clone(jobs), Arc::clone(stopped));
    thread::spawn(move || {
        while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
            let ending = jobs.lock().expect("no thread panics").tick(Instant::now());
            ending.into_iter().for_each(|job| send.send(job).expect("the nodes live as long"));
            thread::sleep(TICK);
        }
    });
}
