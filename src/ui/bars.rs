//! Changing lines at the bottom of a terminal, and permanent lines above them.
//!
//! Knows indicatif and when to draw; `row` formats a line, and `terminal` knows the events. Before the first line,
//! nothing is drawn and no thread is started.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::{
    apart::Names,
    eta::Left,
    format,
    paint::{Paint, Tone},
    row::{self, Measured, Row},
    screen::Screen,
    widths::Space,
};

/// The time between two redraws without an event.
const TICK: Duration = Duration::from_millis(100);
/// The largest number of redraws per second.
const REDRAWS: u8 = 20;

/// Changing lines, each with a key, and a footer.
pub(super) struct Bars {
    screen: Screen,
    paint: Paint,
    names: Arc<Names>,
    multi: MultiProgress,
    running: BTreeMap<String, Running>,
    footer: Option<ProgressBar>,
    /// What the footer says of the time that is left.
    left: Arc<Mutex<Option<Left>>>,
}

struct Running {
    bar: ProgressBar,
    row: Arc<Mutex<Row>>,
    /// The units that were done at the first report.
    from: Option<u64>,
}

impl Bars {
    /// Draws on a terminal.
    pub(super) fn new(terminal: Arc<dyn TermLike>, paint: Paint) -> Self {
        let screen = Screen(terminal);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), REDRAWS);
        let multi = MultiProgress::with_draw_target(target);
        let (names, running, left) = Default::default();
        Self { screen, paint, names, multi, running, footer: None, left }
    }

    /// The space that is available now.
    pub(super) fn space(&self) -> Space {
        Space { width: usize::from(self.screen.width()), names: self.names.widest() }
    }

    /// A name in its column.
    pub(super) fn name(&self, stage: &str) -> String {
        row::name(stage, self.space(), &self.names)
    }

    /// Sets the names that the column of names is for.
    pub(super) fn names(&mut self, names: Names) {
        self.names = Arc::new(names);
    }

    /// Whether a line exists.
    pub(super) fn has(&self, key: &str) -> bool {
        self.running.contains_key(key)
    }

    /// Adds or changes a line.
    pub(super) fn show(&mut self, key: &str, row: Row) {
        if let Some(running) = self.running.get(key) {
            *locked(&running.row) = row;
            running.bar.reset_elapsed();
            return;
        }
        let row = Arc::new(Mutex::new(row));
        let bar = self.insert(ProgressBar::no_length());
        let (shown, screen, paint, names) =
            (Arc::clone(&row), self.screen.clone(), self.paint, Arc::clone(&self.names));
        let widest = names.widest();
        bar.set_style(style("{line}", move |state| {
            let rate = Some(state.per_sec()).filter(|rate| rate.is_finite()).unwrap_or(0.0);
            let measured = Measured { rate, elapsed: state.elapsed().as_secs_f64() };
            let space = Space { width: usize::from(screen.width()), names: widest };
            row::line(&locked(&shown), measured, space, &names, paint)
        }));
        bar.enable_steady_tick(TICK);
        self.running.insert(key.to_owned(), Running { bar, row, from: None });
    }

    /// Sets the progress of a line, if it exists. `total` is 0 if unknown.
    pub(super) fn advance(&mut self, key: &str, done: u64, total: u64, change: impl FnOnce(&mut Row)) {
        let Some(running) = self.running.get_mut(key) else { return };
        // Work that was done before (by a resumed training) must not count as speed, so the bar counts from here.
        let from = *running.from.get_or_insert_with(|| {
            running.bar.reset_eta();
            done
        });
        let mut row = locked(&running.row);
        change(&mut row);
        (row.done, row.total) = (done, total);
        drop(row);
        running.bar.set_position(done.saturating_sub(from));
    }

    /// Removes a line, if it exists.
    pub(super) fn remove(&mut self, key: &str) {
        let Some(running) = self.running.remove(key) else { return };
        running.bar.finish_and_clear();
        self.multi.remove(&running.bar);
    }

    /// Sets how long the run still takes; only the footer shows it.
    pub(super) fn left(&self, left: Option<Left>) {
        *locked(&self.left) = left;
    }

    /// Sets the text of the last line, which ends with the time, and with the time that is left if it is known.
    pub(super) fn footer(&mut self, text: &str) {
        let (multi, paint, left) = (&self.multi, self.paint, Arc::clone(&self.left));
        let bar = self.footer.get_or_insert_with(|| {
            let bar = multi.add(ProgressBar::no_length());
            bar.set_style(style("{msg}{line}", move |state| {
                let left = *locked(&left);
                let left = left.map(|left| format!(" · {}", left.text(Instant::now()))).unwrap_or_default();
                paint.tone(Tone::Faint, &format!(" · {}{left}", format::left(state.elapsed().as_secs_f64())))
            }));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(paint.tone(Tone::Faint, &format!("  {text}")));
    }

    /// Writes permanent lines.
    pub(super) fn say(&self, lines: &[String]) {
        self.multi.suspend(|| lines.iter().try_for_each(|line| self.screen.write_line(line))).unwrap_or(());
    }

    /// Removes all lines.
    pub(super) fn clear(&mut self) {
        let keys: Vec<String> = self.running.keys().cloned().collect();
        keys.iter().for_each(|key| self.remove(key));
        if let Some(bar) = self.footer.take() {
            bar.finish_and_clear();
        }
    }

    fn insert(&self, bar: ProgressBar) -> ProgressBar {
        match &self.footer {
            Some(footer) => self.multi.insert_before(footer, bar),
            None => self.multi.add(bar),
        }
    }
}

/// Removes the lines, however a run ends.
impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A style whose key `line` is a function.
fn style(
    template: &str,
    line: impl Fn(&ProgressState) -> String + Clone + Send + Sync + 'static,
) -> ProgressStyle {
    let key = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        out.write_str(&line(state)).unwrap_or(());
    };
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("line", key)
}

/// Locks a value. A panic cannot leave it incomplete, so poisoning does not matter.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
