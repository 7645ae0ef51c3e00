//! Lines that change in place at the bottom of a terminal, and lines that stay above them.
//!
//! Knows indicatif and when to draw; what a line looks like is `row`'s matter, and what happened is
//! `terminal`'s. Nothing is drawn, and no thread is started, before the first line is asked for.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::{
    format,
    paint::{Paint, Tone},
    row::{self, Measured, Row, Space},
    screen::Screen,
};

/// Redraws between events: the spinner turns, the time goes on.
const TICK: Duration = Duration::from_millis(100);
/// At most so many redraws a second, however fast a stage reports.
const REDRAWS: u8 = 20;

/// Lines in place, each under a key, over a last one that sums up.
pub(super) struct Bars {
    screen: Screen,
    paint: Paint,
    names: usize,
    multi: MultiProgress,
    running: BTreeMap<String, Running>,
    footer: Option<(ProgressBar, Arc<Mutex<String>>)>,
}

struct Running {
    bar: ProgressBar,
    row: Arc<Mutex<Row>>,
    /// How far it was when it began.
    from: Option<u64>,
}

impl Bars {
    /// Lines on a terminal.
    pub(super) fn new(terminal: Arc<dyn TermLike>, paint: Paint) -> Self {
        let screen = Screen(terminal);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), REDRAWS);
        let multi = MultiProgress::with_draw_target(target);
        Self { screen, paint, names: 0, multi, running: BTreeMap::new(), footer: None }
    }

    /// The space there is, now.
    pub(super) fn space(&self) -> Space {
        Space { width: usize::from(self.screen.width()), names: self.names }
    }

    /// Makes room for names of so many columns.
    pub(super) fn names(&mut self, columns: usize) {
        self.names = columns;
    }

    /// Whether a line is in place.
    pub(super) fn has(&self, key: &str) -> bool {
        self.running.contains_key(key)
    }

    /// Puts a line in place, or changes what it says.
    pub(super) fn show(&mut self, key: &str, row: Row) {
        if let Some(running) = self.running.get(key) {
            *locked(&running.row) = row;
            running.bar.reset_elapsed();
            return;
        }
        let row = Arc::new(Mutex::new(row));
        let bar = self.insert(ProgressBar::no_length());
        bar.set_style(style(line_of(row.clone(), self.screen.clone(), self.paint, self.names)));
        bar.enable_steady_tick(TICK);
        self.running.insert(key.to_owned(), Running { bar, row, from: None });
    }

    /// How far a line is; `total` 0 where unknown. Nothing where there is no such line.
    pub(super) fn advance(&mut self, key: &str, done: u64, total: u64, change: impl FnOnce(&mut Row)) {
        let Some(running) = self.running.get_mut(key) else { return };
        // What was done before it began (resumed work, start-up) must not count as speed: the bar,
        // which measures that, counts from here.
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

    /// Takes a line away, if it is there.
    pub(super) fn remove(&mut self, key: &str) {
        let Some(running) = self.running.remove(key) else { return };
        running.bar.finish_and_clear();
        self.multi.remove(&running.bar);
    }

    /// Sets the last line.
    pub(super) fn footer(&mut self, text: impl Into<String>) {
        if let Some((bar, shown)) = &self.footer {
            *locked(shown) = text.into();
            bar.tick();
            return;
        }
        let shown = Arc::new(Mutex::new(text.into()));
        let bar = self.multi.add(ProgressBar::no_length());
        bar.set_style(style(footer_of(shown.clone(), self.screen.clone(), self.paint)));
        bar.enable_steady_tick(TICK);
        self.footer = Some((bar, shown));
    }

    /// Writes lines above, where they stay.
    pub(super) fn say(&self, lines: &[String]) {
        self.multi.suspend(|| lines.iter().try_for_each(|line| self.screen.write_line(line))).unwrap_or(());
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) {
        let keys: Vec<String> = self.running.keys().cloned().collect();
        keys.iter().for_each(|key| self.remove(key));
        if let Some((bar, _)) = self.footer.take() {
            bar.finish_and_clear();
        }
    }

    fn insert(&self, bar: ProgressBar) -> ProgressBar {
        match &self.footer {
            Some((footer, _)) => self.multi.insert_before(footer, bar),
            None => self.multi.add(bar),
        }
    }
}

/// However a run ends, no line is left behind that will not change any more.
impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

type Line = Box<dyn Fn(&ProgressState) -> String + Send + Sync>;

/// A style that is one function.
fn style(line: Line) -> ProgressStyle {
    let line = Arc::new(line);
    let key = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        out.write_str(&line(state)).unwrap_or(());
    };
    let template = ProgressStyle::with_template("{line}");
    template.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("line", key)
}

fn line_of(row: Arc<Mutex<Row>>, screen: Screen, paint: Paint, names: usize) -> Line {
    Box::new(move |state| {
        let measured = Measured {
            rate: Some(state.per_sec()).filter(|rate| rate.is_finite()).unwrap_or(0.0),
            elapsed: state.elapsed().as_secs_f64(),
        };
        let space = Space { width: usize::from(screen.width()), names };
        row::line(&locked(&row), measured, space, paint)
    })
}

fn footer_of(text: Arc<Mutex<String>>, screen: Screen, paint: Paint) -> Line {
    Box::new(move |state| {
        let mut line = format!("  {}", locked(&text));
        write!(line, " · {}", format::left(state.elapsed().as_secs_f64())).unwrap_or(());
        let line = console::truncate_str(&line, usize::from(screen.width()), "…");
        paint.tone(Tone::Faint, &line)
    })
}

/// Nothing in a locked value can be left half done, so a panic elsewhere does not matter.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
