//! Measures the time and memory of programs.

use std::{
    fmt,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    time::Instant,
};

/// The measurements of one run: milliseconds and megabytes.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak: f64,
}

/// Statistics over many runs: milliseconds and megabytes.
pub(crate) struct Timing {
    pub(crate) median: f64,
    pub(crate) cpu: f64,
    fastest: f64,
    p10: f64,
    p90: f64,
    peak: f64,
}

/// Runs a command, which must succeed. The CPU time includes that of its children.
pub(crate) fn once(command: &mut Command) -> Sample {
    let (sample, status) = tried(command);
    assert!(status.success(), "{command:?}: {status}");
    sample
}

/// Runs a command that may fail.
#[allow(clippy::zombie_processes, reason = "`wait4` waits for the child")]
pub(crate) fn tried(command: &mut Command) -> (Sample, ExitStatus) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let id = i32::try_from(child.id()).expect("process ids are small");
    let mut status = 0;
    // SAFETY: all zeros is a valid `rusage`, and both pointers are to live values of the right types.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(id, &mut status, 0, &mut usage), id, "{command:?}");
        usage
    };
    let wall = begun.elapsed().as_secs_f64() * 1e3;
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    let cpu = ms(usage.ru_utime) + ms(usage.ru_stime);
    (Sample { wall, cpu, peak: usage.ru_maxrss as f64 / 1024.0 }, ExitStatus::from_raw(status))
}

/// Times `runs` runs of the commands from `make`, after a warm-up run. The calls of `make` are not timed.
pub(crate) fn timed(runs: usize, mut make: impl FnMut() -> Command) -> Timing {
    once(&mut make());
    Timing::of(&(0..runs).map(|_| once(&mut make())).collect::<Vec<_>>())
}

impl Timing {
    /// `samples` must not be empty.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let sorted = |of: fn(&Sample) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (wall, cpu, peak) = (sorted(|one| one.wall), sorted(|one| one.cpu), sorted(|one| one.peak));
        let at = |values: &[f64], tenths: usize| values[(values.len() - 1) * tenths / 10];
        Self {
            median: at(&wall, 5),
            fastest: wall[0],
            p10: at(&wall, 1),
            p90: at(&wall, 9),
            cpu: at(&cpu, 5),
            peak: at(&peak, 5),
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, fastest, p10, p90, cpu, peak } = self;
        write!(f, "{median:.1} | {fastest:.1} | {p10:.1} | {p90:.1} | {cpu:.1} | {peak:.1}")
    }
}

/// The path of a program, if it is installed.
pub(crate) fn on_the_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
